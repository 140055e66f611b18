from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.stats_pool import MAX_POSITIONS, StatsPool
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_exact_mean_and_variance(r: Random):
    """Against the definition in fractions: counts of thresholds that the mean, and the variance, reach."""
    unit = catalogue.stats_pool(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(x)
    assert result.shape == (1, unit.out_freq, 2 * unit.channels)
    for f in range(unit.out_freq):
        for c in range(unit.channels):
            taken = [int(v) for v in (x[:, :, c].reshape(-1) if unit.over_freq else x[:, f, c])]
            mean = Fraction(sum(taken), len(taken))
            variance = sum((v - mean) ** 2 for v in taken) / len(taken)
            means = sum(unit.mean_mult * mean >= int(b) for b in unit.mean_thresholds)
            devs = sum(unit.dev_mult * variance >= int(b) for b in unit.dev_thresholds)
            assert result[0, f, c] == unit.mean_offset + means
            assert result[0, f, unit.channels + c] == devs


def make(**changes) -> StatsPool:
    good = {
        "freq": 2, "channels": 4, "in_dtype": "INT7", "out_dtype": "INT4", "over_freq": True, "mean_mult": 1,
        "mean_thresholds": np.array([0, 2]), "mean_offset": -1, "dev_mult": 1, "dev_thresholds": np.array([1, 4]),
    }  # fmt: skip
    return StatsPool(**(good | changes))


def test_drain_leaves_time_for_every_comparison():
    (accumulate, drain) = make().actors(3)
    assert accumulate.beats == 3 * 2 * 4
    assert drain.beats == 1 + 8 * make().drain_beats_per_value


@pytest.mark.parametrize("low, high", [("INT7", "INT7"), ("BIPOLAR", "UINT8")])
def test_sums_fit_their_registers(low, high):
    for dtype in (low, high):
        unit = make(in_dtype=dtype)
        largest = {"INT7": 64, "BIPOLAR": 1, "UINT8": 255}[dtype]
        s1, s2 = unit.accumulator_bits()
        assert largest * MAX_POSITIONS < 2 ** (s1 - 1) + (largest < 255)
        assert largest * largest * MAX_POSITIONS < 2**s2


def test_too_many_positions_are_refused():
    with pytest.raises(InputError, match="positions exceed"):
        make(freq=2, channels=1).golden(np.zeros((MAX_POSITIONS // 2 + 1, 2, 1), np.int64))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 3}, r"lanes=3 does not divide 4 channels; legal values: \[1, 2, 4\]"),
        ({"mean_thresholds": np.array([2, 0])}, "must ascend"),
        ({"dev_thresholds": np.array([4, 1])}, "must ascend"),
        ({"mean_mult": 0}, "multipliers must be positive"),
        ({"out_dtype": "UINT4"}, "results exceed UINT4"),
        ({"out_dtype": "BIPOLAR"}, "BIPOLAR has no 0"),
    ],
)
def test_illegal_parameters(changes, message):
    with pytest.raises(InputError, match=message):
        make(**changes)
