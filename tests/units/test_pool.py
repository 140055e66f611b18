from random import Random

import pytest
from hypothesis import given

from hwsv.bits import PAD
from hwsv.errors import InputError
from hwsv.units.pool import Pool
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.pool(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(x)
    for t in range(frames):
        for f in range(unit.freq):
            for c in range(unit.channels):
                taps = [int(x[t, f, tap * unit.channels + c]) for tap in range(unit.taps)]
                kept = [value for value in taps if value != PAD]
                assert result[t, f, c] == (max(kept) if unit.operation == "max" else sum(kept))


def test_results_leave_with_the_last_tap():
    (actor,) = Pool(1, 4, 3, "sum", "INT4", "INT6", lanes=2).actors(1)
    assert actor.segments[0].pushes.tolist() == [0, 0, 0, 0, 1, 1]
    assert actor.segments[0].pops.tolist() == [1] * 6


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 3}, r"lanes=3 does not divide 4 channels; legal values: \[1, 2, 4\]"),
        ({"operation": "median"}, "operation must be max or sum"),
        ({"out_dtype": "INT4"}, "results exceed INT4"),
        ({"out_dtype": "UINT8"}, "results exceed UINT8"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {"freq": 2, "channels": 4, "taps": 4, "operation": "sum", "in_dtype": "INT4", "out_dtype": "INT6"}
    with pytest.raises(InputError, match=message):
        Pool(**(good | changes))


def test_padding_makes_a_sum_of_bipolar_zero():
    """A padded tap adds 0, so a marked window of +-1 sums to any value between: the type must hold the lower end."""
    assert Pool(1, 1, 4, "sum", "UINT2", "UINT4", pad_mark=True).result_limits() == (0, 12)
