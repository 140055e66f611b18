"""LUTs of a matrix-vector unit by yosys, beside FINN's own model: ``python -m benchmarks.mvtu_area``.

The unit is 288 x 32 at SIMD 32 and PE 16, bipolar, with padding marks and one threshold a channel: 2 * 32 * 16 = 1024
operations a cycle. ROMs are not counted: their bits are black boxes. LUT RAM and carry cells are.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwsv.codegen.rtl import write_modules
from hwsv.errors import InputError
from hwsv.finn.builder import import_finn
from hwsv.flows.synthesis import count
from hwsv.units.base import Unit
from hwsv.units.mvtu import Mvtu
from hwsv.units.threshold import Threshold

Row = tuple[str, str, str]

SIMD, PE, SYNAPSES, OUTPUTS = 32, 16, 288, 32
OPERATIONS = 2 * SIMD * PE

ROM = """
(* blackbox *) module rom_bit(input logic clk, input logic [31:0] address, output logic data);
endmodule
module hwsv_rom #(parameter int WIDTH = 8, parameter int DEPTH = 2, parameter FILE = "", parameter int BLOCK = 0,
                  parameter int STAGES = 2, localparam int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1)
    (input logic clk, input logic [ADDRESS_BITS-1:0] address, output logic [WIDTH-1:0] data);
  for (genvar i = 0; i < WIDTH; i++) begin : bits
    rom_bit one (.clk, .address(32'(address)), .data(data[i]));
  end
endmodule
"""
"""Stands for rom.sv."""

PASSES = {"ECP5": "synth_ecp5 -nowidelut", "UltraScale+": "synth_xilinx -family xcup -noiopad -flatten"}
BARS = {"ECP5": 1.75, "UltraScale+": 1.35}
"""LUTs per operation per cycle that units with thresholds may take (issue 4)."""

_SYNTHESIS = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    design.run_pass(command)
"""


def main() -> None:
    """One table."""
    table = Table("what", "LUT per operation per cycle", "detail", title=f"MVTU {SYNAPSES}x{OUTPUTS}, {SIMD=}, {PE=}")
    for row in all_rows():
        table.add_row(*map(escape, row))
    Console().print(table)


def all_rows() -> Iterator[Row]:
    """(benchmark, figure, detail) for each technology, and of FINN's model."""
    rows = np.ones((OUTPUTS, SYNAPSES), np.int64)
    mvtu = Mvtu(1, SYNAPSES, SIMD, rows, "BIPOLAR", "BIPOLAR", "INT10", pad_mark=True, pe=PE, simd=SIMD)
    levels = np.arange(OUTPUTS)[:, None] - 16
    threshold = Threshold(1, OUTPUTS, "INT10", "BIPOLAR", levels, np.zeros(OUTPUTS, np.int64), -1, 2, lanes=PE)
    between = {"WIDTH": mvtu.outputs()[0].word_bits, "DEPTH": 2, "LATENCY": 1}
    for technology in PASSES:
        cells = [synthesise(technology, unit.kind, parameters(unit)) for unit in (mvtu, threshold)]
        counted = [count(found).lut for found in cells]
        detail = f"mvtu {counted[0]} ({_shown(cells[0])}), threshold {counted[1]} ({_shown(cells[1])})"
        figure = f"{sum(counted) / OPERATIONS:.2f}, at most {BARS[technology]}"
        yield f"mvtu and threshold, {technology}", figure, detail
        channel = count(synthesise(technology, "fifo", between)).lut
        figure = f"{(sum(counted) + channel) / OPERATIONS:.2f}"
        yield "… and the FIFO between them", figure, f"{channel} for 2 words of {between['WIDTH']} bits"
    yield from finn()


def parameters(unit: Unit) -> dict[str, int]:
    """The parameters of the unit's RTL, all of its memories in LUTs."""
    found = dict(unit.rtl_parameters())
    for name, (_, depth, width) in unit.memory_shapes().items():
        found |= {f"{name.upper()}_DEPTH": depth, f"{name.upper()}_BITS": width}
    return found


def synthesise(technology: str, kind: str, values: dict[str, int]) -> Counter[str]:
    """Cells by type of ``hwsv_<kind>`` with these parameters."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_modules(folder, [kind])
        (folder / "hwsv_rom.sv").write_text(ROM)
        sources = " ".join(str(path) for path in sorted(folder.glob("*.sv")))
        overrides = " ".join(f"-G {key}={value}" for key, value in values.items())
        commands = [
            f"read_slang --top hwsv_{kind} {overrides} {sources}", PASSES[technology], f"tee -o {folder}/cells stat",
        ]  # fmt: skip
        done = subprocess.run([sys.executable, "-c", _SYNTHESIS, *commands], capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"yosys stops: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        lines = (folder / "cells").read_text().splitlines()
    return Counter({m[2]: int(m[1]) for line in lines if (m := re.fullmatch(r"\s*(\d+)\s+([A-Z]\w+)", line))})


def _shown(cells: Counter[str]) -> str:
    counted = [f"{n} {cell}" for cell, n in sorted(cells.items()) if count({cell: 1}).lut]
    return ", ".join(counted)


def finn() -> Iterator[Row]:
    """FINN's published model (FINN-R, 2018) of the same unit, by FINN's own code."""
    try:
        module = import_finn("finn.custom_op.fpgadataflow.hls.matrixvectoractivation_hls")
    except InputError as error:
        yield "FINN's model", "-", str(error)
        return
    for bipolar, without in (("BINARY", 1), ("BINARY", 0)):
        node = onnx.helper.make_node(
            "MVAU_hls", ["x", "w"], ["y"], domain="finn.custom_op.fpgadataflow.hls", PE=PE, SIMD=SIMD, MW=SYNAPSES,
            MH=OUTPUTS, inputDataType=bipolar, weightDataType=bipolar, outputDataType=bipolar, accDataType="INT10",
            binaryXnorMode=1, noActivation=without, resType="lut", mem_mode="internal_decoupled", ram_style="block",
            ram_style_thresholds="distributed",
        )  # fmt: skip
        estimate = module.MVAU_hls(node).lut_estimation("xczu3eg-sbva484-1-e")
        name = "FINN's model" + (" without thresholds" if without else ", thresholds in LUT RAM")
        yield name, f"{estimate / OPERATIONS:.2f}", f"{estimate} LUT6, weights not counted"


if __name__ == "__main__":
    main()
