from random import Random

import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.concat import Concat
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.concat(r)
    frames = catalogue.legal_frames(r, unit)
    tensors = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(*tensors)
    for t in range(frames):
        for f in range(unit.freq):
            expected = [int(v) for x in tensors for v in x[t, f]]
            assert result[t, f].tolist() == expected


def test_inputs_are_popped_in_turn_pixel_by_pixel():
    (actor,) = Concat(1, (4, 2), "INT4", lanes=2).actors(1)
    assert actor.segments[0].pops.tolist() == [1, 1, 2]


def test_illegal_parameters():
    with pytest.raises(InputError, match="two or more inputs"):
        Concat(1, (4,), "INT4")
    with pytest.raises(
        InputError, match=r"lanes=4 does not divide 6 channels of an input; legal values: \[1, 2, 3, 6\]"
    ):
        Concat(1, (4, 6), "INT4", 4)
