"""The exact minimum of a sum of small tables over discrete choices, by eliminating one variable after the other.

Every table is the price of the choices of a few variables together. Networks are nearly chains, so few variables are
ever joined: a residual network's largest joint table has three (min-sum bucket elimination; Dechter, Artificial
Intelligence 113, 1999).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Table = tuple[tuple[int, ...], NDArray[np.float64]]
"""Variables in ascending order, and the price by their choices: one axis a variable."""

MAX_JOINT = 2**22
"""Entries of the largest joint table. Beyond it the variable with most neighbours takes its own cheapest choice."""


def minimise(sizes: Sequence[int], tables: Sequence[Table]) -> list[int]:
    """The choice of each variable that minimises the sum of all tables. sizes: choices of each variable."""
    left, remaining = list(tables), set(range(len(sizes)))
    steps: list[tuple[int, tuple[int, ...], NDArray[np.intp]]] = []
    while remaining:
        scopes = {v: _scope(left, v) for v in remaining}
        joint_size = {v: int(np.prod([sizes[u] for u in scopes[v]], dtype=object)) for v in remaining}
        v = min(remaining, key=lambda u: (joint_size[u], u))
        if joint_size[v] > MAX_JOINT:
            v = max(remaining, key=lambda u: (len(scopes[u]), u))
            choice = int(np.argmin(sum(t for scope, t in left if scope == (v,)) + np.zeros(sizes[v])))
            left = [_fixed(table, v, choice) for table in left]
            steps.append((v, (), np.array(choice)))
        else:
            joint = np.zeros([sizes[u] for u in scopes[v]])
            for scope, table in left:
                if v in scope:
                    joint += table.reshape([sizes[u] if u in scope else 1 for u in scopes[v]])
            axis, rest = scopes[v].index(v), tuple(u for u in scopes[v] if u != v)
            left = [t for t in left if v not in t[0]] + [(rest, joint.min(axis=axis))]
            steps.append((v, rest, joint.argmin(axis=axis)))
        remaining.remove(v)
    chosen = [0] * len(sizes)
    for v, rest, best in reversed(steps):
        chosen[v] = int(best[tuple(chosen[u] for u in rest)])
    return chosen


def _scope(tables: Sequence[Table], v: int) -> tuple[int, ...]:
    """All variables that share a table with v, and v."""
    return tuple(sorted({v}.union(*(scope for scope, _ in tables if v in scope))))


def _fixed(table: Table, v: int, choice: int) -> Table:
    scope, values = table
    if v not in scope:
        return table
    return tuple(u for u in scope if u != v), np.asarray(values.take(choice, axis=scope.index(v)))
