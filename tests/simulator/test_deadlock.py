"""Deadlocks are found exactly when they happen, and their diagnosis is a true cycle."""

import re
from dataclasses import replace
from random import Random

import pytest

from hwsv.folding import fold
from hwsv.graph import INPUT, LENGTH, OUTPUT, UnitGraph
from hwsv.simulator.timing import Deadlock, run
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.simulator import networks, reference

ENTRY = re.compile(
    r"(?P<node>\w+) \((?P<actor>\w+)\): ("
    r"'(?P<empty>\w+)' is empty|'(?P<full>\w+)' is full \(\d+ words\)|needs more \w+|no space in \w+)"
)


def waits_for(graph: UnitGraph, entry: re.Match[str]) -> str:
    """The node that a blocked actor waits for, read from its message and the graph."""
    producers = {t: n.name for t, (n, _) in graph.producers().items()}
    consumers = {t: users[0][0].name for t, users in graph.consumers().items()}
    ends = {INPUT: "source", LENGTH: "length_source"}
    if entry["empty"]:
        return producers.get(entry["empty"]) or ends[entry["empty"]]
    if entry["full"]:
        return "sink" if entry["full"] == OUTPUT else consumers[entry["full"]]
    return entry["node"]  # the other actor of the same unit


def check_diagnosis(graph: UnitGraph, deadlock: Deadlock, expected: reference.Run) -> None:
    entries = [ENTRY.fullmatch(text) for text in deadlock.cycle]
    assert entries and all(entries), deadlock.cycle
    for entry, following in zip(entries, [*entries[1:], entries[0]], strict=True):
        assert waits_for(graph, entry) == following["node"], deadlock.cycle
        assert not entry["empty"] or entry["empty"] in expected.empty
        assert not entry["full"] or entry["full"] in expected.full
    assert set(deadlock.cycle) <= set(deadlock.blocked)
    assert "\n" not in str(deadlock) and all(text in str(deadlock) for text in deadlock.cycle)


@pytest.mark.parametrize("seed", range(200, 216))
def test_random_shallow_bypasses(seed):
    """Kernel and reference agree on whether a random bypass FIFO is too small."""
    r = Random(seed)
    graph = wire(networks.random_fold(r, resnet(r.randint(3, 7), 2, (1, 1), 2, seed)))
    bypasses = {n.inputs[1] for n in graph if n.unit.kind == "add"}
    channels = {
        t: replace(c, depth=r.randint(1, max(1, c.depth // 2))) if t in bypasses else c
        for t, c in graph.channels.items()
    }
    frames = [r.randint(3, 8), r.randint(1, 8)]
    expected = reference.simulate(graph, frames, channels)
    if not expected.deadlock:
        run(graph, frames, channels)
        return
    with pytest.raises(Deadlock) as caught:
        run(graph, frames, channels)
    check_diagnosis(graph, caught.value, expected)


def small() -> UnitGraph:
    return wire(fold(resnet(8, 2, (1,), 3), 12, float("inf")))


def test_the_cliff_is_sharp_and_names_the_bypass():
    """Depths of a bypass divide into those that hang and those that do not; the message names the FIFO."""
    graph = small()
    bypass = graph.node("s0c0_add").inputs[1]

    def hangs(depth: int) -> bool:
        channels = graph.channels | {bypass: replace(graph.channels[bypass], depth=depth)}
        try:
            run(graph, [12, 12], channels)
        except Deadlock as deadlock:
            assert any(f"'{bypass}' is full ({depth} words)" in text for text in deadlock.cycle)
            check_diagnosis(graph, deadlock, reference.simulate(graph, [12, 12], channels))
            return True
        return False

    outcome = [hangs(depth) for depth in range(1, graph.channels[bypass].depth + 1)]
    assert outcome[0] and not outcome[-1]
    assert outcome == sorted(outcome, reverse=True), "a deeper FIFO never makes a deadlock"


def test_deadlock_is_a_failed_check():
    graph = small()
    bypass = graph.node("s0c0_add").inputs[1]
    with pytest.raises(Deadlock, match="deadlock: ") as caught:
        run(graph, [12], graph.channels | {bypass: replace(graph.channels[bypass], depth=1)})
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("depth", range(1, 30, 4))
def test_a_hang_depends_on_capacity_and_not_on_time(depth):
    """Latencies and stalls at the ends neither cause nor cure a deadlock."""
    graph = small()
    bypass = graph.node("s0c0_add").inputs[1]
    channels = graph.channels | {bypass: replace(graph.channels[bypass], depth=depth)}

    def hangs(channels, stalls) -> bool:
        try:
            run(graph, [12, 5], channels, stalls)
        except Deadlock:
            return True
        return False

    outcome = hangs(channels, None)
    r = Random(depth)
    for _ in range(5):
        slower = {t: replace(c, latency=r.randint(1, 9)) for t, c in channels.items()}
        assert hangs(slower, networks.random_stalls(r)) == outcome
