"""Resources and Fmax of a design's pooling units, each alone with its FIFOs: ``python -m benchmarks.pooling DESIGN``.

Placed and routed by nextpnr for an ECP5 at speed grades 6 (the ULX3S) and 8; pins are free.
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from hwsv.boards import load_board
from hwsv.codegen import rtl, rtl_model
from hwsv.codegen.memory_files import write_memories
from hwsv.design import Design
from hwsv.flows.place import place
from hwsv.flows.synthesis import synthesise

KINDS = ("pool", "stats_pool")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("design", type=Path, help="compiled design")
    parser.add_argument("--seed", type=int, default=1, help="of nextpnr")
    options = parser.parse_args()
    console = Console(width=140)
    console.print(describe())
    with tempfile.TemporaryDirectory() as folder:
        console.print(table(Design.open(options.design), Path(folder), options.seed))


def table(design: Design, folder: Path, seed: int) -> Table:
    """A row for each pooling unit."""
    found = Table("unit", "LUT", "FF", "block RAM", "DSP", "grade 6 MHz", "grade 8 MHz")
    board = load_board("ulx3s-85f")
    model = rtl_model.build(design.graph, "net", board)
    write_memories(design.graph, folder / "mem")
    for unit in model.units:
        if unit.kind not in KINDS:
            continue
        alone = rtl_model.unit_model(model, unit)
        work = folder / unit.name
        rtl.write_modules(work, [unit.kind])
        rtl.write_top(work / f"{alone.module}.sv", alone)
        used, _ = synthesise(sorted(work.glob("*.sv")), alone.module, board.family, work / "unit.json", work)
        speeds = []
        for grade in (6, 8):
            part = board.model_copy(update={"device": board.device.replace("-6", f"-{grade}"), "clock_mhz": 100.0})
            speeds.append(f"{place(part, work / 'unit.json', None, seed, lambda what: None)[0].fmax_mhz:.0f}")
        found.add_row(unit.name, *(str(n) for n in (used.lut, used.ff, used.bram, used.dsp)), *speeds)
    return found


if __name__ == "__main__":
    main()
