"""Is the search's choice of a folding as good as an exact solver's? ``python -m benchmarks.solver MODEL BOARD CYCLES…``

Both minimise the share of the fullest resource for a rate, on the same cost model before FIFO sizing, every memory free
to live in LUTs or block RAM: varied prices with `hwsv.minimise`, and HiGHS (scipy) on the whole mixed-integer problem.
Columns: the share, the lower bound that each proves, and seconds of CPU.
"""

import argparse
import itertools
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks.machine import describe
from hwsv.boards import load_board
from hwsv.estimate import UnitEstimate, estimate_unit
from hwsv.folding import SIZED_DEPTH, Foldings, Link
from hwsv.frontend import import_model
from hwsv.graph import Node
from hwsv.minimise import Table as Prices
from hwsv.minimise import minimise
from hwsv.search.point import usable
from hwsv.units.base import Stream, Unit
from hwsv.wiring import channel, converters, fork

Vector = NDArray[np.float64]
"""LUTs, flip-flops, blocks, multipliers, as shares of what may be used."""
ROUNDS = 40
SECONDS = 60
NEVER = 1e12


@dataclass
class Uses:
    """What rows of the estimate take, for every sensible choice of homes of their memories: a Vector a choice."""

    options: list[Vector]

    @staticmethod
    def of(rows: list[UnitEstimate]) -> "Uses":
        logic = np.array([sum(r.lut for r in rows), sum(r.ff for r in rows), 0, sum(r.dsp for r in rows)])
        front = {0: 0.0}  # blocks -> LUTs
        for memory in (m for row in rows for m in row.memories):
            made: dict[int, float] = {}
            homes = [(0, memory.lut)] + ([] if memory.fixed else [(memory.blocks, memory.block_lut)])
            for (blocks, lut), (more, luts) in itertools.product(front.items(), homes):
                made[blocks + more] = min(made.get(blocks + more, math.inf), lut + luts)
            least = np.minimum.accumulate([made[b] for b in sorted(made)])
            front = {b: made[b] for b, lowest in zip(sorted(made), least, strict=True) if made[b] == lowest}
        return Uses([logic + np.array([lut, 0, blocks, 0]) for blocks, lut in front.items()])

    def best(self, prices: Vector) -> Vector:
        return min(self.options, key=lambda option: float(option @ prices))


class Shares(Foldings):
    """Foldings whose choices carry rows of the estimate instead of a price."""

    def _price(self, node: Node, unit: Unit) -> list[UnitEstimate]:  # type: ignore[override]
        fifo = channel(SIZED_DEPTH)
        rows = _Rows([estimate_unit("", unit, [fifo] * len(node.outputs), self.resources)])
        ports = [(t, s) for t, s in zip(node.outputs, unit.outputs(), strict=True)]
        ports += [(t, s) for t, s in zip(node.inputs, unit.inputs(), strict=True) if self._reads_first(node, t)]
        for tensor, stream in ports:
            if (users := len(self.users.get(tensor, []))) > 1:
                rows.append(estimate_unit("", fork(stream, users), [fifo] * users, self.resources))
        return rows


class _Rows(list[UnitEstimate]):
    """Rows that `sum` joins."""

    def __radd__(self, other: int) -> "_Rows":
        return self

    def __add__(self, other: list[UnitEstimate]) -> "_Rows":  # type: ignore[override]
        return _Rows([*self, *other])


@dataclass
class Rate:
    """The choices for one rate: `nodes[i][k]` of unit i, of every link by lanes (None: too slow)."""

    nodes: list[list[Uses]]
    links: list[tuple[Link, list[list[int]], dict[tuple[int, int], Uses | None]]]

    @staticmethod
    def of(foldings: Shares, cycles: float, limits: Vector) -> "Rate":
        def scaled(rows: list[UnitEstimate]) -> Uses:
            return Uses([option / limits for option in Uses.of(rows).options])

        def converting(link: Link, a: int, b: int) -> Uses | None:
            words = link.frames * link.stream.freq * link.stream.channels // math.gcd(a, b)
            if a != b and (link.fused or words > cycles):
                return None
            stream: Stream = link.stream
            units = converters(stream, a, b)
            return scaled([estimate_unit("", u, [channel(SIZED_DEPTH)], foldings.resources) for u in units])

        kept = [foldings._within(i, cycles) for i in range(len(foldings.nodes))]
        nodes = [[scaled(foldings.choices[i][k].price) for k in ks] for i, ks in enumerate(kept)]  # type: ignore[arg-type]
        links = []
        for link in foldings._links:
            ends = [
                [lanes[k] for k in kept[i]] for lanes, i in zip(link.lanes, (link.source, link.target), strict=True)
            ]
            pairs = itertools.product(*(sorted(set(end)) for end in ends))
            links.append((link, ends, {(a, b): converting(link, a, b) for a, b in pairs}))
        return Rate(nodes, links)


def by_prices(rate: Rate) -> tuple[float, float]:
    """(share, lower bound): the prices follow what is full, by exponentiated subgradient steps."""
    prices, best, bound = np.array([0.5, 1e-6, 0.4, 0.1]), math.inf, 0.0
    for number in range(ROUNDS):
        tables: list[Prices] = [
            ((i,), np.array([u.best(prices) @ prices for u in uses])) for i, uses in enumerate(rate.nodes)
        ]
        for link, ends, table in rate.links:
            cost = {pair: NEVER if uses is None else uses.best(prices) @ prices for pair, uses in table.items()}
            joint = np.array([[cost[a, b] for b in ends[1]] for a in ends[0]])
            s, t = link.source, link.target
            tables.append(((s,), np.diagonal(joint)) if s == t else ((s, t), joint) if s < t else ((t, s), joint.T))
        chosen = minimise([len(uses) for uses in rate.nodes], tables)
        used = sum((uses[k].best(prices) for uses, k in zip(rate.nodes, chosen, strict=True)), np.zeros(4))
        for link, ends, table in rate.links:
            pair = table[ends[0][chosen[link.source]], ends[1][chosen[link.target]]]
            assert pair is not None
            used = used + pair.best(prices)
        best, bound = min(best, used.max()), max(bound, float(used @ prices / prices.sum()))
        prices = np.maximum(prices * np.exp(1.5 / math.sqrt(number + 1) * (used - used.max())), 1e-9)
        prices /= prices.sum()
    return best, bound


def by_solver(rate: Rate) -> tuple[float, float]:
    """(share, lower bound) of HiGHS. Variables: the share, then one for every option of every unit and link."""
    shares, whole, rows, fixed = [np.array([-1.0] * 4)], [False], [], []

    def variables(uses: Uses | None, integer: bool) -> list[int]:
        options = uses.options if uses else []
        shares.extend(options)
        whole.extend([integer] * len(options))
        return list(range(len(shares) - len(options), len(shares)))

    nodes = [[variables(uses, True) for uses in choices] for choices in rate.nodes]
    for choices in nodes:
        rows.append({v: 1.0 for choice in choices for v in choice})
        fixed.append(1.0)
    for link, ends, table in rate.links:
        made = {pair: variables(uses, False) for pair, uses in table.items()}
        for side, i in enumerate((link.source, link.target)):
            for lanes in sorted(set(ends[side])):
                row = {v: 1.0 for pair, ids in made.items() if pair[side] == lanes for v in ids}
                row |= {v: -1.0 for k, n in enumerate(ends[side]) if n == lanes for v in nodes[i][k]}
                rows.append(row)
                fixed.append(0.0)
    index = [(r, v, value) for r, row in enumerate(rows) for v, value in row.items()]
    at_r, at_v, values = zip(*index, strict=True)
    equal = sparse.csr_matrix((values, (at_r, at_v)), shape=(len(rows), len(shares)))
    bounds = np.ones(len(shares))
    bounds[0] = np.inf
    result = milp(
        np.eye(1, len(shares))[0],
        constraints=[LinearConstraint(equal, fixed, fixed), LinearConstraint(np.array(shares).T, -np.inf, 0)],
        integrality=np.array(whole), bounds=Bounds(0, bounds), options={"time_limit": SECONDS, "mip_rel_gap": 1e-3},
    )  # fmt: skip
    return (math.nan if result.x is None else float(result.fun)), float(result.mip_dual_bound)


def main() -> None:
    """One row a rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("board")
    parser.add_argument("cycles", type=float, nargs="+", help="cycles an utterance")
    options = parser.parse_args()
    imported, board = import_model(options.model), load_board(options.board)
    has = board.resources
    there = {"LUT": has.lut, "flip-flops": has.ff, "block RAM": has.bram_blocks, "DSP": has.dsp}
    limits = np.array([max(1, usable(number, key)) for key, number in there.items()], np.float64)
    foldings = Shares(imported.graph, imported.input.frames_example, {}, has)
    table = Table("cycles", "by", "share", "bound", "CPU s", title=f"{options.model.stem} on {board.name}")
    for cycles in options.cycles:
        rate = Rate.of(foldings, cycles, limits)
        for name, method in (("prices", by_prices), ("HiGHS", by_solver)):
            started = time.process_time()
            share, bound = method(rate)
            seconds = time.process_time() - started
            table.add_row(f"{cycles:,.0f}", name, f"{share:.4f}", f"{bound:.4f}", f"{seconds:.1f}")
    console = Console()
    console.print(describe())
    console.print(table)


if __name__ == "__main__":
    main()
