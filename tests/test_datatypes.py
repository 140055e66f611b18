import pytest

from hwsv import datatypes
from hwsv.errors import InputError


@pytest.mark.parametrize(
    "dtype, bits, low, high",
    [
        ("BIPOLAR", 1, -1, 1),
        ("INT8", 8, -128, 127),
        ("UINT4", 4, 0, 15),
        ("INT1", 1, -1, 0),
        ("UINT62", 62, 0, 2**62 - 1),
    ],
)
def test_width_and_limits(dtype, bits, low, high):
    assert datatypes.bits(dtype) == bits
    assert datatypes.limits(dtype) == (low, high)
    assert datatypes.is_signed(dtype) == (dtype.startswith("INT"))


@pytest.mark.parametrize("dtype", ["INT0", "INT63", "UINT", "int8", "FLOAT32", "INT8 ", "INT08", "", "INT100"])
def test_unknown_types_are_refused(dtype):
    with pytest.raises(InputError, match="not supported; use BIPOLAR, INT1"):
        datatypes.bits(dtype)


@pytest.mark.parametrize(
    "low, high", [(a, b) for a in (-129, -128, -2, -1, 0, 1, 5) for b in (0, 1, 2, 127, 128, 255, 256) if a <= b]
)
def test_smallest_is_the_narrowest_that_holds_both_ends(low, high):
    name = datatypes.smallest(low, high)
    least, largest = datatypes.limits(name)
    assert least <= low and high <= largest
    assert datatypes.is_signed(name) == (low < 0)
    if datatypes.bits(name) > 1:
        narrower = f"{name.rstrip('0123456789')}{datatypes.bits(name) - 1}"
        least, largest = datatypes.limits(narrower)
        assert low < least or largest < high
