"""Which points are tried, which of them are Pareto-optimal, and which one is chosen."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from hwsv.errors import InputError
from hwsv.search.point import Folding, Point, Problem, Weights, evaluate, foldings, rates
from hwsv.search.workers import Workers

WEIGHTS = tuple(Weights(*pair) for pair in ((1, 1), (0.5, 1), (2, 1), (0.25, 1), (4, 1), (0.1, 1), (1, 4), (1, 0.25)))
"""Prices that foldings are made under, the board's own first."""
NEAR = 2
"""Rates beyond the best point which other prices are tried at before anything else."""
CHUNK = 5
"""Rates that a worker folds for at a time: all units are priced first, which costs as much as folding for a few."""

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
Pair = tuple[int, int]
"""Indices of weights and of a rate."""


@dataclass(frozen=True)
class Found:
    """All points, from the fastest on; `pareto` are indices, `chosen` is one of them; rates: all, in cycles."""

    points: list[Point]
    pareto: list[int]
    chosen: int
    rates: list[int]


def explore(problem: Problem, call: Workers, budget: int, wanted: float | None, progress: Progress) -> Found:
    """At most `budget` points; chosen is the smallest with an interval of `wanted` cycles or less, or the fastest.

    Raises InputError where none fits the board, naming what is missing, or none that fits is fast enough.
    """
    (there,) = call(_rates, [None], lambda done: None)
    search = _Search(problem, call, there, budget, wanted, progress)
    search.run((0, r) for r in _thinned(range(len(there)), max(2, budget // 2)))
    while between := search.between():
        search.run((0, r) for r in _thinned(between, max(2, budget // 8)))
    while near := search.near():
        search.run(near)
    for w in range(len(WEIGHTS)):
        search.run((w, r) for r in range(len(there)))
    points = sorted(search.points.values(), key=_order)
    front = pareto(points)
    return Found(points, front, _choose(problem, points, front, wanted), there)


def _rates(problem: Problem, _: None) -> list[int]:
    return rates(problem)


def _thinned(values: Iterable[int], most: int) -> list[int]:
    """At most so many of them (two or more), evenly, both ends included."""
    values = list(values)
    if len(values) <= most:
        return values
    return [values[i] for i in np.linspace(0, len(values) - 1, most).round().astype(int)]


@dataclass
class _Search:
    """`run` tries pairs of weights and rate; `points` are what it found, by folding, never more than the budget."""

    problem: Problem
    call: Workers
    rates: list[int]
    budget: int
    wanted: float | None
    progress: Progress
    points: dict[str, Point] = field(default_factory=dict)
    _keys: dict[Pair, str] = field(default_factory=dict)
    """Foldings of the pairs that were folded, as keys of `points`."""

    def run(self, pairs: Iterable[Pair]) -> None:
        """Fold and evaluate the pairs that are new, from the slowest rate on, as far as the budget goes."""
        left = self.budget - len(self.points)
        new = sorted((p for p in pairs if p not in self._keys), key=lambda p: (p[0], -p[1])) if left else []
        made = self._fold(new)
        tasks: dict[str, tuple[Folding, int, Weights]] = {}
        for (w, r), folding in made.items():
            key = json.dumps(folding, sort_keys=True)
            if key in self.points or key in tasks or len(tasks) < left:
                self._keys[w, r] = key
                if key not in self.points:
                    tasks.setdefault(key, (folding, self.rates[r], WEIGHTS[w]))
        before = len(self.points)
        results = self.call(
            evaluate, list(tasks.values()), lambda done: self.progress("points", before + done, self.budget)
        )
        self.points.update(zip(tasks, results, strict=True))

    def _fold(self, pairs: list[Pair]) -> dict[Pair, Folding]:
        chunks: list[tuple[int, list[int]]] = []
        for w, r in pairs:
            if not chunks or chunks[-1][0] != w or len(chunks[-1][1]) == CHUNK:
                chunks.append((w, []))
            chunks[-1][1].append(r)
        tasks = [(WEIGHTS[w], [self.rates[r] for r in chunk]) for w, chunk in chunks]
        results = self.call(foldings, tasks, lambda done: None)
        return {
            (w, r): folding
            for (w, chunk), made in zip(chunks, results, strict=True)
            for r, folding in zip(chunk, made, strict=True)
        }

    def _good(self) -> dict[Pair, bool]:
        """Whether what was tried fits the board or, where a rate is wanted, has it."""
        tried = {pair: self.points[key] for pair, key in self._keys.items()}
        return {p: t.fits if self.wanted is None else t.interval <= self.wanted for p, t in tried.items()}

    def between(self) -> list[int]:
        """Rates not tried between the last good one and the first that is not, under the board's own prices."""
        if len(self.points) >= self.budget:
            return []
        mine = {r: good for (w, r), good in self._good().items() if w == 0}
        good, bad = ([r for r, is_good in mine.items() if is_good == wanted] for wanted in (True, False))
        if not good or not bad:
            return []
        # from slow to fast, designs cease to fit; from fast to slow, they cease to have the rate
        low, high = (max(bad), min(good)) if self.wanted is None else (max(good), min(bad))
        return [r for r in range(low + 1, high) if r not in mine]

    def near(self) -> list[Pair]:
        """Pairs not tried around the best rate so far: faster ones under other prices may be better."""
        if len(self.points) >= self.budget:
            return []
        good = [r for (_, r), is_good in self._good().items() if is_good]
        best = min(good, default=len(self.rates) - 1) if self.wanted is None else max(good, default=0)
        rows = range(max(0, best - NEAR), best + 1)
        return [(w, r) for w in range(len(WEIGHTS)) for r in rows if (w, r) not in self._keys]


def _order(point: Point) -> tuple[object, ...]:
    return point.interval, point.area, point.latency, json.dumps(point.folding, sort_keys=True)


def pareto(points: list[Point]) -> list[int]:
    """Points that fit and that no other one that fits beats or equals in interval, LUTs, block RAM and multipliers.

    points: in the order in which the first of equal ones is kept.
    """
    fitting = [i for i, p in enumerate(points) if p.fits]
    costs = np.array([(points[i].interval, points[i].lut, points[i].bram, points[i].dsp) for i in fitting])
    kept = []
    for n, i in enumerate(fitting):
        others = (costs <= costs[n]).all(axis=1)
        better = others & (costs < costs[n]).any(axis=1)
        if not better.any() and not others[:n].any():
            kept.append(i)
    return kept


def _choose(problem: Problem, points: list[Point], front: list[int], wanted: float | None) -> int:
    board, name = problem.board, problem.graph.name
    if not front:
        nearest = min(points, key=lambda p: (_shortfall(problem, p), p.area))
        by = ", ".join(f"{number:,} {_resource(problem, key)}" for key, number in nearest.over.items())
        raise InputError(f"{name!r} does not fit {board.name} in any of {len(points)} foldings; the nearest lacks {by}")
    if wanted is None:
        return front[0]  # points are in the order of their intervals, then areas
    fast = [i for i in front if points[i].interval <= wanted]
    if not fast:
        fps, best = board.clock_hz / wanted, board.clock_hz / points[front[0]].interval
        raise InputError(
            f"no folding of {name!r} that fits {board.name} does {fps:g} utterances a second at {board.clock_mhz:g} "
            f"MHz; the fastest found does {best:.1f}"
        )
    return min(fast, key=lambda i: (points[i].area, i))


def _shortfall(problem: Problem, point: Point) -> float:
    """The largest share of the board that is missing."""
    has = problem.board.resources
    there = {"LUT": has.lut, "flip-flops": has.ff, "block RAM": has.bram_blocks, "DSP": has.dsp}
    return max(number / max(1, there[key]) for key, number in point.over.items())


def _resource(problem: Problem, key: str) -> str:
    return f"LUT{problem.board.resources.lut_inputs}" if key == "LUT" else key
