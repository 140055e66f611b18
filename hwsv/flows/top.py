"""The top of a board: clock, reset, LEDs, UART shell and accelerator (``rtl_templates/project/board.sv.j2``)."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from hwsv import __version__
from hwsv.codegen import rtl
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.templates import templates
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.flows.pll import Pll, ecp5_pll
from hwsv.graph import LENGTH
from hwsv.host.board_info import board_info
from hwsv.resources import data_folder

TIMEOUT_SECONDS = 2
"""Without a feature or a word of the embedding for so long, the shell gives a run up."""


@dataclass(frozen=True)
class BoardTop:
    """What the template prints. Bytes are of one word of a stream."""

    module: str
    core: str
    pll: Pll | None
    divisor: int
    feature_bytes: int
    frame_words: int
    frames_min: int
    frames_max: int
    result_bytes: int
    result_words: int
    timeout: int
    has_length: bool
    info: bytes

    @property
    def info_hex(self) -> str:
        """Byte 0 lowest."""
        return self.info[::-1].hex()


def board_top(design: Design) -> BoardTop:
    """Raises InputError where the board file lacks what a bitstream needs, or its clock cannot be made."""
    board = design.manifest.board
    missing = [name for name in ("clock", "uart_rx", "uart_tx") if getattr(board.pins, name) is None]
    if missing or board.oscillator_mhz is None:
        what = ", ".join([f"pins.{name}" for name in missing] + ["oscillator_mhz"] * (board.oscillator_mhz is None))
        raise InputError(f"board {board.name!r} has no {what} in its file: a bitstream with UART shell needs it")
    if board.family == "ecp5":
        pll = ecp5_pll(board.oscillator_mhz, board.clock_mhz)
    elif board.clock_mhz == board.oscillator_mhz:
        pll = None
    else:
        raise InputError(f"board {board.name!r}: clock_mhz must be oscillator_mhz; hwsv has a PLL for the ECP5 only")
    info = board_info(design)
    core = design_identifier(design.manifest.name)
    return BoardTop(
        f"{core}_board", core, pll, max(4, round(board.clock_hz / board.baud)), info.feature_bytes, info.frame_words,
        info.frames_min, info.frames_max, info.result_bytes, info.result_words,
        round(TIMEOUT_SECONDS * board.clock_hz), LENGTH in design.graph.channels, info.encode(),
    )  # fmt: skip


def write_board(design: Design, folder: Path) -> tuple[BoardTop, list[Path]]:
    """Write top and shell of `design` into `folder`; also its RTL into the design where it is missing.

    Returns the top and all sources. Raises InputError.
    """
    top = board_top(design)
    core = core_sources(design)
    shell = copy_shell("shell", folder)
    template = templates("rtl_templates", "project").get_template("board.sv.j2")
    path = folder / f"{top.module}.sv"
    path.write_text(template.render(top=top, board=design.manifest.board, version=__version__))
    return top, [*core, *shell, path]


def core_sources(design: Design) -> list[Path]:
    """The accelerator's RTL in the order of its ``files.f``; written into the design where it is missing."""
    core = design.folder / "rtl"
    if not (core / "files.f").is_file():
        rtl.generate(design.graph, design.manifest.name, core, design.manifest.board)
    return [core / name for name in (core / "files.f").read_text().split()]


def copy_shell(name: str, folder: Path) -> list[Path]:
    """Modules of ``rtl_templates/<name>/`` as ``hwsv_<module>.sv`` in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    shell = []
    for path in sorted((data_folder("rtl_templates") / name).glob("*.sv")):
        shell.append(folder / f"hwsv_{path.stem}.sv")
        shutil.copyfile(path, shell[-1])
    return shell
