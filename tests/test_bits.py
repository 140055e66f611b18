import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsv import bits, datatypes
from hwsv.bits import PAD

DTYPES = ["BIPOLAR", "INT1", "INT2", "INT5", "INT33", "INT62", "UINT1", "UINT7", "UINT16", "UINT62"]
few = settings(derandomize=True, max_examples=60, deadline=None)


def slow_pack(row: list[int], dtype: str, pad_mark: bool) -> int:
    """One word as a Python integer, written from the rule: lane 0 lowest, two's complement, the mark on top."""
    width, word = datatypes.bits(dtype), 0
    if pad_mark and PAD in row:
        return 1 << len(row) * width
    for lane, value in enumerate(row):
        code = int(value > 0) if dtype == "BIPOLAR" else value % 2**width
        word |= code << lane * width
    return word


@few
@given(st.data())
def test_pack_is_the_documented_bit_order(data):
    dtype, lanes = data.draw(st.sampled_from(DTYPES)), data.draw(st.integers(1, 9))
    low, high = datatypes.limits(dtype)
    element = st.sampled_from([-1, 1]) if dtype == "BIPOLAR" else st.integers(low, high)
    rows = data.draw(st.lists(st.lists(element, min_size=lanes, max_size=lanes), min_size=1, max_size=5))
    pad_mark = data.draw(st.booleans())
    if pad_mark:
        rows.append([PAD] * lanes)
    array = np.array(rows, np.int64)
    words = bits.pack(array, dtype, pad_mark)
    word_bits = lanes * datatypes.bits(dtype) + pad_mark
    assert words.shape == (len(rows), bits.limbs(word_bits)) and words.dtype == np.uint64
    for row, word in zip(rows, words.tolist(), strict=True):
        assert sum(limb << 64 * i for i, limb in enumerate(word)) == slow_pack(row, dtype, pad_mark)
    np.testing.assert_array_equal(bits.unpack(words, lanes, dtype, pad_mark), array)
    lines = bits.to_hex(words, word_bits)
    assert [int(line, 16) for line in lines] == [slow_pack(row, dtype, pad_mark) for row in rows]
    assert {len(line) for line in lines} == {-(-word_bits // 4)}
    np.testing.assert_array_equal(bits.from_hex(lines, word_bits), words)


def test_a_word_by_hand():
    words = bits.pack(np.array([[1, -2, 3]]), "INT3")
    assert bits.to_hex(words, 9) == ["0f1"]  # 011 110 001


def test_zero_packs_as_minus_one_only_where_it_cannot_occur():
    """A bipolar element is never 0; the code of anything not positive is that of -1."""
    assert bits.pack(np.array([[1, -1]]), "BIPOLAR").tolist() == [[1]]


def test_from_hex_takes_digits_only():
    with pytest.raises(ValueError):
        bits.from_hex(["xyz"], 12)
    assert bits.from_hex([" 0F1 "], 9).tolist() == [[0xF1]]
