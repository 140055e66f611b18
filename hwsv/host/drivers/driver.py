"""The one interface between the host and an accelerator on a board.

A driver either returns the embedding of exactly the features that it was given, computed by exactly the design that it
was opened for, or raises `BoardError` within a bounded time: it neither hangs nor returns something else.
Subclasses register themselves; a new kind of connection is one new file in ``hwsv/host/drivers/``.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cache, cached_property
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

import hwsv.host.drivers
from hwsv import bits
from hwsv.boards import Board
from hwsv.design import Design
from hwsv.errors import HwsvError, InputError
from hwsv.graph import INPUT, OUTPUT
from hwsv.host.board_info import board_info
from hwsv.host.uart_protocol import Info
from hwsv.units.base import Stream, Tensor

TIMEOUT_S = 0.5
"""Allowance, in seconds, that an answer may be later than computed: USB, the operating system. A simulated board needs
more: it is slower than its clock."""

DEFAULT_SCHEME = "uart"


class BoardError(HwsvError):
    """The board, its connection or its bitstream is not right. ``str(error)`` is one line; `dump`: `Driver.status`."""

    exit_code = 1

    def __init__(self, message: str, dump: str = "") -> None:
        super().__init__(message)
        self.dump = dump


@dataclass(frozen=True)
class BoardInfo:
    """What a board says of itself. Bytes are those of one word of a stream, words those of a frame or an embedding."""

    design_hash: str
    """SHA-256 of the design as 64 hexadecimal digits: `hwsv.design.Manifest.hash`."""
    hwsv_version: str
    clock_hz: int
    feature_bytes: int
    frame_words: int
    frames_min: int
    frames_max: int
    result_bytes: int
    result_words: int

    @classmethod
    def of(cls, design: Design) -> "BoardInfo":
        """What a board that holds `design`, made by this hwsv at the board file's clock, says."""
        return cls.from_info(board_info(design))

    @classmethod
    def from_info(cls, info: Info) -> "BoardInfo":
        """What an INFO, or the registers of an AXI shell, say."""
        return cls(**{field.name: getattr(info, field.name) for field in fields(cls)})

    def refuse_other(self, design: Design, where: str, dump: str = "") -> None:
        """Raises BoardError, which starts with `where`, unless this is `design`: by hash, then number by number."""
        wanted = BoardInfo.of(design)
        if self.design_hash != wanted.design_hash:
            raise BoardError(
                f"{where}: the board holds design {self.design_hash[:12]} (hwsv {self.hwsv_version}), not "
                f"{design.manifest.name} {wanted.design_hash[:12]} of {design.folder}; load that one's bitstream, or "
                "name the folder of the design that is loaded",
                dump,
            )
        # the clock and the version of hwsv may be others: they change no embedding
        names = [field.name for field in fields(self) if field.name not in ("clock_hz", "hwsv_version")]
        for name in names:
            if (found := getattr(self, name)) != (value := getattr(wanted, name)):
                raise BoardError(
                    f"{where}: the board says {name} = {found}, design {design.folder} has {value}; build it again",
                    dump,
                )


@dataclass(frozen=True)
class RunResult:
    """One utterance on the board.

    embedding: int64 ``[E]``, as every level of `hwsv verify` gives it; cycles from the first (`cycles_total`) and from
    the last (`cycles_tail`) feature word that entered the core to the first word of the embedding.
    """

    embedding: NDArray[np.int64]
    cycles_total: int
    cycles_tail: int


class Driver(ABC):
    """An open connection to a board. All methods raise BoardError; it is a context manager that closes.

    `scheme`: what a port starts with (``scheme:address``) to get this driver.
    """

    scheme: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _REGISTRY[cls.scheme] = cls

    @abstractmethod
    def __init__(self, address: str, board: Board, design: Design, timeout_s: float) -> None:
        """Opens the connection. `address`: the port without its scheme; `timeout_s`: see `TIMEOUT_S`."""
        self.address, self.board, self.design, self.timeout_s = address, board, design, timeout_s

    @abstractmethod
    def info(self) -> BoardInfo:
        """What the board says of itself, asked anew."""

    @abstractmethod
    def loopback(self, content: bytes) -> bytes:
        """`content` as it comes back from the board (unequal content is the caller's finding)."""

    @abstractmethod
    def reset(self) -> None:
        """Resets the accelerator and ends a run."""

    @abstractmethod
    def run(self, features: NDArray[np.integer]) -> RunResult:
        """The embedding of one utterance: integers ``[T, F]`` or ``[T, F, C]`` as `Design.check_features` takes them.

        Raises InputError for other features.
        """

    @abstractmethod
    def status(self) -> str:
        """Lines for a person: counters, the last frames or registers, errors. Never raises, and asks the board nothing
        that could block."""

    @abstractmethod
    def close(self) -> None:
        """Gives the connection back; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def feature_words(self, features: Tensor) -> bytes:
        """Words of an input int64 ``[T, F, C]``, each padded to whole bytes, lane 0 in the least significant bits."""
        stream = self._input
        words = bits.pack(stream.words(features), stream.dtype)
        return words.astype("<u8").view(np.uint8)[:, : -(-stream.word_bits // 8)].tobytes()

    def embedding(self, raw: bytes) -> Tensor:
        """The inverse for an embedding's words: int64 ``[E]``. Raises BoardError for another number of bytes."""
        stream = self._output
        width, count = -(-stream.word_bits // 8), self.design.manifest.outputs // stream.lanes
        if len(raw) != width * count:
            raise BoardError(f"the embedding has {len(raw)} bytes instead of {width * count}", self.status())
        words = np.zeros((count, 8 * bits.limbs(stream.word_bits)), np.uint8)
        words[:, :width] = np.frombuffer(raw, np.uint8).reshape(count, width)
        return bits.unpack(words.view("<u8").astype(np.uint64), stream.lanes, stream.dtype).reshape(-1)

    @cached_property
    def expected(self) -> BoardInfo:
        """What a board with `design` says."""
        return BoardInfo.of(self.design)

    @cached_property
    def _input(self) -> Stream:
        return self.design.graph.stream(INPUT)

    @cached_property
    def _output(self) -> Stream:
        return self.design.graph.stream(OUTPUT)


_REGISTRY: dict[str, type[Driver]] = {}


@cache
def registry() -> dict[str, type[Driver]]:
    """All drivers by scheme."""
    for module in pkgutil.iter_modules(hwsv.host.drivers.__path__):
        importlib.import_module(f"hwsv.host.drivers.{module.name}")
    return dict(sorted(_REGISTRY.items()))


def open_driver(
    port: str, board: Board, design: Design, timeout_s: float = TIMEOUT_S, check_design: bool = True
) -> Driver:
    """The driver for `port`: ``scheme:address``, or a serial port (``/dev/ttyUSB0``, ``COM3``, a URL of pyserial).

    Raises BoardError when nothing answers and, unless `check_design` is False, when the board holds another design
    than `design`; InputError for an option that makes no sense.
    """
    if timeout_s <= 0:
        raise InputError(f"a time-out of {timeout_s:g} s leaves no time to answer")
    scheme, _, address = port.partition(":")
    if scheme not in registry():
        scheme, address = DEFAULT_SCHEME, port
    driver = registry()[scheme](address, board, design, timeout_s)
    try:
        if check_design:
            driver.info().refuse_other(design, port, driver.status())
    except BaseException:
        driver.close()
        raise
    return driver
