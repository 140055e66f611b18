"""Single bits flipped in what the compiler emitted."""

import re
import zlib
from pathlib import Path

from hwsv.emulator import packed


def flip_memory_bit(path: Path, word: int = 0) -> None:
    """The lowest bit of one word of a ``.mem`` file."""
    lines = path.read_text().splitlines()
    at = [i for i, line in enumerate(lines) if line.strip() and not line.startswith("//")][word]
    lines[at] = f"{int(lines[at], 16) ^ 1:0{len(lines[at])}x}"
    path.write_text("\n".join(lines) + "\n")


def flip_array_bit(path: Path, name: str) -> None:
    """The lowest bit of the first word of the C array `name`."""
    text = path.read_text()
    match = re.search(rf"\b{name}\[[^=]*=[^x]*0x([0-9a-f]+)", text)
    assert match, f"{path} holds no array {name}"
    flipped = f"{int(match[1], 16) ^ 1:x}"
    path.write_text(text[: match.start(1)] + flipped + text[match.end(1) :])


def flip_packed_bit(path: Path, from_end: int = 1) -> None:
    """One parameter bit of a packed network, as if the packer had written it: the checksum is made to fit."""
    raw = bytearray(path.read_bytes())
    raw[-from_end] ^= 1
    magic, version, _ = packed._HEAD.unpack_from(raw)
    packed._HEAD.pack_into(raw, 0, magic, version, zlib.crc32(raw[packed._HEAD.size :]))
    path.write_bytes(bytes(raw))
