"""Recorded against expected handshakes: how many differ, and the first that does."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsv.cosim.bench import Channel, Recording, Words
from hwsv.cosim.expected import Expected
from hwsv.graph import UnitGraph
from hwsv.simulator.timing import peak


@dataclass(frozen=True)
class Difference:
    """The first handshake that differs. unit: whose beat it is; channel: the tensor; kind: "push", "pop" or "word".

    number counts the channel's words from 0. Cycles are None where the handshake is missing; words are hexadecimal.
    held: words (credits) of the channel in use when the beat was due, of `depth`; most: that the RTL ever had in use.
    """

    unit: str
    channel: str
    kind: str
    number: int
    cycle_expected: int | None
    cycle_found: int | None
    word_expected: str = ""
    word_found: str = ""
    held: int = 0
    depth: int = 0
    most: int = 0

    def __str__(self) -> str:
        handshake = "pop" if self.kind == "pop" else "push"
        where = f"unit {self.unit}, channel {self.channel}, {handshake} {self.number}"
        if self.kind == "word":
            return f"{where}, cycle {self.cycle_found}: expected word {self.word_expected}, found {self.word_found}"
        cycles = [f"cycle {c}" if c is not None else "none" for c in (self.cycle_expected, self.cycle_found)]
        room = f" ({self.held} of its {self.depth} words in use{', never more' * (self.held == self.most)})"
        return f"{where}{room if self.kind == 'push' else ''}: expected {cycles[0]}, found {cycles[1]}"


@dataclass(frozen=True)
class Comparison:
    """handshakes: pushes and pops that were compared; hangs: no output any more, words left (RTL, simulator)."""

    handshakes: int
    cycle_differences: int
    word_differences: int
    first: Difference | None
    rtl_hangs: bool
    simulator_hangs: bool

    @property
    def equal(self) -> bool:
        return not (self.cycle_differences or self.word_differences)

    def to_json(self) -> dict[str, Any]:
        """The stable JSON form of ``hwsv simulate --check rtl``."""
        return asdict(self)


def compare(graph: UnitGraph, expected: Expected, found: Recording, total: int) -> Comparison:
    """All channels of one run. total: words that the sink would get if nothing hung."""
    cycles = words = handshakes = 0
    candidates: list[tuple[tuple[int, ...], Difference]] = []
    ends = _Ends(graph)
    for tensor, wanted in expected.channels.items():
        got = found.channels[tensor]
        for kind in ("push", "pop"):
            a, b = (c.pushes if kind == "push" else c.pops for c in (wanted, got))
            handshakes += max(len(a), len(b))
            count, at = _differences(a, b)
            cycles += count
            if count:
                candidates.append(ends.late(tensor, kind, at, expected, found))
        wrong = _wrong_words(wanted.words, got.words)
        words += len(wrong)
        if len(wrong):
            candidates.append(ends.wrong(tensor, int(wrong[0]), wanted, got))
    first = min(candidates, key=lambda c: c[0])[1] if candidates else None
    return Comparison(handshakes, cycles, words, first, len(found.outputs) < total, expected.hangs)


def _differences(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[int, int]:
    """How many entries differ, missing and surplus ones included, and the first."""
    common = min(len(a), len(b))
    wrong = np.flatnonzero(a[:common] != b[:common])
    return len(wrong) + abs(len(a) - len(b)), int(wrong[0]) if len(wrong) else common


def _wrong_words(a: Words, b: Words) -> NDArray[np.int64]:
    common = min(len(a), len(b))
    return np.flatnonzero((a[:common] != b[:common]).any(axis=1))


class _Ends:
    """Whose beat a handshake is, and when that beat was issued.

    A unit can be late only after what made it late, so the difference with the earliest beat is the cause. Among the
    handshakes of one beat, pushes come first, and first of them that to a channel which never holds more words than it
    did then: it may lack a credit.
    """

    def __init__(self, graph: UnitGraph) -> None:
        self.graph = graph
        self.producers = {t: (node.name, node.unit.latency) for t, (node, _) in graph.producers().items()}
        self.consumers = {t: users[0][0].name for t, users in graph.consumers().items()}

    def late(
        self, tensor: str, kind: str, number: int, expected: Expected, found: Recording
    ) -> tuple[tuple[int, ...], Difference]:
        """Rank and description of a handshake in the wrong cycle."""
        wanted, got = expected.channels[tensor], found.channels[tensor]
        a, b = (c.pushes if kind == "push" else c.pops for c in (wanted, got))
        when = [int(times[number]) if number < len(times) else None for times in (a, b)]
        if kind == "pop":
            rank = min(t for t in when if t is not None), 1, 0, 0
            return rank, Difference(self.consumers.get(tensor, "sink"), tensor, kind, number, when[0], when[1])
        producer, latency = self.producers.get(tensor, ("source", 0))
        beat = min(t for t in when if t is not None) - latency
        held = number - int(np.searchsorted(wanted.pops, beat))
        most, depth = peak(got.pushes - latency, got.pops), self.graph.channels[tensor].depth
        rank = beat, 0, most - held, -held
        return rank, Difference(producer, tensor, kind, number, when[0], when[1], held=held, depth=depth, most=most)

    def wrong(self, tensor: str, number: int, wanted: Channel, got: Channel) -> tuple[tuple[int, ...], Difference]:
        """Rank and description of a wrong word."""
        producer, latency = self.producers.get(tensor, ("source", 0))
        expected, found = (
            (int(c.pushes[number]), f"{int.from_bytes(c.words[number].astype('<u8').tobytes(), 'little'):x}")
            for c in (wanted, got)
        )
        rank = min(expected[0], found[0]) - latency, 2, 0, 0
        return rank, Difference(producer, tensor, "word", number, expected[0], found[0], expected[1], found[1])
