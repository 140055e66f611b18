from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.fork import Fork
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_every_output_is_the_input(r: Random):
    unit = catalogue.fork(r)
    (x,) = catalogue.inputs(r, unit, catalogue.legal_frames(r, unit))
    results = unit.golden(x)
    assert len(results) == unit.copies
    for result in results:
        np.testing.assert_array_equal(result, x)


def test_illegal_parameters():
    with pytest.raises(InputError, match="two or more outputs"):
        Fork(1, 4, "INT4", 1)
    with pytest.raises(InputError, match=r"lanes=3 does not divide 4 channels; legal values: \[1, 2, 4\]"):
        Fork(1, 4, "INT4", 2, 3)
