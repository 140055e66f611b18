"""Resources on AMD devices without the vendor's tools: ``python -m benchmarks.xilinx DIR…``.

DIR: a design compiled for one of their boards, with RTL. Its accelerator (without the AXI shell) goes through yosys'
synth_xilinx once; the result stands beside its cost model and beside every board of the family (xc7, xcup). yosys'
LUTs are an upper estimate: Vivado packs two small ones into a LUT6. No timing: nothing here routes these devices.
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from hwsv.boards import Board, board_names, load_board
from hwsv.codegen.identifiers import design_identifier
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.estimate import estimate
from hwsv.flows.synthesis import Resources, synthesise

FAMILIES = ("xc7", "xcup")
KINDS = ("LUT", "FF", "BRAM36", "DSP")


def main() -> None:
    """One table a design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("designs", type=Path, nargs="+", help="designs compiled for AMD boards")
    console = Console(width=110)
    console.print(describe())
    for folder in parser.parse_args().designs:
        console.print(table(Design.open(folder)))


def table(design: Design) -> Table:
    """Cost model, synthesis, and the share that synthesis takes of each board of the family."""
    board = design.manifest.board
    if board.family not in FAMILIES:
        raise InputError(f"{design.folder}: compiled for {board.name!r}, not for a board of family {FAMILIES}")
    model, (found, seconds) = modelled(design), synthesised(design)
    shown = Table(
        title=f"{design.manifest.name} for {board.name}, {board.family}, accelerator; yosys took {seconds:.0f} CPU s",
        title_justify="left",
    )
    shown.add_column("")
    for kind in KINDS:
        shown.add_column(kind, justify="right")
    shown.add_row("cost model", *(f"{value:,g}" for value in model))
    shown.add_row("yosys", *(f"{value:,g}" for value in values(found)))
    errors = [f"{100 * (m / f - 1):+.0f} %" if f else "-" for m, f in zip(model, values(found), strict=True)]
    shown.add_row("error of the model", *errors, end_section=True)
    for other in boards(board.family):
        there = (other.resources.lut, other.resources.ff, other.resources.bram_blocks, other.resources.dsp)
        shares = [f"{100 * f / t:.1f} % of {t:,}" for f, t in zip(values(found), there, strict=True)]
        shown.add_row(other.name, *shares)
    return shown


def boards(family: str) -> list[Board]:
    """All boards with a device of `family`."""
    return [board for board in map(load_board, board_names()) if board.family == family]


def values(found: Resources) -> tuple[float, ...]:
    """In the order of `KINDS`."""
    return found.lut, found.ff, found.bram, found.dsp


def modelled(design: Design) -> tuple[float, ...]:
    """What the cost models say, FIFOs included, in the order of `KINDS`."""
    total = estimate(design.graph, design.manifest.board)
    return total.lut, total.ff, total.bram_blocks, total.dsp


def synthesised(design: Design) -> tuple[Resources, float]:
    """What yosys makes of the accelerator, and its CPU seconds."""
    rtl = design.folder / "rtl"
    if not (rtl / "files.f").is_file():
        raise InputError(f"{rtl}: no RTL here; compile the design with --backend rtl")
    sources = [rtl / name for name in (rtl / "files.f").read_text().split()]
    with tempfile.TemporaryDirectory() as folder:
        core = design_identifier(design.manifest.name)
        return synthesise(sources, core, design.manifest.board.family, Path(folder) / f"{core}.json", rtl)


if __name__ == "__main__":
    main()
