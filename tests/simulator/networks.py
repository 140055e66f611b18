"""Random small networks, foldings, FIFO depths and stall patterns for the simulator's tests."""

import math
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.errors import InputError
from hwsv.folding import Override, fold
from hwsv.graph import INPUT, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.base import Cost, Stream, Tensor, Unit, divisors
from hwsv.units.beats import Actor, periodic
from hwsv.units.concat import Concat
from hwsv.units.lookup import Lookup
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.requantise import Requantise
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.stats_pool import StatsPool
from hwsv.units.threshold import Threshold
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.units.catalogue import generator, values


@dataclass(frozen=True, eq=False)
class Paced(Unit):
    """Passes words on at leisure: a pop at beat `pop` and a push at beat `push` of every `period` beats.

    No unit of the library has idle beats at both ends of its period, so the simulator's tests bring their own.
    """

    freq: int
    channels: int
    dtype: str
    period: int
    pop: int
    push: int
    lanes: int = 1

    latency: ClassVar[int] = 2

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.dtype, self.lanes),)

    def outputs(self) -> tuple[Stream, ...]:
        return self.inputs()

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tensors

    def actors(self, frames: int) -> tuple[Actor, ...]:
        ops = [(k, int(k == self.pop), int(k == self.push)) for k in sorted({self.pop, self.push})]
        words = frames * self.inputs()[0].words_per_frame
        segment = periodic(self.period, ops, words)
        return (Actor("pace", self.latency, (segment,), (0,), (0,), beats=words * self.period),)

    def cost(self) -> Cost:
        return Cost()


Paced.kind = "paced"  # set afterwards: a kind in the class body would register it


class Chain:
    """Grows a random network; `tensor`, `freq`, `channels`, `dtype` are where it has got to."""

    def __init__(self, r: Random) -> None:
        self.r, self.graph = r, UnitGraph("random")
        self.tensor, self.freq, self.channels, self.dtype = INPUT, r.randint(1, 6), r.randint(1, 3), "INT4"

    def add(self, unit: Unit, *inputs: str) -> str:
        name = f"u{len(self.graph.nodes)}"
        self.graph.nodes.append(Node(name, unit, inputs or (self.tensor,), (f"{name}_out",)))
        self.tensor, stream = f"{name}_out", unit.outputs()[0]
        self.freq, self.channels, self.dtype = stream.freq, stream.channels, stream.dtype
        return self.tensor

    def window(self, keep_shape: bool = False) -> SlidingWindow:
        kernel = (self.r.choice([1, 2, 3]), self.r.choice([1, 2, 3]))
        stride = (1, 1) if keep_shape else (self.r.choice([1, 2]), self.r.choice([1, 2, 3]))
        pads = tuple((k - 1) // 2 for k in kernel) + tuple(k // 2 for k in kernel)
        if not keep_shape and self.freq >= kernel[1]:
            pads = tuple(self.r.randint(0, k - 1) for k in kernel * 2)
        channels, dtype = self.channels, self.dtype
        unit = SlidingWindow(self.freq, channels, dtype, kernel, stride, pads)
        self.add(unit)
        return unit

    def convolution(self, keep_shape: bool = False) -> None:
        channels, dtype = self.channels, self.dtype
        window = self.window(keep_shape)
        outputs = channels if keep_shape else self.r.randint(1, 4)
        weights = values(self.r, "INT2", (outputs, window.taps * channels))
        bound = 2 * weights.shape[1] * max(map(abs, datatypes.limits(dtype)))
        acc = datatypes.smallest(-bound, bound)
        self.add(Mvtu(window.out_freq, weights.shape[1], channels, weights, dtype, "INT2", acc, window.marks))
        self.requantise()

    def requantise(self) -> None:
        rows = self.r.choice([1, self.channels])
        g = generator(self.r)
        self.add(
            Requantise(
                self.freq, self.channels, self.dtype, "INT4", g.integers(1, 9, (rows, 1)),
                g.integers(-20, 20, (rows, 1)), np.zeros(rows, np.int64), 3, -8, 7,
            )
        )  # fmt: skip

    def pool(self) -> None:
        channels, dtype = self.channels, self.dtype
        window = self.window()
        low, high = (window.taps * bound for bound in datatypes.limits(dtype))
        operation = self.r.choice(["max", "sum"])
        out = dtype if operation == "max" else datatypes.smallest(min(0, low), high)
        self.add(Pool(window.out_freq, channels, window.taps, operation, dtype, out, window.marks))
        self.requantise()

    def threshold(self) -> None:
        g = generator(self.r)
        thresholds, falling = g.integers(-8, 8, (self.channels, 1)), g.integers(0, 2, self.channels)
        self.add(Threshold(self.freq, self.channels, self.dtype, "BIPOLAR", thresholds, falling, -1, 2))

    def lookup(self) -> None:
        first, last = datatypes.limits(self.dtype)
        table = values(self.r, "INT4", (1, last - first + 1))
        self.add(Lookup(self.freq, self.channels, self.dtype, "INT4", table, first))

    def duplicate(self) -> None:
        if self.channels <= 4:
            copies = self.r.choice([2, 3])
            self.add(Concat(self.freq, (self.channels,) * copies, self.dtype), *[self.tensor] * copies)

    def pace(self) -> None:
        pop, push = sorted((self.r.randint(0, 5), self.r.randint(0, 5)))
        self.add(Paced(self.freq, self.channels, self.dtype, push + self.r.randint(1, 4), pop, push))

    def residual(self) -> None:
        """A branch of one or two convolutions and its bypass."""
        shortcut, bypass = self.tensor, self.dtype
        for _ in range(self.r.randint(1, 2)):
            self.convolution(keep_shape=True)
        self.add(
            Add(self.freq, self.channels, (self.dtype, bypass), "INT4", -8, 7), self.tensor, shortcut
        )  # fmt: skip

    def finish(self) -> UnitGraph:
        if self.r.random() < 0.6:
            levels = np.arange(1, 4)
            over_freq = self.r.random() < 0.5
            self.add(StatsPool(self.freq, self.channels, self.dtype, "INT4", over_freq, 1, levels, -2, 1, levels))
            weights = values(self.r, "INT2", (self.r.randint(1, 4), self.channels))
            self.add(Mvtu(self.freq, self.channels, self.channels, weights, self.dtype, "INT2", "INT16"))
        last = self.graph.nodes[-1]
        self.graph.nodes[-1] = replace(last, outputs=(OUTPUT,))
        return self.graph


def random_graph(r: Random) -> UnitGraph:
    """An unfolded chain, now and then with residuals, or a tiny residual network of the family."""
    if r.random() < 0.25:
        blocks = r.choice([(1,), (1, 1)])
        return resnet(r.randint(3, 8), r.randint(1, 3), blocks, r.randint(1, 4), r.randrange(99))
    chain = Chain(r)
    steps = [chain.convolution, chain.pool, chain.threshold, chain.lookup, chain.duplicate, chain.pace, chain.residual]
    for _ in range(r.randint(1, 4)):
        r.choice(steps)()
    if chain.tensor == INPUT:
        chain.threshold()
    return chain.finish()


def random_fold(r: Random, graph: UnitGraph) -> UnitGraph:
    """The graph with a random legal folding of every unit, through hwsv.folding."""
    overrides = {}
    for node in graph:
        unit = node.unit
        if isinstance(unit, Mvtu):
            pe, simd = r.choice(divisors(unit.out_channels)), r.choice(divisors(unit.tap_channels))
            overrides[node.name] = Override(pe=pe, simd=simd)
        elif not isinstance(unit, SlidingWindow):
            channels = math.gcd(*getattr(unit, "in_channels", (unit.inputs()[0].channels,)))
            taps = unit.taps if isinstance(unit, Pool) else 1
            overrides[node.name] = Override(lanes=r.choice(divisors(channels // taps)))
    return fold(graph, least_frames(graph), math.inf, overrides)


def least_frames(graph: UnitGraph) -> int:
    """Frames of the shortest utterance."""
    for frames in range(1, 100):
        try:
            graph.frames(frames)
        except InputError:
            continue
        return frames
    raise AssertionError("no length is legal")


def random_wired(r: Random) -> UnitGraph:
    return wire(random_fold(r, random_graph(r)))


def random_frames(r: Random, graph: UnitGraph) -> list[int]:
    """One to four utterances of different lengths, the shortest legal one included."""
    least = least_frames(graph)
    return [least + r.choice([0, 1, 2, 4, 7]) for _ in range(r.randint(1, 4))]


def random_channels(r: Random, graph: UnitGraph, shallow: float) -> dict[str, Channel]:
    """Random latencies; with probability `shallow` a random small depth instead of the wired one."""
    return {
        tensor: Channel(r.randint(1, 6) if r.random() < shallow else channel.depth, r.randint(1, 3))
        for tensor, channel in graph.channels.items()
    }


def random_stalls(r: Random) -> dict[str, np.ndarray]:
    """Patterns of enabled cycles for some of the network's ends."""
    found = {}
    for end in ("source", "length_source", "sink"):
        if r.random() < 0.5:
            pattern = generator(r).random(r.randint(1, 40)) < r.choice([0.2, 0.5, 0.9])
            pattern[r.randrange(len(pattern))] = True
            found[end] = pattern
    return found
