from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.bits import PAD
from hwsv.errors import InputError
from hwsv.units.mvtu import Mvtu
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.mvtu(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    flat = x.reshape(-1).tolist()
    (result,) = unit.golden(x)
    for product in range(unit.products(frames)):
        for out in range(unit.out_channels):
            acc = 0
            for i in range(unit.synapses):
                value = flat[product * unit.synapses + i]
                acc += 0 if value == PAD else value * int(unit.weights[out, i])
            assert result.reshape(-1, unit.out_channels)[product, out] == acc


def test_bipolar_product_is_xnor_popcount():
    rng = np.random.default_rng(0)
    weights, x = rng.choice([-1, 1], (5, 64)), rng.choice([-1, 1], (3, 2, 64))
    unit = Mvtu(2, 64, 64, weights, "BIPOLAR", "BIPOLAR", "INT8")
    agreeing = np.array([[[(x[t, f] == w).sum() for w in weights] for f in range(2)] for t in range(3)])
    np.testing.assert_array_equal(unit.golden(x)[0], 2 * agreeing - 64)


def test_memory_holds_one_word_a_beat_in_beat_order():
    weights = np.arange(4 * 6).reshape(4, 6)
    unit = Mvtu(1, 6, 6, weights, "INT8", "UINT5", "INT20", pe=2, simd=3)
    data = unit.memories()["weights"].data
    assert data.tolist() == [
        [0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11],
        [12, 13, 14, 18, 19, 20], [15, 16, 17, 21, 22, 23],
    ]  # fmt: skip


def test_beats_pop_in_the_first_neuron_fold_only():
    unit = Mvtu(1, 4, 4, np.ones((3, 4), np.int64), "BIPOLAR", "BIPOLAR", "INT4", pe=1, simd=2)
    (actor,) = unit.actors(1)
    (segment,) = actor.segments
    at = np.cumsum(segment.delay) - 1
    assert list(zip(at, segment.pops, segment.pushes, strict=True)) == [
        (0, 1, 0), (1, 1, 1), (3, 0, 1), (5, 0, 1),
    ]  # fmt: skip
    assert actor.beats == 6


def test_a_flattened_product_takes_one_length_only():
    unit = Mvtu(2, 3, 3, np.ones((1, 12), np.int64), "INT4", "INT2", "INT12", flatten_frames=2)
    with pytest.raises(InputError, match="exactly 2 frames here, not 3"):
        unit.golden(np.zeros((3, 2, 3), np.int64))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"simd": 4}, r"simd=4 does not divide 6 input channels; legal values: \[1, 2, 3, 6\]"),
        ({"simd": 12}, r"simd=12 does not divide 6 input channels"),
        ({"pe": 3}, r"pe=3 does not divide 4 output channels; legal values: \[1, 2, 4\]"),
        ({"channels": 15}, "whole taps"),
        ({"channels": 18}, "weights need 18 columns"),
        ({"weight_dtype": "BIPOLAR"}, "weights exceed BIPOLAR"),
        ({"weights": np.zeros(12, np.int64)}, "must be a matrix"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {
        "freq": 2, "channels": 12, "tap_channels": 6, "weights": np.full((4, 12), 3), "in_dtype": "INT8",
        "weight_dtype": "INT4", "acc_dtype": "INT20",
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        Mvtu(**(good | changes))


def test_zero_is_not_a_bipolar_weight():
    with pytest.raises(InputError, match="weights exceed BIPOLAR"):
        Mvtu(1, 2, 2, np.array([[0, 1]]), "BIPOLAR", "BIPOLAR", "INT3")
