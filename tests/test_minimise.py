import itertools

import numpy as np
import pytest

from hwsv import minimise as minimising
from hwsv.minimise import minimise


def problem(rng: np.random.Generator):
    """Random sizes, unary prices and pair prices on a random graph."""
    sizes = [int(rng.integers(1, 5)) for _ in range(6)]
    tables = [((v,), rng.normal(size=n)) for v, n in enumerate(sizes)]
    for a, b in itertools.combinations(range(6), 2):
        if rng.random() < 0.5:
            tables.append(((a, b), rng.normal(size=(sizes[a], sizes[b]))))
    return sizes, tables


def total(tables, choice) -> float:
    return sum(float(table[tuple(choice[v] for v in scope)]) for scope, table in tables)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_minimum_of_all(seed):
    sizes, tables = problem(np.random.default_rng(seed))
    best = min(total(tables, choice) for choice in itertools.product(*map(range, sizes)))
    assert total(tables, minimise(sizes, tables)) == pytest.approx(best)


def test_a_tangle_is_cut_instead_of_filling_the_memory(monkeypatch):
    monkeypatch.setattr(minimising, "MAX_JOINT", 8)
    sizes, tables = problem(np.random.default_rng(1))
    choice = minimise(sizes, tables)
    assert all(0 <= c < n for c, n in zip(choice, sizes, strict=True))


def test_a_long_chain_is_quick():
    n, k = 1000, 10
    rng = np.random.default_rng(0)
    tables = [((v, v + 1), rng.random((k, k))) for v in range(n - 1)]
    assert len(minimise([k] * n, tables)) == n
