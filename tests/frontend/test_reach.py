"""Reachable integers: nothing that occurs lies outside, and the bounds are met."""

import numpy as np
import pytest

from hwsv.frontend.reach import Reach, of_concat, of_product, of_sum, of_values, partial_sums


def random_values(reach, n, rng):
    """[n, C] values that `reach` allows."""
    counts = (reach.high - reach.low) // reach.step
    return reach.low + reach.step * rng.integers(0, counts + 1, (n, len(counts)))


def holds(reach, values):
    """values [n, C] lie in `reach`."""
    inside = (values >= reach.low) & (values <= reach.high) & ((values - reach.low) % reach.step == 0)
    return bool(inside.all())


@pytest.mark.parametrize("seed", range(8))
def test_products_and_sums(seed):
    rng = np.random.default_rng(seed)
    step = int(rng.integers(1, 4))
    low = rng.integers(-3, 3) + step * rng.integers(-2, 2, 3)
    x = Reach(low, low + step * rng.integers(0, 4, 3), step)
    padded = x.with_zero()
    weights = rng.integers(-2, 3, (5, 3, 2))
    taps = np.stack([random_values(padded if seed % 2 else x, 500, rng) for _ in range(2)], axis=2)
    products = np.einsum("oct,nct->no", weights, taps)
    assert holds(of_product(padded if seed % 2 else x, weights), products)
    assert partial_sums(x, weights)[0] <= products.min() if not seed % 2 else True
    a, b = random_values(x, 500, rng), random_values(padded, 500, rng)
    assert holds(of_sum(x, padded, (2, -3)), 2 * a - 3 * b)
    assert holds(of_concat([x, padded]), np.concatenate([a, b], axis=1))


def test_bounds_of_signs_are_met_and_keep_their_parity():
    signs = Reach(np.full(4, -1), np.full(4, 1), 2)
    reach = of_product(signs, np.ones((1, 4, 9), np.int64))
    assert (reach.ends, reach.step) == ((-36, 36), 2)
    assert of_product(signs.with_zero(), np.ones((1, 4, 9), np.int64)).step == 1


def test_table_keeps_the_step():
    values = np.array([[1, 3, 99], [5, 9, 11]])
    reach = of_values(values, np.array([[True, True, False], [True, True, True]]))
    assert (reach.low.tolist(), reach.high.tolist(), reach.step) == ([1, 5], [3, 11], 2)
