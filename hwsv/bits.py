"""The one bit order of hwsv: how elements become words, in streams, memories and files.

Lane 0 sits in the least significant bits. Integers are two's complement of their type's width, a bipolar element is one
bit (1 is +1). A padding mark, where a stream has one, is the bit above the last lane; the lanes of a marked word are 0.
Words wider than 64 bit are rows of little-endian ``uint64`` limbs.
"""

import numpy as np
from numpy.typing import NDArray

from hwsv import datatypes

PAD = np.iinfo(np.int64).min
"""Stands for a padded tap in arrays of elements (golden model, decoded words); never a value of a data type."""


def limbs(word_bits: int) -> int:
    """64-bit limbs of a word."""
    return -(-word_bits // 64)


def pack(elements: NDArray[np.int64], dtype: str, pad_mark: bool = False) -> NDArray[np.uint64]:
    """Elements ``[n, lanes]`` to words ``[n, limbs]``; rows of `PAD` become marked words when `pad_mark`."""
    elements = np.asarray(elements, dtype=np.int64)
    width = datatypes.bits(dtype)
    n, lanes = elements.shape
    marked = (elements == PAD).any(axis=1) if pad_mark else np.zeros(n, dtype=bool)
    codes = (elements > 0).astype(np.int64) if dtype == datatypes.BIPOLAR else elements
    codes = np.where(marked[:, None], 0, codes)
    planes = ((codes[:, :, None] >> np.arange(width)) & 1).astype(np.uint8).reshape(n, lanes * width)
    if pad_mark:
        planes = np.concatenate([planes, marked[:, None].astype(np.uint8)], axis=1)
    padded = np.zeros((n, limbs(planes.shape[1]) * 64), dtype=np.uint8)
    padded[:, : planes.shape[1]] = planes
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def unpack(words: NDArray[np.uint64], lanes: int, dtype: str, pad_mark: bool = False) -> NDArray[np.int64]:
    """Words ``[n, limbs]`` to elements ``[n, lanes]``: the inverse of `pack`."""
    width = datatypes.bits(dtype)
    raw = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    planes = np.unpackbits(raw, axis=1, bitorder="little")
    body = planes[:, : lanes * width].reshape(len(planes), lanes, width).astype(np.int64)
    values = (body << np.arange(width)).sum(axis=2)
    if dtype == datatypes.BIPOLAR:
        values = 2 * values - 1
    elif datatypes.is_signed(dtype):
        values -= (values >> (width - 1)) << width
    if pad_mark:
        values[planes[:, lanes * width] == 1] = PAD
    return values


def to_hex(words: NDArray[np.uint64], word_bits: int) -> list[str]:
    """One hexadecimal number a word, most significant digit first, as ``$readmemh`` reads it."""
    digits = -(-word_bits // 4)
    raw = np.ascontiguousarray(words[:, ::-1], dtype=">u8").tobytes().hex()
    step = 16 * words.shape[1]
    return [raw[i + step - digits : i + step] for i in range(0, len(raw), step)]


def from_hex(lines: list[str], word_bits: int) -> NDArray[np.uint64]:
    """The inverse of `to_hex`. Raises ValueError for anything but hexadecimal numbers of `word_bits` bits."""
    count = limbs(word_bits)
    raw = bytes.fromhex("".join(line.strip().zfill(16 * count) for line in lines))
    words = np.frombuffer(raw, dtype=">u8").reshape(len(lines), count)[:, ::-1].astype(np.uint64)
    if word_bits % 64 and (words[:, -1] >> np.uint64(word_bits % 64)).any():
        raise ValueError(f"a number has more than {word_bits} bits")
    return words
