"""Cost models beside synthesis, and the speed of one MVTU: ``python -m benchmarks.synthesis [DESIGN] [--mvtu]``.

DESIGN (with RTL): its cost models are compared with its netlist by yosys, unit by unit (memories and the FIFOs at a
unit's outputs included): the one of `hwsv build`, or for other boards one of the accelerator alone (synth_xilinx).
--mvtu: LUTs an operation and Fmax of MVTU 288x32, SIMD 32, PE 16 with thresholds, FINN's published model beside it.
"""

import argparse
import math
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from hwsv.boards import Board, load_board
from hwsv.codegen import rtl
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.memory_files import write_memories
from hwsv.codegen.rtl_model import RtlModel, build
from hwsv.design import Design
from hwsv.estimate import estimate
from hwsv.flows.breakdown import breakdown
from hwsv.flows.build import FOLDER
from hwsv.flows.place import place
from hwsv.flows.synthesis import Resources, synthesise
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.mvtu import Mvtu
from hwsv.units.threshold import Threshold
from hwsv.wiring import wire

SIMD, PE, SYNAPSES, CHANNELS = 32, 16, 288, 32
OPERATIONS = 2 * SIMD * PE


def main() -> None:
    """One table a part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("design", type=Path, nargs="?", help="compiled design")
    parser.add_argument("--mvtu", action="store_true", help="LUTs an operation and Fmax of one MVTU")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    console = Console(width=140)
    console.print(describe())
    with tempfile.TemporaryDirectory() as folder:
        if options.mvtu:
            console.print(mvtu_table(Path(folder), options.seeds))
        if options.design:
            console.print(cost_table(Design.open(options.design), Path(folder)))


def cost_table(design: Design, folder: Path) -> Table:
    """Cost models against yosys: sums by unit kind, and of the design. FIFOs count for the unit that fills them."""
    board = design.manifest.board
    core = design_identifier(design.graph.name)
    top, instance = f"{core}_board", "core"
    netlist = design.folder / FOLDER / f"{top}.json"
    if not netlist.is_file():
        rtl_folder = design.folder / "rtl"
        top, instance, netlist = core, "", folder / "core.json"
        sources = [rtl_folder / name for name in (rtl_folder / "files.f").read_text().split()]
        synthesise(sources, core, board.family, netlist, rtl_folder)
    found = breakdown(netlist, top, design.graph, instance)
    model: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    real: dict[str, Resources] = defaultdict(lambda: Resources(0, 0, 0, 0))
    number: dict[str, int] = defaultdict(int)
    for unit in estimate(design.graph, board).units:
        for kind in (unit.kind, "all"):
            values = (unit.lut + unit.memory_lut, unit.ff, unit.bram_blocks, unit.dsp)
            model[kind] = [a + b for a, b in zip(model[kind], values, strict=True)]
            real[kind] += found[unit.node].both
            number[kind] += 1
    table = Table(title=f"Cost models against yosys: {design.manifest.name} for {board.name}", title_justify="left")
    for column in (
        "unit",
        "number",
        "LUT model",
        "yosys",
        "error",
        "FF",
        "yosys",
        "RAM blocks",
        "yosys",
        "DSP",
        "yosys",
    ):
        table.add_column(column, justify="left" if column == "unit" else "right")
    for kind in [*sorted(k for k in model if k != "all"), "all"]:
        lut, ff, bram, dsp = model[kind]
        row, error = real[kind], lut / max(1, real[kind].lut) - 1
        table.add_row(
            kind, str(number[kind]), f"{lut:,.0f}", f"{row.lut:,}", f"{100 * error:+.0f} %", f"{ff:,.0f}",
            f"{row.ff:,}", f"{bram:g}", f"{row.bram:g}", f"{dsp:g}", f"{row.dsp}",
        )  # fmt: skip
    return table


def mvtu_table(folder: Path, seeds: int) -> Table:
    """Both units: LUTs without the weight memory (it is in block RAM) and without FIFOs; Fmax of the routed pair with
    its FIFOs by nextpnr on ECP5 speed grade 8."""
    table = Table(title=f"MVTU {SYNAPSES}x{CHANNELS}, SIMD {SIMD}, PE {PE}, with thresholds", title_justify="left")
    for column in ("device", "LUT", "LUT an operation", "bar", "FINN's model", "Fmax", "bar"):
        table.add_column(column)
    ecp5 = load_board("ulx3s-85f")
    fast = ecp5.model_copy(update={"device": ecp5.device.replace("-6", "-8"), "clock_mhz": 100.0})
    finn = f"{finn_lut() / OPERATIONS:.2f}"
    for board, bar in ((load_board("zcu104"), 1.35), (fast, 1.75)):
        work = folder / board.name
        graph, model = mvtu_pair(work, board)
        netlist, sources = work / "mvtu.json", sorted((work / "rtl").glob("*.sv"))
        synthesise(sources, model.module, board.family, netlist, work / "rtl")
        shares = breakdown(netlist, model.module, graph, core="")
        lut = sum(shares[node.name].unit.lut for node in graph)
        speed = ""
        if board is fast:
            tried = [place(board, netlist, None, seed, lambda what: None)[0] for seed in range(1, seeds + 1)]
            best = max(tried, key=lambda placed: placed.fmax_mhz)
            speed = f"{best.fmax_mhz:g} MHz (best of {seeds} seeds, lowest {min(p.fmax_mhz for p in tried):g})"
        per = f"{lut / OPERATIONS:.2f}"
        table.add_row(board.device, f"{lut:,}", per, f"{bar}", finn, speed, "100 MHz" if speed else "")
    return table


def finn_lut() -> float:
    """FINN's published model of this unit (FINN-R, 2018; `lut_estimation` of MVAU_hls in finn-plus 1.6.1) without the
    weight memory: 300 + 1.1 LUTs for every multiplier, adder and accumulator bit."""
    weight = data = 1
    multipliers = SIMD * (2 * math.ceil((weight + data) / 6) - 1) * (weight + data)
    adders = (weight + data) * (2 * SIMD - 1)
    alpha = math.log2(SYNAPSES) + weight + data - 2
    accumulator = math.ceil(alpha + math.log2(1 + 2**-alpha) + 1)
    return 300 + 1.1 * PE * (multipliers + adders + accumulator)


def mvtu_pair(folder: Path, board: Board) -> tuple[UnitGraph, RtlModel]:
    """Both units with random weights, which live in block RAM; the RTL is in ``folder/rtl``."""
    rng = np.random.default_rng(0)
    weights = rng.choice(np.array([-1, 1]), (CHANNELS, SYNAPSES))
    mvtu = Mvtu(1, SYNAPSES, SIMD, weights, "BIPOLAR", "BIPOLAR", "INT10", pe=PE, simd=SIMD)
    thresholds = rng.integers(-40, 40, (CHANNELS, 1))
    sign = Threshold(1, CHANNELS, "INT10", "BIPOLAR", thresholds, np.zeros(CHANNELS, np.int64), -1, 2, lanes=PE)
    graph = wire(UnitGraph("mvtu", [Node("mvtu", mvtu, (INPUT,), ("acc",)), Node("sign", sign, ("acc",), (OUTPUT,))]))
    write_memories(graph, folder / "mem")
    model = build(graph, "mvtu_pair", board)
    units = [
        replace(u, parameters=[(n, "1" if n == "WEIGHTS_BLOCK" else v) for n, v in u.parameters]) for u in model.units
    ]
    model = replace(model, units=units)
    rtl.write_modules(folder / "rtl", [unit.kind for unit in units])
    rtl.write_top(folder / "rtl" / "mvtu_pair.sv", model)
    return graph, model


if __name__ == "__main__":
    main()
