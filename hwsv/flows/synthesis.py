"""Synthesis with yosys (the Python package pyosys, and its SystemVerilog front-end read_slang)."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwsv.errors import CheckFailed
from hwsv.flows import tools

FAMILIES = {
    "ecp5": "synth_ecp5 -nowidelut",
    "GW2A-18C": "synth_gowin -family gw2a -nowidelut -noiopads",
    "GW5A-25A": "synth_gowin -family gw5a -nowidelut -noiopads -nolutram",
    "xc7": "synth_xilinx -family xc7",
    "xcup": "synth_xilinx -family xcup",
}
"""Board family -> yosys. Wide multiplexers are off where they cost two LUTs and more for one (TOOLCHAIN's figures)."""

_GOWIN_PADS = "iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O"
"""The pads of the top, after all else: yosys' script would give the ROMs some as well."""

WIRE_DELAY = {"ecp5": 300, "GW2A-18C": 500, "GW5A-25A": 500}
"""Of abc9's timing model, ps: what yosys' own scripts take."""

ADDER_BITS = {"GW2A-18C": (10, 5), "GW5A-25A": (10, 5)}
"""Widest sums, differences and comparisons that are plain logic: those with a constant, those of two variables.

A carry chain takes a LUT a bit whatever it computes, and nothing shares these LUTs; short ones, mostly counters and
comparisons with constants, are smaller as logic, in which the multiplexers around them vanish.
"""

_NARROW_ADDER = """
(* techmap_celltype = "$alu" *)
module narrow_adder(A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_A_ = 0;
  parameter _TECHMAP_CONSTMSK_B_ = 0;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  input CI, BI;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;
  wire _TECHMAP_FAIL_ = Y_WIDTH > (&_TECHMAP_CONSTMSK_A_ || &_TECHMAP_CONSTMSK_B_ ? `WITH_CONSTANT : `OF_VARIABLES);
  wire [Y_WIDTH-1:0] a, b;
  wire [Y_WIDTH:0] carry;
  \\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
  \\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(b));
  wire [Y_WIDTH-1:0] operand = b ^ {Y_WIDTH{BI}};
  assign carry[0] = CI;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    assign carry[i+1] = (a[i] & operand[i]) | (carry[i] & (a[i] | operand[i]));
  end endgenerate
  assign X = a ^ operand;
  assign Y = X ^ carry[Y_WIDTH-1:0];
  assign CO = carry[Y_WIDTH:1];
endmodule
"""

# A process of its own: yosys prints thousands of lines, and ends the process where it meets an error.
_PROCESS = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for line in open(sys.argv[1]):
    design.run_pass(line.strip())
"""

_PASS = re.compile(r"^[0-9.]+ Executing (\w[\w ]*?) pass")


@dataclass(frozen=True)
class Resources:
    """What a netlist takes. `lut`: 4- or 6-input ones with those of carry chains and LUT memory; `bram`: blocks (18
    kbit; for AMD devices 36 kbit, where two halves make one)."""

    lut: int
    ff: int
    bram: float
    dsp: int

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(self.lut + other.lut, self.ff + other.ff, self.bram + other.bram, self.dsp + other.dsp)


# cells -> what one of them takes: (LUTs, flip-flops, blocks of RAM, multipliers)
_WEIGHTS: list[tuple[str, tuple[float, float, float, float]]] = [
    (r"LUT[1-6]", (1, 0, 0, 0)),
    (r"CCU2C", (2, 0, 0, 0)),  # ECP5: a carry cell is two LUTs
    (r"TRELLIS_DPR16X4", (6, 0, 0, 0)),  # four LUTs, and two that become their write port
    (r"TRELLIS_FF", (0, 1, 0, 0)),
    (r"DP16KD|PDPW16KD", (0, 0, 1, 0)),
    (r"MULT18X18D", (0, 0, 0, 1)),
    (r"ALU", (1, 0, 0, 0)),  # Gowin
    (r"RAM16SDP4", (4, 0, 0, 0)),
    (r"RAM16SDP2", (2, 0, 0, 0)),
    (r"RAM16SDP1", (1, 0, 0, 0)),
    (r"DFF[A-Z]*", (0, 1, 0, 0)),
    (r"SDPX?9?B?|DPX?9?B?|SPX?9?|pROM(X9)?", (0, 0, 1, 0)),
    (r"MULT(9X9|12X12|18X18|27X18|36X36)", (0, 0, 0, 1)),
    (r"FD[RSCP]E(_1)?", (0, 1, 0, 0)),  # AMD
    (r"RAM(32|64)X1[SD]", (2, 0, 0, 0)),
    (r"RAM32M", (4, 0, 0, 0)),
    (r"RAM64M", (4, 0, 0, 0)),
    (r"RAM32M16|RAM64M8", (8, 0, 0, 0)),
    (r"RAM128X1D", (4, 0, 0, 0)),
    (r"SRL(16E|C32E)", (1, 0, 0, 0)),
    (r"RAMB36E[12]", (0, 0, 1, 0)),
    (r"RAMB18E[12]", (0, 0, 0.5, 0)),
    (r"DSP48E[12]", (0, 0, 0, 1)),
]


def count(cells: dict[str, int]) -> Resources:
    """Resources of `cells` (type -> number) of any of `FAMILIES`."""
    lut = ff = bram = dsp = 0.0
    for kind, number in cells.items():
        for pattern, weights in _WEIGHTS:
            if re.fullmatch(pattern, kind):
                lut, ff, bram, dsp = (a + number * w for a, w in zip((lut, ff, bram, dsp), weights, strict=True))
                break
    return Resources(round(lut), round(ff), bram, round(dsp))


def synthesise(
    sources: Sequence[Path],
    top: str,
    family: str,
    out: Path,
    work: Path,
    progress: tools.Progress = lambda what: None,
) -> tuple[Resources, float]:
    """Netlist ``out`` (JSON, for nextpnr) of module `top` of `sources` for `family`; resources and CPU seconds.

    work: folder that the tool runs in: memory files are found relative to it. Modules with the attribute
    ``keep_hierarchy`` stay apart (`hwsv.flows.breakdown`). The log is ``out`` with ``.log``.
    Raises CheckFailed with yosys' message.
    """
    tools.require_tools("pyosys")
    out.parent.mkdir(parents=True, exist_ok=True)
    if family == "ecp5":  # slang must know the PLL's ports
        library = f" -v {_quote(tools.package_folder('pyosys') / 'share' / 'ecp5' / 'cells_bb.v')}"
    else:
        library = ""
    names = [_quote(path.absolute()) for path in sources]
    statistics = out.with_suffix(".stat.json").absolute()
    adder = out.with_suffix(".adder.v").absolute()
    adder.write_text(_NARROW_ADDER)
    script = [f"read_slang --keep-hierarchy --top {top}{library} " + " ".join(names), *_mapping(family, top, adder)]
    script += [f"write_json {_quote(out.absolute())}", f"tee -q -o {_quote(statistics)} stat -json -top {top}"]
    script_path = out.with_suffix(".ys").absolute()
    script_path.write_text("\n".join(script) + "\n")

    def watch(line: str) -> None:
        if found := _PASS.match(line):
            progress(f"synthesis: {found[1].lower()}")

    command = [sys.executable, "-c", _PROCESS, str(script_path)]
    seconds = tools.run(command, work, out.with_suffix(".log"), "synthesis (yosys)", watch)
    try:
        cells = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    except (OSError, ValueError, KeyError) as error:
        raise CheckFailed(f"synthesis (yosys) left no statistics (log: {out.with_suffix('.log')})") from error
    return count(cells), seconds


def _mapping(family: str, top: str, adder: Path) -> list[str]:
    """Passes from RTL to cells; adder: file of `_NARROW_ADDER`.

    ROMs in LUTs are mapped to wide LUTs (a 64-word table of one bit is four LUT4 and their multiplexers, which come
    with them), all other logic is not: there a wide LUT costs more than it does.
    """
    run = f"{FAMILIES[family]} -top {top}"
    if family.startswith("xc"):
        return [f"{run} -flatten", "autoname"]  # names as the other families' scripts give them
    roms = "hwsv_rom$* hwsv_rom"
    no_lut_ram = ["setattr -unset ram_style a:ram_style=distributed"] if "-nolutram" in run else []
    return [
        *no_lut_ram,  # flip-flops, and block RAM where it is large
        f"setattr -mod -set keep_hierarchy 1 {roms}",
        f"{run} -run begin:map_gates",
        *_narrow_adders(family, adder),
        f"{run} -run map_gates:map_luts",
        f"select {roms}", "abc -dress -lut 4:7", "select -clear",
        f"select * {' '.join(f'{rom} %d' for rom in roms.split())}", f"abc9 -maxlut 4 -W {WIRE_DELAY[family]}",
        "select -clear", "clean",
        f"{run} -run map_cells:json",
        f"setattr -mod -unset keep_hierarchy {roms}",
        "flatten", *([_GOWIN_PADS] if family.startswith("GW") else []), "clean",
    ]  # fmt: skip


def _narrow_adders(family: str, adder: Path) -> list[str]:
    if family not in ADDER_BITS:
        return []
    constant, variables = ADDER_BITS[family]
    return [f"techmap -map {_quote(adder)} -D WITH_CONSTANT={constant} -D OF_VARIABLES={variables}"]


def _quote(path: Path) -> str:
    """A path for a yosys script."""
    text = str(path)
    if any(c in text for c in '"\\\n'):
        raise CheckFailed(f"{text}: yosys cannot take this file name")
    return f'"{text}"' if " " in text else text
