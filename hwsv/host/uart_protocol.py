"""Frames between the host and the UART shell, as ``docs/uart-protocol.md`` and ``rtl_templates/shell/`` have them."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

PROTOCOL_VERSION = 1
MAX_PAYLOAD = 248
"""Bytes that the shell takes in one frame; its replies may be longer."""

FLAG, ESCAPE, INVERT = 0x7E, 0x7D, 0x20
_HEADER = struct.Struct("<BBH")


class Kind(IntEnum):
    """What a frame is. A reply has its request's number plus 0x80."""

    INFO = 1
    LOOPBACK = 2
    RESET = 3
    BEGIN = 4
    FEATURES = 5
    RESULT = 0x86
    ERROR = 0xFF


REPLY = 0x80


class ErrorCode(IntEnum):
    """First byte of an ERROR frame; the second is the kind of the request."""

    BAD_TYPE = 1
    BAD_LENGTH = 2
    NO_RUN = 3
    BAD_SEQUENCE = 4
    TOO_MANY = 5
    TIMED_OUT = 6
    BAD_FRAMES = 7


@dataclass(frozen=True)
class Frame:
    """One frame: `kind` (`Kind`, or that plus `REPLY`), sequence number, payload."""

    kind: int
    sequence: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the line, both flags included."""
        body = _HEADER.pack(self.kind, self.sequence, len(self.payload)) + self.payload
        body += zlib.crc32(body).to_bytes(4, "little")
        return bytes([FLAG]) + _escape(body) + bytes([FLAG])


def _escape(body: bytes) -> bytes:
    for special in (ESCAPE, FLAG):  # in this order: the second one's escapes must not be escaped again
        body = body.replace(bytes([special]), bytes([ESCAPE, special ^ INVERT]))
    return body


class Decoder:
    """Frames out of any byte stream; what is damaged is dropped and counted."""

    def __init__(self) -> None:
        self.damaged = 0
        self._body = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        """The frames that `received` completes."""
        for byte in received:
            if byte != FLAG:
                self._body.append(byte)
                continue
            frame = _decode(bytes(self._body))
            self.damaged += frame is None and len(self._body) > 0
            self._body.clear()
            if frame:
                yield frame


def _decode(body: bytes) -> Frame | None:
    if body.endswith(bytes([ESCAPE])):  # an aborted frame
        return None
    parts = body.split(bytes([ESCAPE]))
    raw = parts[0] + b"".join(bytes([part[0] ^ INVERT]) + part[1:] for part in parts[1:] if part)
    if len(raw) < 8 or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        return None
    kind, sequence, length = _HEADER.unpack(raw[:4])
    return Frame(kind, sequence, raw[4:-4]) if length == len(raw) - 8 else None


@dataclass(frozen=True)
class Info:
    """Payload of the reply to INFO. `feature_bytes`, `result_bytes`: of a word of the core's streams."""

    feature_bytes: int
    frame_words: int
    frames_min: int
    frames_max: int
    result_bytes: int
    result_words: int
    clock_hz: int
    design_hash: str
    """SHA-256 of the design as hexadecimal digits: `hwsv.design.Manifest.hash`."""
    hwsv_version: str
    protocol: int = PROTOCOL_VERSION

    _struct: ClassVar[struct.Struct] = struct.Struct("<BBHHHBxHI32s16s")

    def encode(self) -> bytes:
        """64 bytes."""
        return self._struct.pack(
            self.protocol, self.feature_bytes, self.frame_words, self.frames_min, self.frames_max, self.result_bytes,
            self.result_words, self.clock_hz, bytes.fromhex(self.design_hash), self.hwsv_version.encode()[:16],
        )  # fmt: skip

    @classmethod
    def decode(cls, payload: bytes) -> "Info":
        """Raises ValueError for a payload of another protocol."""
        if len(payload) != cls._struct.size or payload[0] != PROTOCOL_VERSION:
            raise ValueError(f"not an INFO of protocol {PROTOCOL_VERSION}")
        protocol, feature, words, low, high, result, results, clock, digest, version = cls._struct.unpack(payload)
        text = version.rstrip(b"\0").decode("ascii", "replace")
        return cls(feature, words, low, high, result, results, clock, digest.hex(), text, protocol)


def requests(features: bytes, frames: int, word_bytes: int, sequence: int = 0) -> list[Frame]:
    """The frames of one run: BEGIN, then the features in order, as many whole words a frame as fit."""
    step = MAX_PAYLOAD // word_bytes * word_bytes
    chunks = [features[at : at + step] for at in range(0, len(features), step)]
    begin = Frame(Kind.BEGIN, sequence & 0xFF, frames.to_bytes(2, "little"))
    return [begin, *(Frame(Kind.FEATURES, (sequence + 1 + i) & 0xFF, chunk) for i, chunk in enumerate(chunks))]


@dataclass(frozen=True)
class Result:
    """Payload of RESULT. Cycles from the first (`total`) and from the last (`latency`) feature word entering the core
    to its first word of the embedding; `words`: the embedding's words as they left the core."""

    total: int
    latency: int
    words: bytes

    @classmethod
    def decode(cls, payload: bytes) -> "Result":
        """Raises struct.error for fewer than 8 bytes."""
        total, latency = struct.unpack("<II", payload[:8])
        return cls(total, latency, payload[8:])
