"""Regions: the parts of a network in which paths part and join again. Only there can a FIFO be so small that it hangs.

What hangs depends on order and capacity, not on time (docs/timing.md, "Depths"). So every length of utterance may be
looked at alone, and a channel that all data passes separates what is before it from what is behind it.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hwsv.errors import InputError
from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, Node, UnitGraph
from hwsv.simulator.tables import Tables, build, resize
from hwsv.simulator.timing import Deadlock, execute
from hwsv.units.length_fork import LengthFork
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from hwsv.wiring import add_lengths


@dataclass
class Region:
    """Nodes between two cuts. inner: its channels, named as in the network; tables: every length that matters."""

    inner: list[str]
    tables: Tables

    def deadlock(self, depths: Mapping[str, int]) -> Deadlock | None:
        """How it hangs with these depths of its inner channels, at whatever length; None if it never does."""
        channels = {t: Channel(depths[t] if t in self.inner else 1) for t in self.tables.channels}
        try:
            execute(resize(self.tables, channels))
        except Deadlock as deadlock:
            return deadlock
        return None


def regions(graph: UnitGraph, frames: int) -> list[Region]:
    """All regions of a wired graph. frames: the length of its utterances where it takes no other."""
    fixed = one_length(graph, frames)
    shortest = graph.frames(frames if fixed else _shortest(graph))
    return [_region(nodes, entry, shortest.get(entry, 1), fixed) for entry, nodes in parts(graph) if len(nodes) > 1]


def one_length(graph: UnitGraph, frames: int) -> bool:
    """Whether a matrix takes in the frames of an utterance at once, so that no other number than `frames` fits it."""
    longer = graph.frames(64 * frames)
    flattened = {n.inputs[0]: n.unit.flatten_frames for n in graph if isinstance(n.unit, Mvtu)}
    return any(taken and longer[tensor] != taken for tensor, taken in flattened.items())


def _shortest(graph: UnitGraph) -> int:
    """Frames of the shortest utterance that the network takes."""
    for frames in itertools.count(1):
        try:
            graph.frames(frames)
        except InputError:
            continue
        return frames
    raise AssertionError


def parts(graph: UnitGraph) -> Iterator[tuple[str, list[Node]]]:
    """(entering tensor, nodes) between neighbouring cuts: in topological order a cut is the only open tensor."""
    entry, nodes, open_tensors = INPUT, [], {INPUT}
    for node in graph:
        if isinstance(node.unit, LengthFork):
            continue
        nodes.append(node)
        open_tensors = (open_tensors - set(node.inputs)) | set(node.outputs)
        if len(open_tensors) == 1:
            yield entry, nodes
            (entry,), nodes = open_tensors, []


def _region(nodes: list[Node], entry: str, shortest: int, fixed: bool) -> Region:
    ends = {entry: INPUT, nodes[-1].outputs[0]: OUTPUT}

    def renamed(tensors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ends.get(t, t) for t in tensors)

    made = [replace(n, inputs=renamed(n.inputs), outputs=renamed(n.outputs), length="") for n in nodes]
    graph = UnitGraph("region", made)
    inner = [t for n in nodes for t in n.outputs if t not in ends]
    add_lengths(graph)
    names = {INPUT, *([LENGTH] if any(n.length for n in graph) else []), *(t for n in graph for t in n.outputs)}
    longest = shortest if fixed else shortest + _reach(graph)
    tables = build(graph, list(range(shortest, longest + 1)), dict.fromkeys(names, Channel(1)))
    return Region(inner, tables)


def _reach(graph: UnitGraph) -> int:
    """Frames that a cycle of waits can span in a region, and its period.

    A cycle need not pass an actor twice. A window looks ahead by its kernel and stride at most, any other unit by a
    pixel. What hangs inside a long utterance therefore hangs inside one of this length, and what hangs at its end does
    so after every period of the strides.
    """
    frames, reach, period = {INPUT: 1}, 0.0, 1
    for node in graph:
        at = frames.get(node.inputs[0], 1)
        if isinstance(node.unit, SlidingWindow):
            reach += (node.unit.kernel[0] + node.unit.stride[0]) * at
            at *= node.unit.stride[0]
        else:
            reach += at / node.unit.outputs()[0].freq
        period = max(period, at)
        frames.update(dict.fromkeys(node.outputs, at))
    return math.ceil(reach) + period
