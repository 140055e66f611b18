"""The fixed-point fit: exact where it says so, smallest shift, none where none exists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsv.frontend.fit import MAX_SHIFT, Runs, fit


def evaluate(parameters, x, low, high, channel=0):
    """``clip((x * m + b) >> shift, low, high)`` with the piece of each x."""
    upper = (x >= parameters.split[channel]) & (parameters.mult.shape[1] == 2)
    mult, bias = (np.where(upper, p[channel, -1], p[channel, 0]) for p in (parameters.mult, parameters.bias))
    return np.clip((x * mult + bias) >> parameters.shift, low, high)


def brute_force_shift(x, v, low, high, largest=7):
    """Smallest shift for which some (m, b) is exact, by trying all."""
    for shift in range(largest + 1):
        reach = 2 ** (shift + 3)
        mults = np.arange(-reach, reach + 1)
        lower = np.where(v > low, v * 2**shift, -(10**9))[:, None] - x[:, None] * mults
        upper = np.where(v < high, (v + 1) * 2**shift - 1, 10**9)[:, None] - x[:, None] * mults
        if (lower.max(axis=0) <= upper.min(axis=0)).any():
            return shift
    return None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_finds_the_smallest_shift(seed):
    rng = np.random.default_rng(seed)
    x = np.arange(-12, 13) * rng.integers(1, 3)
    v = np.clip(np.floor(x * rng.uniform(-1, 1) + rng.uniform(-3, 3)), -4, 5).astype(np.int64)
    if rng.random() < 0.5:  # maybe out of reach of one piece
        v[rng.integers(len(v))] += 1
    low, high = int(v.min()), int(v.max())
    found = fit(Runs.of([(x, v)]), low, high, 1)
    expected = brute_force_shift(x, v, low, high)
    if expected is None:
        assert found is None or found.shift > 7
    else:
        assert found is not None and found.shift == expected
        assert np.array_equal(evaluate(found, x, low, high), v)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_two_pieces_fit_a_kink(seed):
    rng = np.random.default_rng(seed)
    x = np.arange(-300, 301)
    y = np.float32(rng.uniform(0.01, 0.2)) * x.astype(np.float32) + np.float32(rng.uniform(-3, 3))
    v = np.clip(np.round(np.where(y >= 0, y, y * np.float32(rng.uniform(-0.5, 0.5)))), -32, 31).astype(np.int64)
    low, high = int(v.min()), int(v.max())
    found = fit(Runs.of([(x, v)]), low, high, 2)
    assert found is not None and found.shift <= MAX_SHIFT
    assert np.array_equal(evaluate(found, x, low, high), v)


def test_channels_share_the_shift():
    x = np.arange(-50, 51)
    rows = [(x, np.floor(x * slope).astype(np.int64)) for slope in (1.0, 0.137, -0.71, 0.0)]
    low, high = min(int(v.min()) for _, v in rows), max(int(v.max()) for _, v in rows)
    found = fit(Runs.of(rows), low, high, 1)
    assert found is not None
    for channel, (_, v) in enumerate(rows):
        assert np.array_equal(evaluate(found, x, low, high, channel), v)


@pytest.mark.parametrize("pieces", [1, 2])
def test_none_for_a_zigzag(pieces):
    x = np.arange(12)
    assert fit(Runs.of([(x, x % 3)]), 0, 2, pieces) is None


def test_one_value():
    x = np.arange(5)
    found = fit(Runs.of([(x, 0 * x + 3)]), 3, 3, 1)
    assert found is not None and found.shift == 0 and (evaluate(found, x, 3, 3) == 3).all()
