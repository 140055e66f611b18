"""Sized FIFOs: as fast as unlimited ones, never hanging, and not a word too deep."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from hwsv.fifo_sizing import limiting, size, workload
from hwsv.folding import fold
from hwsv.graph import LENGTH, Channel, UnitGraph
from hwsv.regions import regions
from hwsv.simulator.tables import build, resize
from hwsv.simulator.timing import Deadlock, execute, run
from hwsv.wiring import LENGTH_DEPTH, LUT_RAM_DEPTH, wire
from tests.graphs import resnet
from tests.simulator import networks

Channels = dict[str, Channel]


class Judge:
    """Runs the workload on any depths; its tables are built once."""

    def __init__(self, graph: UnitGraph, frames: int) -> None:
        self.regions = regions(graph, frames)
        self.tables = build(graph, workload(graph, frames))

    def finish(self, channels: Channels) -> list[int] | None:
        """Cycles of the workload's embeddings; None where it, or another length of utterance, hangs."""
        depths = {t: c.depth for t, c in channels.items()}
        if any(region.deadlock(depths) for region in self.regions):
            return None
        try:
            return execute(resize(self.tables, channels))["finish"].tolist()
        except Deadlock:
            return None

    def unlimited(self, channels: Channels) -> list[int] | None:
        """With room for all words, and the latencies of `channels`."""
        words = np.diff(self.tables.push_first).tolist()
        return self.finish(
            {t: Channel(n, channels[t].latency) for t, n in zip(self.tables.channels, words, strict=True)}
        )


def data(graph: UnitGraph) -> list[str]:
    """The channels that are sized: not those of the lengths."""
    return [t for t in graph.channels if t != LENGTH and not t.endswith("_length")]


def random_case(seed: int) -> tuple[UnitGraph, int]:
    r = Random(seed)
    graph = networks.random_wired(r)
    return graph, networks.least_frames(graph) + r.choice([0, 3, 12])


@pytest.mark.parametrize("seed", range(500, 518))
def test_no_word_too_many_and_none_too_few(seed):
    """As fast as unlimited FIFOs, and every depth minus one is slower or hangs."""
    graph, frames = random_case(seed)
    sized, judge = size(graph, frames), Judge(graph, frames)
    expected = judge.finish(sized)
    assert expected == judge.unlimited(sized)
    for tensor in data(graph):
        if sized[tensor].depth > 1:
            less = sized | {tensor: replace(sized[tensor], depth=sized[tensor].depth - 1)}
            assert judge.finish(less) != expected, f"{tensor} can lose a word of {sized[tensor]}"


@pytest.mark.parametrize("seed", range(540, 552))
def test_no_length_no_mix_and_no_stalls_hang(seed):
    graph, frames = random_case(seed)
    sized, r = size(graph, frames), Random(seed)
    least = networks.least_frames(graph)
    run(graph, list(range(least, least + 24)), sized)
    for _ in range(3):
        mix = [least + r.choice([0, 1, 2, r.randint(0, 40)]) for _ in range(5)]
        run(graph, mix, sized, networks.random_stalls(r))


def residual_chain() -> UnitGraph:
    """Fast enough for blocks whose FIFOs are never idle."""
    return wire(fold(resnet(16, 16, (2,), 8), 24, 8000))


def test_the_cliff():
    """A bypass: full rate, a word less slower, some words less a hang; each names the channel."""
    graph = residual_chain()
    sized = size(graph, 24)
    bypass = graph.node("s0c1_add").inputs[1]
    interval = run(graph, [24] * 3, sized).interval
    intervals: dict[int, int | None] = {}
    for depth in range(sized[bypass].depth + 2, 0, -1):
        channels = sized | {bypass: replace(sized[bypass], depth=depth)}
        try:
            intervals[depth] = run(graph, [24] * 3, channels).interval
        except Deadlock as deadlock:
            assert f"'{bypass}' is full ({depth} words)" in str(deadlock)
            intervals[depth] = None
            break
        assert limiting(graph, [24] * 3, channels) == ([bypass] if depth < sized[bypass].depth else [])
    alive = [i for i in intervals.values() if i is not None]
    assert alive == sorted(alive)
    assert all((i == interval) == (depth >= sized[bypass].depth) for depth, i in intervals.items())
    assert None in intervals.values() and max(alive) > interval


def test_deep_fifos_are_block_ram_and_sized_as_such():
    graph = wire(fold(resnet(20, 16, (2, 1), 8), 40, 20_000))
    sized = size(graph, 40)
    assert {c.latency for c in sized.values()} == {1, 2}
    assert all((c.latency == 2) == (c.depth > LUT_RAM_DEPTH) for c in sized.values())
    fast = {t: Channel(1 << 14) for t in sized}
    assert run(graph, [40] * 3, sized).finish == run(graph, [40] * 3, fast).finish


def test_length_channels_hold_utterances_in_flight():
    """Registers instead of the smallest LUT RAM would do for the example, but not for short utterances."""
    graph = wire(fold(resnet(8, 4, (2, 1, 1), 4), 40, 10_000))
    sized = size(graph, 40)
    lengths = set(sized) - set(data(graph))
    assert lengths and all(sized[t] == Channel(LENGTH_DEPTH) for t in lengths)
    registers = sized | {t: Channel(2) for t in lengths}
    assert run(graph, [40] * 4, sized).finish == run(graph, [40] * 4, registers).finish
    assert run(graph, [5] * 30, sized).cycles < run(graph, [5] * 30, registers).cycles


def test_a_short_example_keeps_longer_audio_alive_and_fast():
    """Three frames fill no window's buffer: depths cut to what they use would hang on the next recording."""
    graph = wire(networks.random_fold(Random(5), resnet(8, 2, (1, 1), 3)))
    sized = size(graph, 1)
    run(graph, [40, 3, 40], sized)
    assert run(graph, [40] * 3, sized).interval == run(graph, [40] * 3).interval
