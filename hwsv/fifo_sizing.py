"""FIFO sizing: the least memory with which a design loses no cycle and hangs on no length (docs/timing.md, "Depths").

Sizes are counted in words: where no depth can lose a word, none can lose a step of the RAM that it is made of.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hwsv.graph import Channel, UnitGraph
from hwsv.regions import Region, one_length, regions
from hwsv.simulator.slack import bounds, critical
from hwsv.simulator.tables import Array, Tables, build, resize
from hwsv.simulator.timing import Deadlock, execute
from hwsv.units.base import Stream
from hwsv.units.length_fork import LENGTH_DTYPE
from hwsv.units.sliding_window import SlidingWindow
from hwsv.wiring import LUT_RAM_DEPTH, depths

AMPLE = 4
"""Times the depths of `hwsv.wiring.depths`: deeper FIFOs make nothing faster."""

SETTLED = 4
"""Utterances in a row that the result is checked with, so that the interval is one of a steady state."""


def size(graph: UnitGraph, frames: int) -> dict[str, Channel]:
    """Channels of least depth for a wired graph, as fast as with ample ones on utterances of `frames` frames.

    The embeddings of utterances back to back (`workload`) appear in the same cycles, and no length of utterance hangs.
    One word less in any channel makes an embedding later, or hangs on some length. The length channels keep their
    depth: it is the number of short utterances in flight.
    """
    # fewer utterances are enough, and quicker, where they are the first of more
    for repeats in (1, 2, SETTLED) if _steady_frames(graph, frames) == frames else (SETTLED,):
        sizing = Sizing(graph, workload(graph, frames, repeats))
        if not sizing.start():
            if repeats == 1:
                continue  # the search is worth its time on more utterances only
            sizing.search()
        if repeats == SETTLED or sizing.settled(workload(graph, frames)):
            break
    return sizing.channels


def least(graph: UnitGraph, frames: int) -> dict[str, Channel]:
    """Channels that each cannot be shallower: nearly those of `size`, in a fraction of its time where that is long."""
    sizing = Sizing(graph, workload(graph, frames, 1))
    sizing.start()
    return sizing.channels


def workload(graph: UnitGraph, frames: int, repeats: int = SETTLED) -> list[int]:
    """Utterances that keep their rate: of the example's length, and such that fill every window if it does not."""
    steady = _steady_frames(graph, frames)
    return [frames] * repeats + ([] if steady == frames else [steady] * repeats)


def limiting(graph: UnitGraph, utterances: list[int], channels: dict[str, Channel]) -> list[str]:
    """Channels that are too shallow for the full rate: any of them, made ample, brings an embedding earlier.

    utterances: frames of each; their embeddings are compared with those of ample depths. Where several channels are
    too shallow in such a way that one alone changes nothing, all that late words wait for are named.
    Raises Deadlock, InputError.
    """
    rule = depths(graph)
    ample = {t: Channel(max(AMPLE * rule[t].depth, c.depth), c.latency) for t, c in channels.items()}
    tables = build(graph, utterances, channels)
    in_time = execute(resize(tables, ample))["finish"]
    if (execute(tables)["finish"] == in_time).all():
        return []
    state = execute(tables, record=True)
    late = [t for t, c in zip(tables.channels, critical(tables, state, in_time), strict=True) if c]

    def sooner(tensor: str) -> bool:
        return bool((execute(resize(tables, channels | {tensor: ample[tensor]}))["finish"] < state["finish"]).any())

    return [t for t in late if sooner(t)] or late


def _steady_frames(graph: UnitGraph, frames: int) -> int:
    """`frames`, doubled until every window sees many more frames than its kernel (unless the network fixes its T)."""
    if one_length(graph, frames):
        return frames
    windows = [(n.inputs[0], n.unit.kernel[0]) for n in graph if isinstance(n.unit, SlidingWindow)]
    while any(graph.frames(frames)[tensor] < 4 * kernel for tensor, kernel in windows):
        frames *= 2
    return frames


@dataclass
class Sizing:
    """The search of `size` for one graph; `runs` counts what it cost."""

    graph: UnitGraph
    utterances: list[int]
    runs: int = 0
    depths: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    _deep: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        wired, streams = depths(self.graph), self.graph.streams()
        self.regions = regions(self.graph, self.utterances[0])
        self.tables = build(self.graph, self.utterances)
        self.names = self.tables.channels
        self.fixed = np.array([_is_length(streams.get(t)) for t in self.names])
        self.ample = np.array(
            [wired[t].depth * (1 if f else AMPLE) for t, f in zip(self.names, self.fixed, strict=True)]
        )
        self.width = np.array([streams[t].word_bits if t in streams else 0 for t in self.names])
        self.place = np.arange(len(self.names))
        for region in self.regions:
            inner = [i for i, t in enumerate(self.names) if t in region.inner]
            self.place[inner] = inner[0]

    @property
    def channels(self) -> dict[str, Channel]:
        """What has been found."""
        return self._channels(self.depths)

    def start(self) -> bool:
        """Set every depth to the least that it can have on its own; whether all together are in time.

        A FIFO deeper than LUT RAM is slower by a cycle. Where that changes no embedding's time, the least depths of
        fast channels are those of slow ones too; else all is done again with it.
        """
        while True:
            tables, state = self._run(self.ample, record=True)
            self.finish = state["finish"]
            self.floor = np.where(self.fixed, self.ample, bounds(tables, state, self.finish))
            self.depths = self.alive = self._alive(self.floor)
            deeper = self._deepen()
            if self._in_time(self.depths):
                return True
            if not deeper:
                return False

    def search(self) -> None:
        """From depths that are not in time to such as are and cannot lose a word."""
        while True:
            raised = self._raised(self.depths)
            group = np.flatnonzero(raised > self.floor)
            self.depths = self._shrink(raised, self.floor, group, lambda x: self._lives(x) and self._in_time(x))
            if not self._deepen() or self._in_time(self.depths) or self.start():
                return

    def settled(self, utterances: list[int]) -> bool:
        """Whether more utterances too are as fast as with ample depths: at once if a unit never waits between them."""
        tables = build(self.graph, utterances, self.channels)
        finish = execute(tables)["finish"]
        if finish[0] == self.finish[0] and (np.diff(finish) * len(utterances) == tables.beats.max()).all():
            return True
        ample = resize(tables, self._channels(self.ample))
        return bool((finish == execute(ample)["finish"]).all())

    def _deepen(self) -> bool:
        """Make block RAM of what is too deep for LUT RAM; whether there was any more of it."""
        deeper = {t for t, n in self._named(self.depths).items() if n > LUT_RAM_DEPTH} - self._deep
        self._deep |= deeper
        return bool(deeper)

    def _alive(self, floor: Array) -> Array:
        """`floor` with what the regions need beyond it to hang on no length."""
        depths = floor.copy()
        for region in self.regions:
            raised = depths.copy()
            while deadlock := region.deadlock(self._named(raised)):
                if not (full := [i for i, t in enumerate(self.names) if t in deadlock.full and t in region.inner]):
                    raise deadlock  # no FIFO of it is full: no depth helps
                raised[full] *= 2
            group = np.flatnonzero(raised > depths)
            if len(group):
                depths = self._shrink(raised, floor, group, partial(self._alive_in, region))
        return depths

    def _alive_in(self, region: Region, depths: Array) -> bool:
        return region.deadlock(self._named(depths)) is None

    def _raised(self, depths: Array) -> Array:
        """Depths that are in time: ample ones for the channels that make `depths` late."""
        while True:
            tables, state = self._run(depths, record=True)
            late = critical(tables, state, self.finish)
            if not late.any():
                return depths
            raised = np.where(late, self.ample, depths)
            depths = self.ample if (raised == depths).all() else raised

    def _shrink(self, depths: Array, floor: Array, group: Array, holds: Callable[[Array], bool]) -> Array:
        """Depths of `group` that cannot lose a word, given that none can go below `floor`.

        Region by region, since what cannot shrink is found together, and there the dearest first.
        """
        depths = depths.copy()

        def settle(group: Array) -> None:
            trial = depths.copy()
            trial[group] = floor[group]
            if holds(trial):
                depths[group] = floor[group]
            elif len(group) > 1:
                settle(group[: len(group) // 2])
                settle(group[len(group) // 2 :])
            else:
                c, low, high = group[0], floor[group[0]] + 1, depths[group[0]]
                while low < high:
                    trial[c] = (low + high) // 2
                    low, high = (low, trial[c]) if holds(trial) else (trial[c] + 1, high)
                depths[c] = high

        bits = (depths - floor) * self.width
        settle(group[np.lexsort((-bits[group], self.place[group]))])
        return depths

    def _lives(self, depths: Array) -> bool:
        """Whether no length of utterance hangs."""
        named = self._named(depths)
        less = {t for t, n, known in zip(self.names, depths, self.alive, strict=True) if n < known}
        return all(r.deadlock(named) is None for r in self.regions if not less.isdisjoint(r.inner))

    def _in_time(self, depths: Array) -> bool:
        """Whether the workload's embeddings appear as early as with ample depths."""
        try:
            return bool((self._run(depths)[1]["finish"] == self.finish).all())
        except Deadlock:
            return False

    def _run(self, depths: Array, record: bool = False) -> tuple[Tables, dict[str, np.ndarray]]:
        self.runs += 1
        tables = resize(self.tables, self._channels(depths))
        return tables, execute(tables, record)

    def _named(self, depths: Array) -> dict[str, int]:
        return dict(zip(self.names, depths.tolist(), strict=True))

    def _channels(self, depths: Array) -> dict[str, Channel]:
        return {t: Channel(n, 2 if t in self._deep else 1) for t, n in zip(self.names, depths.tolist(), strict=True)}


def _is_length(stream: Stream | None) -> bool:
    return stream is None or stream.dtype == LENGTH_DTYPE
