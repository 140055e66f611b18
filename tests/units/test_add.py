from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.add import Add
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.add(r)
    a, b = catalogue.inputs(r, unit, catalogue.legal_frames(r, unit))
    (result,) = unit.golden(a, b)
    for at in np.ndindex(a.shape):
        total = unit.mult[0] * int(a[at]) + unit.mult[1] * int(b[at])
        assert result[at] == min(max(total, unit.low), unit.high)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 3}, r"lanes=3 does not divide 4 channels; legal values: \[1, 2, 4\]"),
        ({"high": 8}, "saturation exceeds INT4"),
        ({"low": 5, "high": 4}, "saturation exceeds INT4"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {"freq": 1, "channels": 4, "in_dtypes": ("INT4", "INT4"), "out_dtype": "INT4", "low": -8, "high": 7}
    with pytest.raises(InputError, match=message):
        Add(**(good | changes))
