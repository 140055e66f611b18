"""Designs for the boards with Vivado projects, and both tools' stand-ins on a project."""

from pathlib import Path

import pytest

from hwsv.boards import board_names, load_board
from hwsv.codegen import hls, rtl
from hwsv.design import Design
from hwsv.flows.vivado import plan
from tests.flows.designs import make
from tests.flows.vivado import tcl
from tests.flows.vivado.vendor import Vivado
from tests.flows.vivado.vendor_hls import Hls

needs_tcl = pytest.mark.skipif(not tcl.AVAILABLE, reason="no Tcl interpreter: neither tclsh nor Python's tkinter")

BOARDS = [name for name in board_names() if load_board(name).flow == "vivado"]
ZYNQ = [name for name in BOARDS if plan.kind_of(load_board(name)) != "pins"]
EVERY = [(b, "rtl") for b in BOARDS] + [(b, "hls") for b in ZYNQ]


def compiled(folder: Path, board: str, **changes) -> Design:
    design = make(folder, board, **changes)
    rtl.generate(design.graph, design.graph.name, folder / "rtl", design.manifest.board)
    hls.generate(design.graph, design.graph.name, folder / "hls", design.manifest.board)
    hls.write_random_vectors(design.graph, folder / "hls" / "data", [10])
    return design


def run(folder: Path, *argv: str, renamed: bool = True, **options) -> tuple[Vivado, Hls | None]:
    """Both tools on a project. Raises TclError."""
    core = None
    if (folder / "hls").is_dir():
        core = Hls(folder / "hls", renamed)
        tcl.run(core, folder / "hls" / "run_hls.tcl")
    vivado = Vivado(folder, **options)
    tcl.run(vivado, folder / "build.tcl", *argv)
    return vivado, core
