from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.threshold import Threshold
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.threshold(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(x)
    for at in np.ndindex(x.shape):
        row = 0 if len(unit.thresholds) == 1 else at[2]
        count = 0
        for threshold in unit.thresholds[row].tolist():
            reached = int(x[at]) >= threshold
            count += not reached if unit.falling[row] else reached
        assert result[at] == unit.base + unit.step * count


def test_sign_of_zero_is_plus_one():
    unit = Threshold(1, 1, "INT4", "BIPOLAR", np.zeros((1, 1), np.int64), np.zeros(1, np.int64), -1, 2)
    x = np.arange(-8, 8).reshape(-1, 1, 1)
    np.testing.assert_array_equal(unit.golden(x)[0], np.where(x >= 0, 1, -1))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 5}, r"lanes=5 does not divide 4 channels; legal values: \[1, 2, 4\]"),
        ({"thresholds": np.zeros((3, 2), np.int64)}, "one row of thresholds a channel"),
        ({"thresholds": np.array([[1, 0]])}, "must ascend"),
        ({"falling": np.zeros(2, np.int64)}, "one direction a row"),
        ({"base": 2}, "values exceed UINT2"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {
        "freq": 1, "channels": 4, "in_dtype": "INT8", "out_dtype": "UINT2", "thresholds": np.array([[0, 1]]),
        "falling": np.zeros(1, np.int64), "base": 0,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        Threshold(**(good | changes))
