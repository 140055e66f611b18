"""A man in the middle: a pseudo-terminal in front of a port, which damages what passes."""

import contextlib
import itertools
import os
import pty
import random
import select
import sys
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from typing import Self

from hwsv.host import uart_protocol

Damage = Callable[[bytes], list[tuple[float, bytes]]]
"""What becomes of bytes: pieces in their order, each with a pause (seconds) before it."""

TICK_S = 0.01
FLAG = bytes([uart_protocol.FLAG])


def clean(raw: bytes) -> list[tuple[float, bytes]]:
    return [(0.0, raw)]


def drop(rng: random.Random, rate: float) -> Damage:
    """Each byte is lost with probability `rate`."""
    return lambda raw: [(0.0, bytes(byte for byte in raw if rng.random() >= rate))]


def duplicate(rng: random.Random, rate: float) -> Damage:
    """Each byte comes twice with probability `rate`."""
    return lambda raw: [(0.0, b"".join(bytes([byte]) * (1 + (rng.random() < rate)) for byte in raw))]


def flip(rng: random.Random, rate: float) -> Damage:
    """One bit of a byte is wrong with probability `rate`."""
    return lambda raw: [(0.0, bytes(byte ^ (1 << rng.randrange(8)) * (rng.random() < rate) for byte in raw))]


def late(rng: random.Random, rate: float, longest_s: float) -> Damage:
    """With probability `rate`, a pause of up to `longest_s` comes before a byte."""

    def damage(raw: bytes) -> list[tuple[float, bytes]]:
        starts = [0, *(i for i in range(1, len(raw)) if rng.random() < rate), len(raw)]
        pieces = [raw[a:b] for a, b in itertools.pairwise(starts)]
        pauses = [longest_s * rng.random() * (i > 0 or rng.random() < rate) for i in range(len(pieces))]
        return list(zip(pauses, pieces, strict=True))

    return damage


def by_frame(change: Callable[[bytes], tuple[float, bytes]]) -> Damage:
    """`change` for all that ends in a flag, thus for whole frames without the flag that opens them."""
    kept = bytearray()

    def damage(raw: bytes) -> list[tuple[float, bytes]]:
        kept.extend(raw)
        *whole, rest = bytes(kept).split(FLAG)
        kept[:] = rest
        return [change(part + FLAG) for part in whole]

    return damage


class Way:
    """One direction: pieces that wait until they are due, in order."""

    def __init__(self, damage: Damage) -> None:
        self.damage, self.passed = damage, 0
        self._queue: deque[tuple[float, bytes]] = deque()
        self._last = 0.0

    def put(self, raw: bytes, damage: Damage | None = None) -> None:
        for pause, piece in (damage or self.damage)(raw):
            self._last = max(self._last, time.monotonic()) + pause
            self._queue.append((self._last, piece))

    def write(self, fd: int, most: int = sys.maxsize) -> None:
        """What is due, as far as `fd` takes it, and no more than `most` bytes."""
        while most and self._queue and self._queue[0][0] <= time.monotonic():
            due, piece = self._queue.popleft()
            try:
                written = os.write(fd, piece[:most])
            except BlockingIOError:
                written, most = 0, 0
            self.passed += written
            most -= written
            if written < len(piece):
                self._queue.appendleft((due, piece[written:]))


class Injector:
    """Between `port` (what is opened instead of `behind`) and the port `behind`; a thread while it is entered.

    to_board, to_host: what becomes of bytes that pass.
    """

    def __init__(self, behind: str, to_board: Damage = clean, to_host: Damage = clean) -> None:
        self.to_board, self.to_host = Way(to_board), Way(to_host)
        self._host, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._host, False)
        self.port = os.ttyname(self._slave)
        self._board = _open(behind)
        self._triggers: list[tuple[int, Callable[[], object]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def after(self, count: int, action: Callable[[], object]) -> None:
        """Call `action` (in the thread) when `count` more bytes have passed to the board."""
        self._triggers.append((self.to_board.passed + count, action))

    def connect(self, behind: str) -> None:
        """Another board takes the place of the one behind."""
        old, self._board = self._board, _open(behind)
        os.close(old)

    def hang_up(self) -> None:
        """The port goes away under whoever has it open."""
        self._stop.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._host, self._board], [], [], TICK_S)
            for fd, way in ((self._host, self.to_board), (self._board, self.to_host)):
                if fd in ready:
                    with contextlib.suppress(OSError):  # nobody at the other end, or no more
                        way.put(os.read(fd, 4096))
            with contextlib.suppress(OSError):
                self._pass_to_board()
                self.to_host.write(self._host)
        for fd in (self._host, self._slave, self._board):
            os.close(fd)

    def _pass_to_board(self) -> None:
        while self._triggers:
            count, action = min(self._triggers, key=lambda trigger: trigger[0])
            self.to_board.write(self._board, count - self.to_board.passed)
            if self.to_board.passed < count:
                return
            self._triggers.remove((count, action))
            action()
        self.to_board.write(self._board)


def _open(port: str) -> int:
    return os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
