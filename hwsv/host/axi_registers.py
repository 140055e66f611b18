"""Registers and packets of the AXI shell (``rtl_templates/shell_axi/``, docs/axi-shell.md).

The one place that knows them: drivers use this file, and `hwsv.flows.axi_top` writes the SystemVerilog package
``hwsv_axi_registers`` from it. Nothing but the standard library is needed, so that it runs on the board as it stands.

All registers are 32 bits wide. Reads have no side effects; an address without a register reads 0, writes to it and to
a register that only reads are ignored. Both are answered OKAY: a Zynq turns SLVERR into a bus error, which kills the
process that dumps registers.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal

from hwsv.host.uart_protocol import Info

IDENTITY = int.from_bytes(b"hwsv", "little")
VERSION = 1
ADDRESS_BITS = 12
"""Of the AXI4-Lite slave: 4 KiB, the least that Vivado assigns."""
MAGIC = int.from_bytes(b"HWSV", "little")
"""First word of an input packet."""
BUS_BYTES = 4
"""Bytes a beat of both AXI4-Streams."""
HEADER_BYTES = 8
"""Before the features in an input packet."""
RESULT_HEADER_BYTES = 12
"""Before the embedding in an output packet."""


class Control(IntFlag):
    """Bits of CONTROL. RESET: forget all utterances and the error, reset the core; clears itself."""

    RESET = 1 << 0


class Status(IntFlag):
    """Bits of STATUS."""

    BUSY = 1 << 0
    """An utterance is inside whose embedding has not left; not after an error."""
    DONE = 1 << 1
    """All utterances begun since RESET (at least one) have handed over their embeddings."""
    FAILED = 1 << 2
    """ERROR is not 0: nothing enters the core until RESET; input is taken and thrown away, so that a DMA ends."""
    SENDING = 1 << 3
    """The first beat of an embedding is on the bus, its last has not been taken. Such a packet is sent to its end, by
    RESET as well: take it (and drop it) before the next run."""
    INSIDE = 1 << 4
    """The input is within a packet: its TLAST has not come."""
    STARVED = 1 << 5
    """Now: a packet has begun, and the shell waits for more of it."""
    BLOCKED = 1 << 6
    """Now: a beat of an embedding waits to be taken."""


class ErrorCode(IntEnum):
    """ERROR: why the shell stopped. The first error stays until RESET."""

    NONE = 0
    BAD_HEADER = 1
    """A packet does not begin with MAGIC, or ends within its header."""
    BAD_FRAMES = 2
    """A number of frames that the design does not take."""
    SHORT = 3
    """TLAST before the last feature (underrun)."""
    LONG = 4
    """No TLAST with the last feature (overrun)."""
    BAD_KEEP = 5
    """TKEEP: a beat with holes, or one before the last that is not full."""
    INPUT_TIMEOUT = 6
    """The rest of a packet did not come."""
    CORE_TIMEOUT = 7
    """The core neither took a feature nor gave a word of the embedding."""
    OUTPUT_TIMEOUT = 8
    """Nobody took the embedding (which is right, and still offered)."""
    STRAY = 9
    """The core gave a word that no utterance asked for."""


@dataclass(frozen=True)
class Register:
    """A register, or `words` of them in a row from `offset` (bytes).

    access: ``rw``, ``r``, or ``w`` (reads 0). reset: value after reset; None for a constant of the design.
    """

    name: str
    offset: int
    access: Literal["r", "w", "rw"]
    reset: int | None
    note: str
    words: int = 1

    @property
    def index(self) -> int:
        """Number of its first word."""
        return self.offset // 4


REGISTERS = (
    Register("IDENTITY", 0x00, "r", IDENTITY, "'hwsv', first character in the low byte"),
    Register("VERSION", 0x04, "r", VERSION, "of this register map and its packets"),
    Register("CONTROL", 0x08, "w", 0, "bits of Control"),
    Register("STATUS", 0x0C, "r", 0, "bits of Status"),
    Register("ERROR", 0x10, "r", 0, "an ErrorCode"),
    Register("UTTERANCES", 0x14, "r", 0, "begun since RESET: good headers"),
    Register("RESULTS", 0x18, "r", 0, "embeddings handed over since RESET"),
    Register("HEADER", 0x1C, "r", 0, "of the utterance begun last: frames, tag << 16"),
    Register("FED", 0x20, "r", 0, "feature words of the utterance begun last that the core has taken"),
    Register("TOTAL", 0x24, "r", 0, "cycles, latest embedding: first feature into the core to first word out of it"),
    Register("LATENCY", 0x28, "r", 0, "cycles, latest embedding: last feature into the core to first word out of it"),
    Register("TIMEOUT", 0x2C, "rw", None, "cycles without progress that end a run, 0: never; reset: two seconds"),
    Register("SCRATCH", 0x30, "rw", 0, "for a loopback"),
    Register("FEATURE_BYTES", 0x40, "r", None, "bytes a feature word"),
    Register("FRAME_WORDS", 0x44, "r", None, "feature words a frame"),
    Register("FRAMES_MIN", 0x48, "r", None, "fewest frames of an utterance"),
    Register("FRAMES_MAX", 0x4C, "r", None, "most frames of an utterance"),
    Register("RESULT_BYTES", 0x50, "r", None, "bytes a word of the embedding"),
    Register("RESULT_WORDS", 0x54, "r", None, "words of the embedding"),
    Register("CLOCK_HZ", 0x58, "r", None, "of the shell and the core"),
    Register("DESIGN_HASH", 0x60, "r", None, "SHA-256 of the design, first byte in the low byte of the first word", 8),
    Register("HWSV_VERSION", 0x80, "r", None, "of hwsv: 16 characters, padded with zeros, first in the low byte", 4),
)
BY_NAME = {register.name: register for register in REGISTERS}
WORDS = max(register.index + register.words for register in REGISTERS)
"""Words from address 0 that hold all registers."""


def offset(name: str) -> int:
    """Byte address of register `name`."""
    return BY_NAME[name].offset


def read_info(read: Callable[[int], int]) -> Info:
    """What the host must know of the design. read(byte address) -> 32 bits. Raises ValueError for another core."""

    def value(name: str) -> int:
        return read(offset(name))

    def content(name: str) -> bytes:
        register = BY_NAME[name]
        return struct.pack(f"<{register.words}I", *(read(register.offset + 4 * i) for i in range(register.words)))

    if value("IDENTITY") != IDENTITY or value("VERSION") != VERSION:
        raise ValueError(f"not an AXI shell of hwsv, version {VERSION}")
    return Info(
        value("FEATURE_BYTES"), value("FRAME_WORDS"), value("FRAMES_MIN"), value("FRAMES_MAX"), value("RESULT_BYTES"),
        value("RESULT_WORDS"), value("CLOCK_HZ"), content("DESIGN_HASH").hex(),
        content("HWSV_VERSION").rstrip(b"\0").decode("ascii", "replace"), VERSION,
    )  # fmt: skip


def dump(read: Callable[[int], int]) -> dict[str, str]:
    """What can change, and who it is, for a person: register -> text. read(byte address) -> 32 bits."""
    found = {r.name: read(r.offset) for r in REGISTERS if r.access == "rw" or (r.access == "r" and r.reset is not None)}
    texts = {name: str(number) for name, number in found.items()}
    texts["IDENTITY"] = f"{found['IDENTITY']:#010x}"
    texts["STATUS"] = " ".join(bit.name or "" for bit in Status if found["STATUS"] & bit) or "idle"
    code = found["ERROR"]
    texts["ERROR"] = ErrorCode(code).name if code in ErrorCode.__members__.values() else f"unknown ({code})"
    texts["HEADER"] = f"{found['HEADER'] & 0xFFFF} frames, tag {found['HEADER'] >> 16}"
    return texts


def packet(features: bytes, frames: int, tag: int) -> bytes:
    """One utterance as the shell takes it, TLAST with its end: MAGIC, frames and tag, the feature words.

    features: `frames` times FRAME_WORDS words of FEATURE_BYTES bytes; tag: 16 bits that come back with the embedding.
    """
    return struct.pack("<IHH", MAGIC, frames, tag) + features


@dataclass(frozen=True)
class AxiResult:
    """An output packet. `frames`, `tag`: of the utterance that it belongs to; cycles `total` and `latency` as the
    registers have them; `words`: the embedding's words as they left the core, RESULT_BYTES each."""

    frames: int
    tag: int
    total: int
    latency: int
    words: bytes

    @classmethod
    def decode(cls, content: bytes, info: Info) -> "AxiResult":
        """Raises ValueError for another number of bytes than `result_packet_bytes`."""
        if len(content) != result_packet_bytes(info):
            raise ValueError(f"an output packet has {result_packet_bytes(info)} bytes, not {len(content)}")
        frames, tag, total, latency = struct.unpack("<HHII", content[:RESULT_HEADER_BYTES])
        end = RESULT_HEADER_BYTES + info.result_bytes * info.result_words
        return cls(frames, tag, total, latency, content[RESULT_HEADER_BYTES:end])


def result_packet_bytes(info: Info) -> int:
    """Bytes of an output packet: its end is padded with zeros to a whole beat."""
    return RESULT_HEADER_BYTES + -(-info.result_bytes * info.result_words // BUS_BYTES) * BUS_BYTES
