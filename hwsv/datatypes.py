"""Element data types of streams, named as in QONNX: BIPOLAR, INT<n>, UINT<n>."""

import re
from functools import lru_cache

from hwsv.errors import InputError

BIPOLAR = "BIPOLAR"
_NAME = re.compile(r"(U?)INT([1-9][0-9]?)")


@lru_cache
def _parse(dtype: str) -> tuple[int, int, int]:
    """(bits, min, max) of a data type."""
    if dtype == BIPOLAR:
        return 1, -1, 1
    match = _NAME.fullmatch(dtype)
    if not match or int(match[2]) > 62:
        raise InputError(f"data type {dtype!r} is not supported; use BIPOLAR, INT1 … INT62 or UINT1 … UINT62")
    bits = int(match[2])
    return (bits, 0, 2**bits - 1) if match[1] else (bits, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def bits(dtype: str) -> int:
    """Bits that one element takes in a word. A bipolar element is one bit: 1 is +1, 0 is -1."""
    return _parse(dtype)[0]


def limits(dtype: str) -> tuple[int, int]:
    """Smallest and largest value of the type."""
    return _parse(dtype)[1:]


def is_signed(dtype: str) -> bool:
    """True for INT<n>: its bits are two's complement."""
    return dtype.startswith("INT")


def smallest(low: int, high: int) -> str:
    """The narrowest INT/UINT type that holds every integer in [low, high]."""
    if low >= 0:
        return f"UINT{max(1, int(high).bit_length())}"
    return f"INT{max(int(high).bit_length(), (-int(low) - 1).bit_length()) + 1}"


def signed_bits(*values: int) -> int:
    """Bits of the narrowest two's complement number that holds every one of `values`."""
    return max(max(int(v), -int(v) - 1).bit_length() + 1 for v in values)


def rtl_kind(dtype: str) -> int:
    """The type as a parameter KIND of ``rtl_templates/element.sv``: 0 unsigned, 1 two's complement, 2 bipolar."""
    return 2 if dtype == BIPOLAR else int(is_signed(dtype))
