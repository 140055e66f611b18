from random import Random

import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.width_converter import WidthConverter
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_elements_keep_their_order(r: Random):
    unit = catalogue.width_converter(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (words,) = unit.from_words([x.reshape(-1, unit.in_lanes)], {})
    for number, word in enumerate(words.tolist()):
        for lane, value in enumerate(word):
            assert value == x.reshape(-1)[number * unit.out_lanes + lane]


@pytest.mark.parametrize(
    "pair, pops, pushes",
    [((1, 3), [1, 1, 1], [0, 0, 1]), ((3, 1), [1, 0, 0], [1, 1, 1]), ((2, 2), [1], [1])],
)
def test_beats(pair, pops, pushes):
    (actor,) = WidthConverter(1, 6, "INT4", *pair).actors(2)
    assert (actor.segments[0].pops.tolist(), actor.segments[0].pushes.tolist()) == (pops, pushes)


def test_illegal_parameters():
    with pytest.raises(InputError, match=r"in_lanes=4 does not divide 6 channels; legal values: \[1, 2, 3, 6\]"):
        WidthConverter(1, 6, "INT4", 4, 2)
    with pytest.raises(InputError, match="2 lanes do not divide 3"):
        WidthConverter(1, 6, "INT4", 2, 3)
