"""Folding: PE, SIMD and lanes of every unit, for a target rate or as fast as a board allows, or from a file.

For a rate, every unit must do an utterance in clock / rate cycles. Of all foldings that do, `fold` finds the cheapest
one: units, their memories and FIFOs, forks, and the width converters between units of different lanes, priced together
by `UnitEstimate.price`. A sliding window has the lanes that its matrix or pool unit reads.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pydantic

from hwsv import yaml_file
from hwsv.boards import Board, Resources
from hwsv.errors import HwsvError, InputError
from hwsv.estimate import estimate, estimate_unit
from hwsv.graph import INPUT, Node, UnitGraph
from hwsv.minimise import Table, minimise
from hwsv.units.base import Stream, Unit, divisors
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from hwsv.wiring import channel, converters, fork

TYPICAL = Resources(lut=83640, lut_inputs=4, ff=83640, bram_blocks=208, bram_block_kbit=18, bram_port_bits=36, dsp=156)
"""Prices where no board is given: the LFE5U-85F's."""

SIZED_DEPTH = 1
"""Words that FIFO sizing leaves of most channels: their price in the choice of a folding."""
TOO_SLOW = 1e12
"""Price of a width converter that misses the rate: any other choice is better."""


class Override(pydantic.BaseModel, extra="forbid"):
    """Folding of one unit in a folding file: ``pe`` and ``simd`` of an mvtu, ``lanes`` of any other unit."""

    pe: pydantic.PositiveInt | None = None
    simd: pydantic.PositiveInt | None = None
    lanes: pydantic.PositiveInt | None = None


def fold(
    graph: UnitGraph,
    frames: int,
    cycles: float,
    overrides: Mapping[str, Override] | None = None,
    resources: Resources = TYPICAL,
) -> UnitGraph:
    """The cheapest folding of `graph` whose units take at most `cycles` cycles for an utterance of `frames` frames.

    overrides: folding of single units by node name; they may be slower. Raises InputError for a rate that the largest
    parallelism misses, an unknown unit, or a folding that is not legal (with the legal values).
    """
    return Foldings(graph, frames, overrides or {}, resources).cheapest(cycles)


@dataclass(frozen=True)
class Fastest:
    """What `fold_fastest` found: the finished graph, its cycles an utterance, and why it is not faster."""

    graph: UnitGraph
    cycles: int
    limit: str


def fold_fastest(
    graph: UnitGraph,
    frames: int,
    board: Board,
    overrides: Mapping[str, Override] | None,
    finish: Callable[[UnitGraph], UnitGraph],
) -> Fastest:
    """The fastest folding within `hwsv.estimate.UTILISATION` of the board, by bisection over the rates that exist.

    finish: what the compiler makes of a folded graph (wiring, FIFO depths) before it is estimated.
    Raises InputError, naming the resource, when even the cheapest folding does not fit.
    """
    foldings = Foldings(graph, frames, overrides or {}, board.resources)
    rates = foldings.rates()

    def tried(index: int) -> tuple[UnitGraph, str]:
        """The graph for a rate, and the resources that it exceeds."""
        made = finish(foldings.cheapest(rates[index]))
        return made, estimate(made, board).exceeded()

    best, limit = tried(len(rates) - 1)
    if limit:
        raise InputError(f"{graph.name!r} does not fit {board.name} even in its cheapest folding: {limit}")
    low, high = 0, len(rates) - 1  # rates ascend in cycles: high fits; below low nothing does
    while low < high:
        middle = (low + high) // 2
        made, exceeded = tried(middle)
        if exceeded:
            low, limit = middle + 1, f"a faster folding exceeds {board.name}: {exceeded}"
        else:
            high, best = middle, made
    name, slowest = bottleneck(best, frames)
    return Fastest(best, slowest, limit or f"unit {name!r} takes {slowest} cycles even with its largest folding")


def bottleneck(graph: UnitGraph, frames: int) -> tuple[str, int]:
    """The unit that needs the most cycles for an utterance of `frames` frames, never waiting; and these cycles."""
    cycles = unit_cycles(graph, frames)
    name = max(cycles, key=cycles.__getitem__)
    return name, cycles[name]


def unit_cycles(graph: UnitGraph, frames: int) -> dict[str, int]:
    """Cycles that every unit needs for an utterance of `frames` frames (without the length fork, which needs one)."""
    local = graph.frames(frames)
    return {n.name: n.unit.beats(local[n.inputs[0]]) for n in graph if n.inputs[0] in local}


@dataclass(frozen=True)
class Choice:
    """One folding of a unit, and of the windows that feed it: units by node name, their price and their cycles."""

    units: dict[str, Unit]
    price: float
    beats: dict[str, int]

    @property
    def slowest(self) -> int:
        return max(self.beats.values())


@dataclass(frozen=True)
class Link:
    """Ports that a tensor joins: lanes by choice of the units `source` and `target`, and what flows there.

    fused: a window with two readers, which must read it alike.
    """

    source: int
    target: int
    lanes: tuple[list[int], list[int]]
    stream: Stream
    frames: int
    fused: str = ""


class Foldings:
    """All foldings of a graph, priced once; `cheapest` picks for a rate."""

    def __init__(self, graph: UnitGraph, frames: int, overrides: Mapping[str, Override], resources: Resources) -> None:
        self.graph, self.overrides, self.resources = graph, overrides, resources
        self.frames = graph.frames(frames)
        self.users = graph.consumers()
        self.windows = {n.outputs[0]: n for n in graph if isinstance(n.unit, SlidingWindow)}
        self._check_overrides()
        self.nodes = [n for n in graph if n.outputs[0] not in self.windows]
        # a window belongs to its first reader
        self.owner = {n.name: i for i, n in enumerate(self.nodes)}
        for tensor, window in self.windows.items():
            self.owner[window.name] = self.owner[self.users[tensor][0][0].name]
        self.choices = [self._choices(node) for node in self.nodes]

    def _check_overrides(self) -> None:
        for name in self.overrides:
            node = self.graph.node(name)
            if node.outputs[0] in self.windows:
                readers = ", ".join(repr(n.name) for n in self.graph if node.outputs[0] in n.inputs)
                raise InputError(f"unit {name!r} (sliding_window) follows its reader: fold {readers} instead")

    def rates(self) -> list[int]:
        """Cycles an utterance at which some unit can be folded further, ascending, from the fastest possible on."""
        fastest = max(min(c.slowest for c in choices) for choices in self.choices)
        slower = {c.slowest for choices in self.choices for c in choices if c.slowest > fastest}
        return [fastest, *sorted(slower)]

    def cheapest(self, cycles: float) -> UnitGraph:
        """The folded graph. Raises InputError for a rate that no folding reaches."""
        options = [self._within(i, cycles) for i in range(len(self.nodes))]
        tables: list[Table] = [
            ((i,), np.array([self.choices[i][k].price for k in kept])) for i, kept in enumerate(options)
        ]
        for link in self._links:
            table = self._link_prices(link, cycles)[np.ix_(options[link.source], options[link.target])]
            a, b = link.source, link.target
            tables.append(((a,), np.diagonal(table)) if a == b else ((a, b), table) if a < b else ((b, a), table.T))
        picked = minimise([len(kept) for kept in options], tables)
        chosen = [self.choices[i][kept[k]] for i, (kept, k) in enumerate(zip(options, picked, strict=True))]
        for link in self._links:
            source, target = (options[i][picked[i]] for i in (link.source, link.target))
            if link.fused and link.lanes[0][source] != link.lanes[1][target]:
                raise InputError(
                    f"unit {link.fused!r} feeds two units of different folding; give both the same simd or lanes"
                )
        units = {name: unit for choice in chosen for name, unit in choice.units.items()}
        return UnitGraph(self.graph.name, [replace(n, unit=units[n.name]) for n in self.graph])

    def _within(self, index: int, cycles: float) -> list[int]:
        """Choices that keep the rate. An override is what was asked for, whatever its rate."""
        choices = self.choices[index]
        if self.nodes[index].name in self.overrides:
            return [0]
        kept = [k for k, choice in enumerate(choices) if choice.slowest <= cycles]
        if not kept:
            best = min(choices, key=lambda choice: choice.slowest)
            name = max(best.beats, key=best.beats.__getitem__)
            raise InputError(
                f"unit {name!r} needs {best.slowest} cycles an utterance even with its largest folding, the target "
                f"rate allows {int(cycles)}; lower --fps or raise the clock"
            )
        return kept

    def _choices(self, node: Node) -> list[Choice]:
        override = self.overrides.get(node.name)
        wanted = override.model_dump(exclude_none=True) if override else {}
        if wanted:
            try:
                units = [node.unit.with_lanes(**wanted)]
            except TypeError as error:
                has = [key for key in Override.model_fields if hasattr(node.unit, key)]
                illegal, legal = ", ".join(key for key in wanted if key not in has), ", ".join(has) or "none"
                raise InputError(
                    f"unit {node.name!r} ({node.unit.kind}) has no folding {illegal}; it has {legal}"
                ) from error
            except HwsvError as error:
                raise InputError(f"unit {node.name!r}: {error}") from error
        else:
            units = candidates(node.unit)
        mine = [self.windows[t] for t in node.inputs if t in self.windows and self.users[t][0][0] is node]

        @cache
        def windowed(number: int, lanes: int) -> tuple[Unit, float, int]:
            window = mine[number]
            unit = window.unit.with_lanes(lanes=lanes)
            return unit, self._price(window, unit), unit.beats(self.frames[window.inputs[0]])

        found = []
        for unit in units:
            made = {node.name: (unit, self._price(node, unit), unit.beats(self.frames[node.inputs[0]]))}
            for number, window in enumerate(mine):
                lanes = unit.inputs()[node.inputs.index(window.outputs[0])].lanes
                made[window.name] = windowed(number, lanes)
            folded = {name: entry[0] for name, entry in made.items()}
            price = sum(entry[1] for entry in made.values())
            found.append(Choice(folded, price, {name: entry[2] for name, entry in made.items()}))
        return found

    def _price(self, node: Node, unit: Unit) -> float:
        """The unit with its FIFOs, and the forks behind it (or before it, where the graph's input splits)."""
        fifo = channel(SIZED_DEPTH)
        total = estimate_unit(node.name, unit, [fifo] * len(node.outputs), self.resources).price(self.resources)
        split = [(t, s) for t, s in zip(node.outputs, unit.outputs(), strict=True)]
        split += [(t, s) for t, s in zip(node.inputs, unit.inputs(), strict=True) if self._reads_first(node, t)]
        for tensor, stream in split:
            users = self.users.get(tensor, [])
            if len(users) > 1:
                made = fork(stream, len(users))
                total += estimate_unit("", made, [fifo] * len(users), self.resources).price(self.resources)
        return total

    def _reads_first(self, node: Node, tensor: str) -> bool:
        """Whether `node` is the reader that gives the graph's input its lanes."""
        return tensor == INPUT and self.users[tensor][0][0].name == node.name

    @cached_property
    def _links(self) -> list[Link]:
        producers, found = self.graph.producers(), []
        for tensor, users in self.users.items():
            if tensor in producers:
                node, port = producers[tensor]
                source, others = (node, port, "outputs"), users
            else:
                source, others = (*users[0], "inputs"), users[1:]
            stream = self.graph.stream(tensor)
            fused = self.windows[tensor].name if tensor in self.windows else ""
            for user, port in others[1:] if fused else others:
                start = (*users[0], "inputs") if fused else source
                lanes = self._lanes(*start), self._lanes(user, port, "inputs")
                ends = self.owner[start[0].name], self.owner[user.name]
                found.append(Link(*ends, lanes, stream, self.frames[tensor], fused))
        return found

    def _lanes(self, node: Node, port: int, side: str) -> list[int]:
        """Lanes of a port for each choice of the unit that it belongs to."""
        return [getattr(c.units[node.name], side)()[port].lanes for c in self.choices[self.owner[node.name]]]

    def _link_prices(self, link: Link, cycles: float) -> np.ndarray:
        """Price of the width converters of a link, by choice of both ends."""
        kinds = [sorted(set(side)) for side in link.lanes]
        prices = np.zeros([len(kind) for kind in kinds])
        for (i, a), (j, b) in itertools.product(*map(enumerate, kinds)):
            if link.fused:
                prices[i, j] = TOO_SLOW if a != b else 0
                continue
            words = link.frames * link.stream.freq * link.stream.channels // math.gcd(a, b)
            prices[i, j] = self._converters_price(link.stream, a, b) + (TOO_SLOW if a != b and words > cycles else 0)
        index = [[kind.index(lanes) for lanes in side] for kind, side in zip(kinds, link.lanes, strict=True)]
        return prices[np.ix_(*index)]

    def _converters_price(self, stream: Stream, a: int, b: int) -> float:
        rows = [estimate_unit("", unit, [channel(SIZED_DEPTH)], self.resources) for unit in converters(stream, a, b)]
        return sum(row.price(self.resources) for row in rows)


def candidates(unit: Unit) -> list[Unit]:
    """Every legal folding of a unit."""
    if isinstance(unit, Mvtu):
        pairs = itertools.product(divisors(unit.out_channels), divisors(unit.tap_channels))
        return [unit.with_lanes(pe=pe, simd=simd) for pe, simd in pairs]
    channels = math.gcd(*unit.in_channels) if hasattr(unit, "in_channels") else unit.channels  # type: ignore[attr-defined]
    return [unit.with_lanes(lanes=d) for d in divisors(channels)]


def read_overrides(path: Path) -> dict[str, Override]:
    """A folding file: YAML, ``{unit: {pe: 2, simd: 16}, other: {lanes: 4}}``. Raises InputError."""
    return yaml_file.load(path, "folding file", pydantic.TypeAdapter(dict[str, Override] | None)) or {}
