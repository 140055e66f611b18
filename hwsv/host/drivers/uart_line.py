"""A serial port that carries frames: what was sent and received is counted and remembered for the status dump."""

import errno
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import serial
from serial.tools import list_ports

from hwsv.host.drivers.driver import BoardError
from hwsv.host.uart_protocol import MAX_PAYLOAD, REPLY, Decoder, ErrorCode, Frame, Kind

POLL_S = 0.02
"""How often a wait looks at its deadline; bytes are seen at once."""

REMEMBERED = 12
"""Frames that the status dump shows."""

BITS_A_BYTE = 10  # 8N1


@dataclass
class Counters:
    """Since the port was opened. `stale`: good frames that answered nothing that was still asked."""

    sent_frames: int = 0
    sent_bytes: int = 0
    received_frames: int = 0
    received_bytes: int = 0
    repeated: int = 0
    restarted: int = 0
    stale: int = 0
    refused: int = 0

    @property
    def troubles(self) -> int:
        """What had to be done again."""
        return self.repeated + self.restarted

    def __str__(self) -> str:
        return (
            f"sent {self.sent_frames} frames ({self.sent_bytes} bytes), received {self.received_frames} "
            f"({self.received_bytes} bytes); requests repeated {self.repeated}, runs started again {self.restarted}, "
            f"answers too late {self.stale}, errors from the board {self.refused}"
        )


class Line:
    """The port, opened for this process alone. All methods raise BoardError when the port fails.

    timeout_s: how much later than computed the port may take a frame.
    """

    def __init__(self, port: str, baud: int, timeout_s: float) -> None:
        self.port, self.baud, self.counters = port, baud, Counters()
        self._decoder, self._opened = Decoder(), time.monotonic()
        self._waiting: deque[Frame] = deque()
        self._history: deque[str] = deque(maxlen=REMEMBERED)
        try:
            write_s = self.seconds(4 * MAX_PAYLOAD) + timeout_s  # what is before it on the line, and escapes
            self._serial = serial.serial_for_url(port, baud, timeout=POLL_S, write_timeout=write_s, exclusive=True)
        except (OSError, ValueError) as error:
            raise BoardError(f"{port}: {_cannot_open(error)}") from error
        with suppress(OSError, ValueError, NotImplementedError, AttributeError):  # not every port has it
            self._serial.set_low_latency_mode(True)  # else FTDI's chips keep an answer for 16 ms

    def seconds(self, count: int) -> float:
        """Time that `count` bytes take on the line."""
        return count * BITS_A_BYTE / self.baud

    def send(self, frame: Frame) -> None:
        """Hands the frame to the operating system."""
        raw = frame.encode()
        self._note(">", frame)
        try:
            self._serial.write(raw)
        except serial.SerialTimeoutException as error:
            raise self.failure("takes no bytes: its other end is stuck") from error
        except OSError as error:
            raise self._gone(error) from error
        self.counters.sent_frames += 1
        self.counters.sent_bytes += len(raw)

    def receive(self, deadline: float) -> Frame | None:
        """The next good frame, or None at the `deadline` (`time.monotonic`)."""
        while not self._waiting:
            if time.monotonic() >= deadline:
                return None
            try:
                raw = self._serial.read(1)
                raw += self._serial.read(self._serial.in_waiting) if raw else b""
            except (OSError, TypeError) as error:  # TypeError: pyserial, when another thread closes the port
                raise self._gone(error) from error
            self.counters.received_bytes += len(raw)
            self._waiting.extend(self._decoder.feed(raw))
        frame = self._waiting.popleft()
        self.counters.received_frames += 1
        self._note("<", frame)
        return frame

    def failure(self, what: str) -> BoardError:
        """``port: what`` with the dump."""
        return BoardError(f"{self.port}: {what}", self.status())

    def status(self) -> str:
        """Lines: the port, the counters, the last frames."""
        damaged = f"damaged frames received {self._decoder.damaged}"
        frames = [f"  {line}" for line in self._history] or ["  (none)"]
        head = f"serial port {self.port}, {self.baud} baud"
        return "\n".join([head, f"{self.counters}, {damaged}", "last frames:", *frames])

    def close(self) -> None:
        with suppress(OSError):  # an unplugged port has nothing left to close
            self._serial.close()

    def _gone(self, error: Exception) -> BoardError:
        return self.failure(f"the port is gone ({error}): unplugged, switched off, or taken by another program")

    def _note(self, way: str, frame: Frame) -> None:
        after = time.monotonic() - self._opened
        self._history.append(f"{after:9.3f} s {way} {describe(frame)}")


def describe(frame: Frame) -> str:
    """A frame in words: ``answer to FEATURES 17``."""
    if frame.kind == Kind.ERROR and len(frame.payload) == 2:
        return f"ERROR {frame.sequence}: {error_name(frame)}"
    if frame.kind in list(Kind):
        name = Kind(frame.kind).name
    else:
        name = f"answer to {Kind(frame.kind - REPLY).name}" if frame.kind - REPLY in list(Kind) else f"{frame.kind:02X}"
    return f"{name} {frame.sequence}" + (f", {len(frame.payload)} bytes" if frame.payload else "")


def error_name(frame: Frame) -> str:
    """What an ERROR frame says: ``BAD_SEQUENCE to FEATURES``."""
    code, kind = frame.payload
    names = [ErrorCode(code).name if code in list(ErrorCode) else f"error {code}"]
    return " to ".join([*names, Kind(kind).name if kind in list(Kind) else f"request {kind}"])


def _cannot_open(error: Exception) -> str:
    match getattr(error, "errno", None):
        case errno.EAGAIN | errno.EBUSY:
            return "in use by another program (another hwsv, a terminal?); only one at a time can talk to a board"
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            found = ", ".join(sorted(port.device for port in list_ports.comports())) or "none"
            return f"no such port; serial ports here: {found}"
        case errno.EACCES | errno.EPERM:
            return (
                "no permission; add yourself to the group that owns it (Debian: 'adduser $USER dialout', log in again)"
            )
    return f"cannot be opened as a serial port ({error})"
