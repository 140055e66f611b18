"""PYNQ: the AXI shell behind a DMA, on the board's own processor.

The registers, the DMA and its time-outs are `hwsv.host.onboard.accelerator`, which every overlay package carries. Where
the board's Python cannot run hwsv, its server lends the accelerator to the UART driver (``socket://BOARD:7420``).
"""

import importlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv.boards import Board
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.host.drivers.driver import BoardError, BoardInfo, Driver, RunResult
from hwsv.host.onboard.accelerator import FACTS, Accelerator, AcceleratorError

HINT = (
    "the Python package pynq is not here, it runs on the board itself: start 'python3 -m hwsv.host.onboard.server' "
    "there and connect from here with --port socket://BOARD:7420"
)


class PynqDriver(Driver):
    """`address`: the folder of an overlay package. Opening it programs the logic."""

    scheme = "pynq"

    def __init__(self, address: str, board: Board, design: Design, timeout_s: float) -> None:
        super().__init__(address, board, design, timeout_s)
        self._accelerator: Accelerator | None = None
        folder = Path(address)
        if not address or not (folder / FACTS).is_file():
            raise InputError(f"pynq:{address}: no overlay here ({FACTS} is missing); give the folder of its package")
        try:
            pynq = importlib.import_module("pynq")
        except ImportError as error:
            raise InputError(f"pynq:{address}: {HINT}") from error
        with self._errors():
            self._accelerator = Accelerator(folder, pynq)

    def info(self) -> BoardInfo:
        return BoardInfo.from_info(self._opened.info)

    def loopback(self, content: bytes) -> bytes:
        """Through a register, 32 bits at a time."""
        padded = content + bytes(-len(content) % 4)
        with self._errors():
            back = [self._opened.loopback(word) for (word,) in struct.iter_unpack("<I", padded)]
        return struct.pack(f"<{len(back)}I", *back)[: len(content)]

    def reset(self) -> None:
        with self._errors():
            self._opened.reset()

    def run(self, features: NDArray[np.integer]) -> RunResult:
        values = self.design.check_features(features)
        info = self._opened.info
        with self._errors():
            found = self._opened.run(self.feature_words(values), len(values))
        words = found.words[: info.result_bytes * info.result_words]
        return RunResult(self.embedding(words), found.total, found.latency)

    def status(self) -> str:
        try:
            return self._accelerator.status() if self._accelerator else "closed"
        except Exception as error:  # whatever the bus does, a dump must not hide the error that asked for it
            return f"the registers cannot be read: {error}"

    def close(self) -> None:
        self._accelerator = None

    @property
    def _opened(self) -> Accelerator:
        if self._accelerator is None:
            raise BoardError(f"pynq:{self.address}: the connection is closed")
        return self._accelerator

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """AcceleratorError, and what pynq itself raises, as BoardError."""
        try:
            yield
        except AcceleratorError as error:
            raise BoardError(f"pynq:{self.address}: {error}", error.dump) from error
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise BoardError(f"pynq:{self.address}: {type(error).__name__}: {error}", self.status()) from error
