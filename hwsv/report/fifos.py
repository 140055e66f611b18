"""Every FIFO of a design beside the depths that would be too small for it, and those of a rule of thumb."""

from dataclasses import dataclass

from hwsv.estimate import Estimate
from hwsv.graph import Channel, UnitGraph
from hwsv.memory_home import REGISTER_DEPTH
from hwsv.regions import Region, regions
from hwsv.units.length_fork import LENGTH_DTYPE
from hwsv.wiring import depths


@dataclass(frozen=True)
class Fifo:
    """A channel. `depth`: words as built, with which it loses no cycle; `least`: with fewer than these some length of
    utterance hangs, all other FIFOs being as built; `peak`: most words in use at once; `rule`: depth by the rule that
    counts what line buffers hold back; `home`: of its memory. `writer`, `reader`: units, empty at the design's ends.
    `is_length`: it carries lengths of utterances."""

    name: str
    writer: str
    reader: str
    depth: int
    least: int
    peak: int
    rule: int
    word_bits: int
    home: str
    is_length: bool

    @property
    def bits(self) -> int:
        return self.depth * self.word_bits


def fifos(graph: UnitGraph, frames: int, estimate: Estimate, peak: dict[str, int]) -> list[Fifo]:
    """In dataflow order, the length channels last.

    frames: length of utterances where the network takes no other; peak: from a recorded run.
    """
    least = {t: n for region in regions(graph, frames) for t, n in _least(region, graph.channels).items()}
    rule, streams = depths(graph), graph.streams()
    producers, consumers = graph.producers(), graph.consumers()
    homes = {
        tensor: next(m.home for m in row.memories if m.name == f"out{port}")
        for row in estimate.units
        for port, tensor in enumerate(graph.node(row.node).outputs)
    }
    found = []
    for tensor, channel in graph.channels.items():
        writer = producers[tensor][0].name if tensor in producers else ""
        reader = consumers[tensor][0][0].name if tensor in consumers else ""
        found.append(
            Fifo(
                name=tensor, writer=writer, reader=reader, depth=channel.depth, least=least.get(tensor, 1),
                peak=peak.get(tensor, 0), rule=rule[tensor].depth, word_bits=streams[tensor].word_bits,
                home=_home(channel, homes.get(tensor, "lut")), is_length=streams[tensor].dtype == LENGTH_DTYPE,
            )
        )  # fmt: skip
    return sorted(found, key=lambda fifo: fifo.is_length)


def _home(channel: Channel, home: str) -> str:
    if channel.depth <= REGISTER_DEPTH:
        return "registers"
    return {"lut": "LUT RAM", "bram": "block RAM"}[home]


def _least(region: Region, channels: dict[str, Channel]) -> dict[str, int]:
    """Channel of the region -> least depth that hangs on no length, by bisection."""
    built = {tensor: channel.depth for tensor, channel in channels.items()}
    found = {}
    for tensor in region.inner:
        low, high = 1, built[tensor]
        while low < high:
            middle = (low + high) // 2
            hangs = region.deadlock(built | {tensor: middle}) is not None
            low, high = (middle + 1, high) if hangs else (low, middle)
        found[tensor] = high
    return found
