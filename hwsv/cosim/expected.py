"""What the cycle simulator expects: every handshake of every channel, up to the end or to a deadlock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsv.cosim.bench import Channel, pack, stream_of
from hwsv.graph import LENGTH, Node, UnitGraph
from hwsv.simulator.tables import Tables, build
from hwsv.simulator.timing import attempt
from hwsv.simulator.words import move
from hwsv.units.base import Tensor

Memories = Callable[[Node], dict[str, Tensor]]
"""What the emitted memory files of a unit hold."""


@dataclass(frozen=True)
class Expected:
    """channels: by tensor, up to the end or to the deadlock. hangs: whether it is a deadlock.

    quiet: more cycles than can pass without a handshake; cycles: of the last handshake + 1.
    """

    channels: dict[str, Channel]
    hangs: bool
    quiet: int
    cycles: int


def expect(
    graph: UnitGraph, features: Sequence[Tensor], enables: Mapping[str, NDArray[np.bool_]], memories: Memories
) -> Expected:
    """Play utterances (int64 [T, F, C] each) back to back through the simulator. Raises InputError."""
    tables = build(graph, [len(x) for x in features], enables=dict(enables))
    state, done = attempt(tables, record=True)
    words = _words(graph, features, memories)
    channels = {}
    for c, tensor in enumerate(tables.channels):
        first = int(tables.push_first[c])
        pushes = state["push_time"][first : first + int(state["pushed"][c])]
        pops = state["pop_time"][first : first + int(state["popped"][c])]
        channels[tensor] = Channel(pushes, pops, words[tensor][: len(pushes)])
    last = max((int(times[-1]) for c in channels.values() for times in (c.pushes, c.pops) if len(times)), default=-1)
    return Expected(channels, not done, _quiet(tables), last + 1)


def _words(graph: UnitGraph, features: Sequence[Tensor], memories: Memories) -> dict[str, NDArray[np.uint64]]:
    """tensor -> the words of all utterances, as they are on the wires."""
    cache: dict[str, dict[str, Tensor]] = {}

    def once(node: Node) -> dict[str, Tensor]:
        if node.name not in cache:
            cache[node.name] = memories(node)
        return cache[node.name]

    found: dict[str, list[NDArray[np.uint64]]] = {}
    for x in features:
        moved = move(graph, x, once) | _lengths(graph, len(x))
        for tensor, words in moved.items():
            found.setdefault(tensor, []).append(pack(stream_of(graph, tensor), words))
    return {tensor: np.concatenate(parts) for tensor, parts in found.items()}


def _lengths(graph: UnitGraph, frames: int) -> dict[str, Tensor]:
    """The words of the length channels of one utterance."""
    found = {LENGTH: np.array([[frames]], np.int64)} if LENGTH in graph.channels else {}
    for node in graph:
        if node.inputs[0] in found:
            outputs = node.unit.from_words([found[t] for t in node.inputs], {})
            found.update(zip(node.outputs, outputs, strict=True))
    return found


def _quiet(tables: Tables) -> int:
    """More cycles than any actor idles between two of its operations, and words spend on their way."""
    longest = [tables.delay, tables.seg_tail, tables.latency, tables.channel_latency, tables.enable_period]
    return 64 + 4 * sum(int(a.max(initial=0)) for a in longest)
