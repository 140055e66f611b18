"""Flat tables for the kernel: all actors' schedules, channels and shared buffers of a wired graph."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from hwsv.errors import InputError
from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, UnitGraph
from hwsv.units.base import Unit
from hwsv.units.beats import Actor, Segment, SharedBuffer, periodic

Array = NDArray[np.int64]

INDEX = np.uint32
"""Of what the kernel indexes with: an unsigned number spares the check for a negative one, a sixth of the time."""

SOURCE, LENGTH_SOURCE, SINK = "source", "length_source", "sink"


@dataclass
class Tables:
    """Inputs of `kernel.run` (its parameters of the same names), and the names behind the numbers.

    actors: (node name, actor name); channels: tensor names; buffers: (node name, buffer name);
    beats: all beats of each actor over the run, those without an operation included.
    """

    actors: list[tuple[str, str]] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    buffers: list[tuple[str, str]] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    beats: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def ring_size(self) -> int:
        return int(self.depth.sum() + self.items.sum())

    def __getattr__(self, name: str) -> Array:
        try:
            return self.__dict__["arrays"][name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class _Row:
    """One actor while tables are built."""

    node: str
    actor: str
    latency: int
    inputs: list[int]
    outputs: list[int]
    buffer: int = -1
    segments: list[tuple[Segment, int]] = field(default_factory=list)  # with the base of its needs and frees
    beats: int = 0


def build(
    graph: UnitGraph,
    frames: list[int],
    channels: dict[str, Channel] | None = None,
    enables: dict[str, NDArray[np.bool_]] | None = None,
    source: Sequence[Segment] | None = None,
) -> Tables:
    """Tables for utterances of `frames` input frames, back to back.

    channels: depths and latencies, default ``graph.channels``. enables: for SOURCE, LENGTH_SOURCE, SINK a periodic
    pattern of enabled cycles (random stalls). source: when it pushes the words of all utterances, default one a cycle.
    Raises InputError for a depth below 1 or an unwired tensor.
    """
    channels = graph.channels if channels is None else channels
    tables = Tables()
    names = [INPUT, *([LENGTH] if LENGTH in channels else []), *(t for n in graph for t in n.outputs)]
    number = {name: i for i, name in enumerate(names)}
    tables.channels = names
    _check(channels, names)
    rows, words = _rows(graph, frames, number, tables, source)
    _fill(tables, rows, [channels[n] for n in names], words, enables or {})
    return tables


def resize(tables: Tables, channels: dict[str, Channel]) -> Tables:
    """The same utterances through channels of other depths and latencies; what does not depend on them is shared."""
    _check(channels, tables.channels)
    rings = _rings([channels[n] for n in tables.channels], tables.items)
    return replace(tables, arrays=tables.arrays | rings)


def _check(channels: dict[str, Channel], names: list[str]) -> None:
    for name in names:
        if name not in channels:
            raise InputError(f"channel {name!r} has no depth: wire the graph first")
        if channels[name].depth < 1 or channels[name].latency < 1:
            raise InputError(f"channel {name!r}: depth and latency must be at least 1, not {channels[name]}")


def _rings(channels: list[Channel], items: Array) -> dict[str, Array]:
    """Depths and latencies, and where the rings of channels and shared buffers begin."""
    depth = np.array([c.depth for c in channels], np.int64)
    first = np.cumsum(np.concatenate([[0], depth, items]))
    return {
        "depth": depth, "channel_latency": np.array([c.latency for c in channels], np.int64),
        "ring_first": first[: len(depth)].copy(), "buffer_first": first[len(depth) : -1].copy(),
    }  # fmt: skip


def _rows(
    graph: UnitGraph, frames: list[int], number: dict[str, int], tables: Tables, source: Sequence[Segment] | None
) -> tuple[list[_Row], Array]:
    per_frame = graph.stream(INPUT).words_per_frame
    source = source or [periodic(1, [(0, 0, 1)], t * per_frame) for t in frames]
    rows = [_Row(SOURCE, SOURCE, 0, [], [number[INPUT]], segments=[(segment, 0) for segment in source])]
    if LENGTH in number:
        rows.append(_Row(LENGTH_SOURCE, LENGTH_SOURCE, 0, [], [number[LENGTH]]))
        rows[-1].segments.append((periodic(1, [(0, 0, 1)], len(frames)), 0))
    local = {t: graph.frames(t) for t in set(frames)}
    items: list[int] = []
    schedules: dict[tuple[Hashable, int], tuple[Actor, ...]] = {}
    for node in graph:
        made: list[_Row] = []
        same = _parameters(node.unit)
        for index, t in enumerate(frames):
            entering = local[t].get(node.inputs[0], 1)  # a length channel carries one word an utterance
            if (same, entering) not in schedules:
                schedules[same, entering] = node.unit.actors(entering)
            actors = schedules[same, entering]
            if index == 0:
                made, base = _new_rows(node.name, actors, node.all_inputs, node.outputs, number, tables, items), 0
            for row, actor in zip(made, actors, strict=True):
                row.segments += [(s, base) for s in actor.segments]
                row.beats += actor.beats
            shared = next((a.buffer for a in actors if a.buffer), None)
            base += shared.per_utterance if shared else 0
        rows += made
    rows.append(_Row(SINK, SINK, 0, [number[OUTPUT]], []))
    output = graph.stream(OUTPUT)
    for t in frames:
        rows[-1].segments.append((periodic(1, [(0, 1, 0)], local[t][OUTPUT] * output.words_per_frame), 0))
    tables.arrays["items"] = np.array(items, np.int64)
    streams = graph.streams()
    words = np.zeros(len(number), np.int64)
    for name, i in number.items():
        per_frame = streams[name].words_per_frame if name in streams else 1
        words[i] = sum(local[t].get(name, 1) * per_frame for t in frames)
    return rows, words


def _parameters(unit: Unit) -> Hashable:
    """Equal for units of equal schedules: their parameters, or the unit itself where some of these are arrays."""
    values = tuple(getattr(unit, f.name) for f in fields(unit))  # type: ignore[arg-type]
    return unit if any(isinstance(value, np.ndarray) for value in values) else (unit.kind, *values)


def _new_rows(
    node: str, actors: tuple[Actor, ...], inputs: tuple[str, ...], outputs: tuple[str, ...],
    number: dict[str, int], tables: Tables, items: list[int],
) -> list[_Row]:  # fmt: skip
    shared: dict[str, int] = {}
    made = []
    for actor in actors:
        row = _Row(node, actor.name, actor.latency, [number[inputs[p]] for p in actor.inputs],
                   [number[outputs[p]] for p in actor.outputs])  # fmt: skip
        if isinstance(actor.buffer, SharedBuffer):
            if actor.buffer.name not in shared:
                shared[actor.buffer.name] = len(items)
                items.append(actor.buffer.items)
                tables.buffers.append((node, actor.buffer.name))
            row.buffer = shared[actor.buffer.name]
        made.append(row)
    return made


def _fill(
    tables: Tables, rows: list[_Row], channels: list[Channel], words: Array, enables: dict[str, NDArray[np.bool_]]
) -> None:
    arrays = tables.arrays
    tables.actors = [(r.node, r.actor) for r in rows]
    tables.beats = np.array([r.beats for r in rows], np.int64)
    _fill_segments(arrays, rows)
    arrays["latency"] = np.array([r.latency for r in rows], np.int64)
    for side in ("in", "out"):
        ports = [r.inputs if side == "in" else r.outputs for r in rows]
        arrays[f"{side}_first"] = np.cumsum([0, *map(len, ports)], dtype=np.int64)
        arrays[f"{side}_channel"] = np.array([c for p in ports for c in p], INDEX)
    arrays["buffer"] = np.array([r.buffer for r in rows], np.int64)
    ends = np.zeros((2, len(channels)), INDEX)
    users = np.zeros((2, len(tables.buffers)), np.int64)
    for a, row in enumerate(rows):
        ends[0, row.outputs], ends[1, row.inputs] = a, a
        if row.buffer >= 0:
            users[0 if any(s.writes is not None for s, _ in row.segments) else 1, row.buffer] = a
    arrays["producer"], arrays["consumer"] = ends[0].copy(), ends[1].copy()
    arrays["buffer_writer"], arrays["buffer_reader"] = users[0].copy(), users[1].copy()
    arrays |= _rings(channels, arrays["items"])
    arrays["push_first"] = np.cumsum(np.append(0, words))
    patterns = [_waits(enables[r.node]) if r.node in enables else np.zeros(0, np.int64) for r in rows]
    arrays["enable_period"] = np.array([len(p) for p in patterns], np.int64)
    arrays["enable_first"] = np.cumsum([0, *(len(p) for p in patterns)], dtype=np.int64)[:-1].copy()
    arrays["enable_wait"] = np.concatenate([np.zeros(0, np.int64), *patterns])


def _fill_segments(arrays: dict[str, Array], rows: list[_Row]) -> None:
    """Segments of all actors; the table of a segment that is used again (same object) is stored once."""
    columns: dict[str, list[Array]] = {n: [] for n in ("delay", "pops", "pushes", "flags", "needs", "frees")}
    where: dict[int, int] = {}
    size = 0
    seg: list[tuple[int, int, int, int, int, int, int]] = []
    first = [0]
    for row in rows:
        for s, base in row.segments:
            if id(s) not in where:
                where[id(s)] = size
                size += len(s.delay)
                for name in ("delay", "pops", "pushes", "needs", "frees"):
                    columns[name].append(s.column(name))
                columns["flags"].append(s.column("writes") + 2 * s.column("space"))
            if s.repeats > 0:
                entry = (where[id(s)], len(s.delay), s.repeats, s.tail, base, s.needs_step, s.frees_step)
                seg.append(entry)
        first.append(len(seg))
    arrays |= {name: np.concatenate(parts) for name, parts in columns.items()}
    names = ("seg_table", "seg_length", "seg_repeats", "seg_tail", "seg_base", "seg_needs_step", "seg_frees_step")
    arrays |= {name: np.array([s[i] for s in seg], np.int64) for i, name in enumerate(names)}
    arrays["seg_first"], arrays["seg_last"] = np.array(first[:-1], np.int64), np.array(first[1:], np.int64)


def _waits(enabled: NDArray[np.bool_]) -> Array:
    """Cycles until the next enabled one, for each cycle of a period."""
    if not enabled.any():
        raise InputError("a stall pattern must have an enabled cycle")
    n = len(enabled)
    twice = np.flatnonzero(np.concatenate([enabled, enabled]))
    return twice[np.searchsorted(twice, np.arange(n))] - np.arange(n)
