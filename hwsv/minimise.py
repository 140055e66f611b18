"""The exact minimum of a sum of small tables over discrete choices, by eliminating one variable after the other.

Every table is the price of the choices of a few variables together. Networks are nearly chains, so few variables are
ever joined: a residual network's largest joint table has three (min-sum bucket elimination; Dechter, Artificial
Intelligence 113, 1999).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Table = tuple[tuple[int, ...], NDArray[np.float64]]
"""Variables in ascending order, and the price by their choices: one axis a variable."""

MAX_JOINT = 2**22
"""Entries of the largest joint table. Beyond it the variable with most neighbours takes its own cheapest choice."""


def minimise(sizes: Sequence[int], tables: Sequence[Table]) -> list[int]:
    """The choice of each variable that minimises the sum of all tables. sizes: choices of each variable."""
    touching: list[list[Table]] = [[table for table in tables if v in table[0]] for v in range(len(sizes))]
    scopes = {v: _scope(touching[v], v) for v in range(len(sizes))}
    steps: list[tuple[int, tuple[int, ...], NDArray[np.intp]]] = []
    while scopes:
        v = min(scopes, key=lambda u: (_size(scopes[u], sizes), u))
        if _size(scopes[v], sizes) > MAX_JOINT:
            v = max(scopes, key=lambda u: (len(scopes[u]), u))
            choice = int(np.argmin(sum(t for scope, t in touching[v] if scope == (v,)) + np.zeros(sizes[v])))
            made = [_fixed(table, v, choice) for table in touching[v]]
            best: NDArray[np.intp] = np.array(choice)
            rest: tuple[int, ...] = ()
        else:
            joint = np.zeros([sizes[u] for u in scopes[v]])
            for scope, table in touching[v]:
                joint += table.reshape([sizes[u] if u in scope else 1 for u in scopes[v]])
            axis, rest = scopes[v].index(v), tuple(u for u in scopes[v] if u != v)
            made, best = [(rest, joint.min(axis=axis))], joint.argmin(axis=axis)
        steps.append((v, rest, best))
        for u in scopes.pop(v):
            if u != v:
                touching[u] = [table for table in touching[u] if v not in table[0]]
                touching[u] += [table for table in made if u in table[0]]
                scopes[u] = _scope(touching[u], u)
    chosen = [0] * len(sizes)
    for v, rest, best in reversed(steps):
        chosen[v] = int(best[tuple(chosen[u] for u in rest)])
    return chosen


def _size(scope: tuple[int, ...], sizes: Sequence[int]) -> int:
    return math.prod(sizes[u] for u in scope)


def _scope(tables: Sequence[Table], v: int) -> tuple[int, ...]:
    """All variables of these tables, and v."""
    return tuple(sorted({v}.union(*(scope for scope, _ in tables))))


def _fixed(table: Table, v: int, choice: int) -> Table:
    """The table of the other variables where v has made its choice."""
    scope, values = table
    return tuple(u for u in scope if u != v), np.asarray(values.take(choice, axis=scope.index(v)))
