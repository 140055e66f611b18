"""From a folded unit graph to channels: forks, width converters, the length channels, FIFO depths.

After `wire` every tensor has one producer and one consumer: it is a channel.
"""

import math
from dataclasses import replace
from itertools import pairwise

from hwsv import datatypes
from hwsv.errors import InputError
from hwsv.graph import INPUT, LENGTH, Channel, Node, UnitGraph
from hwsv.units.base import Stream
from hwsv.units.fork import Fork
from hwsv.units.length_fork import LENGTH_DTYPE, LengthFork
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.width_converter import WidthConverter

STREAM_DEPTH = 8
"""Words of an ordinary channel: full rate needs D + L + 1, and no unit's D is above 5."""
LENGTH_DEPTH = 16
"""Utterances that may be on their way between the source and the last frame-aware unit."""
MAX_FRAMES = datatypes.limits(LENGTH_DTYPE)[1]
"""Longest utterance that a length channel can tell."""
LUT_RAM_DEPTH = 64
"""FIFOs up to this depth are LUT RAM (latency 1), deeper ones block RAM with a registered output (latency 2)."""


def wire(graph: UnitGraph) -> UnitGraph:
    """The graph with forks, width converters, length channels and channel depths that cannot deadlock."""
    wired = UnitGraph(graph.name, list(graph.nodes))
    _insert_forks(wired)
    _convert_widths(wired)
    add_lengths(wired)
    wired.channels = depths(wired)
    return wired


def channel(depth: int) -> Channel:
    """A channel of `depth` words, with the latency of the memory that holds it."""
    return Channel(depth, 1 if depth <= LUT_RAM_DEPTH else 2)


def _insert_forks(graph: UnitGraph) -> None:
    """One fork behind every tensor that more than one port reads."""
    for tensor, users in graph.consumers().items():
        if len(users) < 2:
            continue
        stream = graph.stream(tensor)
        copies = tuple(f"{tensor}_copy{i}" for i in range(len(users)))
        unit = fork(stream, len(users))
        for (user, port), copy in zip(users, copies, strict=True):
            _rewire(graph, user.name, port, copy)
        producer = graph.producers().get(tensor)
        at = graph.nodes.index(producer[0]) + 1 if producer else 0
        graph.nodes.insert(at, Node(f"{tensor}_fork", unit, (tensor,), copies))


def fork(stream: Stream, copies: int) -> Fork:
    """The fork of a stream: it has the lanes of who writes it."""
    return Fork(stream.freq, stream.channels, stream.dtype, copies, stream.lanes)


def converters(stream: Stream, lanes: int, wanted: int) -> list[WidthConverter]:
    """Width converters from `lanes` to `wanted` lanes, by way of the gcd where neither divides; none if equal."""
    steps = [lanes, wanted]
    if max(steps) % min(steps):
        steps.insert(1, math.gcd(*steps))
    return [
        WidthConverter(stream.freq, stream.channels, stream.dtype, a, b) for a, b in pairwise(steps) if a != b
    ]  # fmt: skip


def _rewire(graph: UnitGraph, name: str, port: int, tensor: str) -> None:
    index = next(i for i, n in enumerate(graph.nodes) if n.name == name)
    node = graph.nodes[index]
    graph.nodes[index] = replace(node, inputs=(*node.inputs[:port], tensor, *node.inputs[port + 1 :]))


def _convert_widths(graph: UnitGraph) -> None:
    """Width converters where producer and consumer differ in lanes."""
    producers = graph.producers()
    for node in list(graph.nodes):
        for port, (tensor, wanted) in enumerate(zip(node.inputs, node.unit.inputs(), strict=True)):
            if tensor not in producers:
                continue  # the source gives what the first unit takes
            source, out = producers[tensor]
            for number, unit in enumerate(converters(wanted, source.unit.outputs()[out].lanes, wanted.lanes)):
                made = f"{tensor}_x{unit.out_lanes}"
                index = next(i for i, n in enumerate(graph.nodes) if n.name == node.name)
                graph.nodes.insert(index, Node(f"{tensor}_width{number}", unit, (tensor,), (made,)))
                _rewire(graph, node.name, port, made)
                tensor = made


def add_lengths(graph: UnitGraph) -> None:
    """The length fork and its channels; each output tells its unit the frames that reach it."""
    chains: dict[str, tuple[tuple[int, int, int], ...]] = {INPUT: ()}
    aware: list[tuple[int, tuple[tuple[int, int, int], ...]]] = []
    for index, node in enumerate(graph.nodes):
        if node.inputs[0] not in chains:  # behind pooling: one frame, whatever the length
            if node.unit.frame_aware:
                raise InputError(f"unit {node.name!r} ({node.unit.kind}) behind pooling over time is not supported")
            continue
        chain = chains[node.inputs[0]]
        if node.unit.frame_aware:
            aware.append((index, chain))
        if isinstance(node.unit, SlidingWindow):
            window = node.unit
            chain = (*chain, (window.kernel[0], window.stride[0], window.pads[0] + window.pads[2]))
        elif node.unit.out_frames(MAX_FRAMES) == 1:
            continue
        chains.update(dict.fromkeys(node.outputs, chain))
    if not aware:
        return
    names = [f"{graph.nodes[index].name}_length" for index, _ in aware]
    for (index, _), name in zip(aware, names, strict=True):
        graph.nodes[index] = replace(graph.nodes[index], length=name)
    flat = tuple(number for _, chain in aware for stage in chain for number in stage)
    unit = LengthFork(flat, tuple(len(chain) for _, chain in aware))
    graph.nodes.insert(0, Node("lengths", unit, (LENGTH,), tuple(names)))


def depths(graph: UnitGraph) -> dict[str, Channel]:
    """Ample depths by a rule: small everywhere, but where paths join, what the longer paths hold back.

    A path holds back at most the pixels of its line buffers; the other inputs of the join must store as many pixels of
    theirs, in their own resolution, so that neither path waits for the other.
    """
    held = _held_pixels(graph)
    found = {INPUT: channel(STREAM_DEPTH)}
    for node in graph:
        found.update({t: channel(LENGTH_DEPTH if node.name == "lengths" else STREAM_DEPTH) for t in node.outputs})
    for node in graph:
        if len(node.inputs) > 1:
            most = max(held[t] for t in node.inputs)
            before = 0
            for tensor, stream in zip(node.inputs, node.unit.inputs(), strict=True):
                missing = math.ceil(most - held[tensor])
                words = (missing + bool(missing)) * stream.words_per_pixel + before + STREAM_DEPTH
                found[tensor] = channel(words)
                before += stream.words_per_pixel  # a concat takes its inputs in turn, a pixel each
    if any(node.length for node in graph):
        found[LENGTH] = channel(LENGTH_DEPTH)
    return found


def _held_pixels(graph: UnitGraph) -> dict[str, float]:
    """tensor -> pixels, at its own resolution, that the path to it may hold back in line buffers."""
    held: dict[str, float] = {INPUT: 0.0, LENGTH: 0.0}
    for node in graph:
        entering = max(held[t] for t in node.inputs)
        unit = node.unit
        if isinstance(unit, SlidingWindow):
            # buffered input pixels become 1/(stride_t * stride_f) output pixels each; two more are in the pipeline
            entering = (entering + unit.buffer_pixels) / math.prod(unit.stride) + 2
        held.update(dict.fromkeys(node.outputs, entering))
    return held
