from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.lookup import MAX_ENTRIES, Lookup
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.lookup(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(x)
    for at in np.ndindex(x.shape):
        row = 0 if len(unit.table) == 1 else at[2]
        assert result[at] == unit.table[row, int(x[at]) - unit.first]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 3}, r"lanes=3 does not divide 4 channels; legal values: \[1, 2, 4\]"),
        ({"table": np.zeros((2, 4), np.int64)}, "one table a channel"),
        ({"table": np.zeros((1, MAX_ENTRIES + 1), np.int64)}, f"{MAX_ENTRIES + 1} entries exceed {MAX_ENTRIES}"),
        ({"table": np.full((1, 4), 8)}, "values exceed INT4"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {
        "freq": 1, "channels": 4, "in_dtype": "INT2", "out_dtype": "INT4", "table": np.zeros((1, 4), np.int64),
        "first": -2,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        Lookup(**(good | changes))
