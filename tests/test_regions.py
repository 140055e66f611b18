"""Regions hang exactly where the whole network hangs on some length."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from hwsv.folding import fold
from hwsv.graph import OUTPUT, Node, UnitGraph
from hwsv.regions import one_length, regions
from hwsv.simulator.tables import build
from hwsv.simulator.timing import Deadlock, execute
from hwsv.units.mvtu import Mvtu
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.simulator import networks

LENGTHS = 24


def hangs(graph: UnitGraph, channels) -> list[bool]:
    """Of the whole network, by length of a single utterance."""
    least = networks.least_frames(graph)
    found = []
    for frames in range(least, least + LENGTHS):
        try:
            execute(build(graph, [frames], channels))
            found.append(False)
        except Deadlock:
            found.append(True)
    return found


@pytest.mark.parametrize("seed", range(700, 740))
def test_regions_agree_with_the_network_on_every_length(seed):
    """Random depths about those at which it hangs, so that both outcomes are seen."""
    r = Random(seed)
    graph = wire(networks.random_fold(r, resnet(r.randint(2, 6), r.randint(1, 2), r.choice([(1,), (1, 1)]), 2, seed)))
    shares = [r.choice([0.3, 0.5, 0.6, 0.7, 1.0]) for _ in range(3)]
    channels = {
        t: replace(c, depth=max(1, int(c.depth * r.choice(shares)))) if c.depth > 8 else c
        for t, c in graph.channels.items()
    }
    depths = {t: c.depth for t, c in channels.items()}
    dead = [d for region in regions(graph, 1) if (d := region.deadlock(depths))]
    assert bool(dead) == any(hangs(graph, channels))
    assert all(d.cycle for d in dead)


def test_both_outcomes_are_seen_above():
    """Otherwise the test above compares nothing."""
    graph = wire(fold(resnet(4, 2, (1,), 2), 12, float("inf")))
    bypass = graph.node("s0c0_add").inputs[1]
    depths = {t: c.depth for t, c in graph.channels.items()}
    (first, *_) = regions(graph, 12)
    assert first.deadlock(depths) is None
    assert f"'{bypass}' is full (2 words)" in str(first.deadlock(depths | {bypass: 2}))


def test_the_lengths_of_a_region_are_enough():
    """A region that lives through them lives through four times as many."""
    for seed in range(20):
        r = Random(seed)
        graph = networks.random_wired(r)
        depths = {t: r.choice([1, 2, 3, c.depth // 2 + 1]) for t, c in graph.channels.items()}
        if any(region.deadlock(depths) for region in regions(graph, 8)):
            continue
        least = networks.least_frames(graph)
        channels = {t: replace(c, depth=depths[t]) for t, c in graph.channels.items()}
        execute(build(graph, list(range(least, least + 4 * LENGTHS, 3)), channels))


def test_a_network_that_flattens_its_frames_has_one_length():
    graph = resnet(4, 2, (1,), 2)
    assert not one_length(graph, 12), "pooled frames are one, whatever the length"
    stream = graph.stream("stem_requantise_out")
    weights = np.ones((2, 6 * stream.freq * stream.channels), np.int64)
    flat = Mvtu(stream.freq, stream.channels, stream.channels, weights, "INT7", "INT4", "INT16", flatten_frames=6)
    graph.nodes = [*graph.nodes[:3], Node("flat", flat, ("stem_requantise_out",), (OUTPUT,))]
    assert one_length(graph, 12) and one_length(graph, 11)
