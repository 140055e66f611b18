import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.requantise import Requantise
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.requantise(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(x)
    for at in np.ndindex(x.shape):
        row = 0 if len(unit.mult) == 1 else at[2]
        piece = 1 if unit.pieces == 2 and x[at] >= unit.split[row] else 0
        exact = Fraction(int(x[at]) * int(unit.mult[row, piece]) + int(unit.bias[row, piece]), 2**unit.shift)
        assert result[at] == unit.step * min(max(math.floor(exact), unit.low), unit.high) + unit.offset


def test_sum_type_holds_every_sum():
    mult, bias = np.array([[-3], [5]]), np.array([[100], [-7]])
    unit = Requantise(1, 2, "INT8", "INT8", mult, bias, np.zeros(2, np.int64), 4, -8, 7)
    sums = [m * x + b for m, b in ((-3, 100), (5, -7)) for x in range(-128, 128)]
    assert (min(sums), max(sums)) == (-647, 628)
    assert unit.sum_dtype == "INT11"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 3}, r"lanes=3 does not divide 4 channels; legal values: \[1, 2, 4\]"),
        ({"mult": np.ones((4, 3), np.int64)}, "one or two pieces"),
        ({"mult": np.ones((3, 1), np.int64)}, "one row of parameters a channel"),
        ({"bias": np.ones((1, 2), np.int64)}, "shapes differ"),
        ({"shift": 62}, "shift out of range"),
        ({"high": 9}, "values exceed INT4"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {
        "freq": 1, "channels": 4, "in_dtype": "INT8", "out_dtype": "INT4", "mult": np.array([[3]]),
        "bias": np.array([[1]]), "split": np.zeros(1, np.int64), "shift": 2, "low": -8, "high": 7,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        Requantise(**(good | changes))
