"""A simulated board: the Verilator model of the top that `hwsv build` synthesises, behind a pseudo-terminal.

Clock and reset, UART shell and accelerator are the generated files, bit by bit at the pins ``rx`` and ``tx``. Not as on
the board are: the PLL (``rtl_templates/sim/pll.sv``), the clock cycles a bit (`DIVISOR`) and the shell's time-out
(`TIMEOUT_CYCLES`), both parameters of the top, and time itself: a cycle takes a microsecond or three, and while
nothing is under way the clock stands still. Memories are read from ``DIR/mem`` when the board starts. ::

    with SimulatedBoard(design) as board:
        open_driver(board.port, design.manifest.board, design, TIMEOUT_S)
"""

import os
import pty
import select
import socket
import subprocess
import tempfile
import tty
from pathlib import Path
from typing import Self

from hwsv import __version__
from hwsv.codegen.templates import templates
from hwsv.cosim import verilator
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.flows.top import BoardTop, write_board
from hwsv.resources import data_folder

DIVISOR = 16
"""Clock cycles a bit. A board has more (ULX3S 40, Tang Nano 20K 234), which would only make the simulation longer."""

TIMEOUT_CYCLES = 8_000_000
"""Cycles without progress after which the shell gives a run up; the board's 2 s would be minutes here."""

TIMEOUT_S = 20.0
"""Allowance for a driver: how much later than on the board an answer may come."""

START_S = 60.0
"""Seconds in which a model must have come out of its reset."""

FOLDER = "simulated_board"


class SimulatedBoard:
    """A board with `design` on it, switched on by ``with`` and off at its end; the design needs no bitstream.

    The model is built at first use, once per content of its sources, in ``DIR/simulated_board``.
    Raises InputError where the design has no UART top or Verilator is missing, CheckFailed where it does not start.
    """

    def __init__(self, design: Design, divisor: int = DIVISOR, timeout_cycles: int = TIMEOUT_CYCLES) -> None:
        self.design, self.divisor, self.timeout_cycles = design, divisor, timeout_cycles
        self.port = ""
        """Path of the pseudo-terminal, while the board is on."""
        self._process: subprocess.Popen[bytes] | None = None

    def build(self) -> Path:
        """The executable for the sources as they are in the folder now."""
        folder = self.design.folder / FOLDER
        top, sources = write_board(self.design, folder)
        pll = [data_folder("rtl_templates") / "sim" / "pll.sv"] if top.pll else []
        texts = {"bench.sv": self._bench(top)}
        return verilator.build(folder / "build", [*sources, *pll], texts, "board", ("board.cpp",))

    def start(self) -> None:
        """Switch on: the port is there, the reset is over."""
        executable = self.build().resolve()
        line, self._line = pty.openpty()
        tty.setraw(self._line)
        ours, theirs = socket.socketpair()
        self._control, self._log = ours, tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the board is on
        try:
            self._process = subprocess.Popen(
                [str(executable), str(line), str(theirs.fileno()), str(self.divisor)],
                cwd=self.design.folder / "rtl",  # the RTL reads ../mem
                pass_fds=(line, theirs.fileno()), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            )  # fmt: skip
        finally:
            os.close(line)  # the model holds it alone: its end is the end of the port
            theirs.close()
        self.port = os.ttyname(self._line)
        ready, _, _ = select.select([ours], [], [], START_S)
        started = bool(ready) and ours.recv(1) == b"!"
        complaints = self._complaints()
        if not started or complaints:
            self.unplug()
            raise CheckFailed(f"the simulated board does not start: {complaints or 'no sign of life'}")

    def press_reset(self) -> None:
        """Press the reset button of the board and release it."""
        if not self.design.manifest.board.pins.reset:
            raise InputError(f"board {self.design.manifest.board.name!r} has no reset button in its file")
        self._control.send(b"r")

    def unplug(self) -> None:
        """Pull the cable: the port goes away, also for whoever has it open. Does nothing when it is out already."""
        if self._process is None:
            return
        self._control.close()  # the model ends with it
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._line)
        self._log.close()
        self._process, self.port = None, ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def _bench(self, top: BoardTop) -> str:
        return templates("rtl_templates", "sim").get_template("board_bench.sv.j2").render(
            top=top, board=self.design.manifest.board, divisor=self.divisor, timeout=self.timeout_cycles,
            version=__version__,
        )  # fmt: skip

    def _complaints(self) -> str:
        """What the model said; a memory file that cannot be read is a warning for Verilator."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()[:300]
