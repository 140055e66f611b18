"""The event kernel against the naive reference: every push and pop of every channel in the same cycle."""

from random import Random

import pytest

from hwsv.graph import OUTPUT, Channel
from hwsv.simulator.timing import Deadlock, run
from tests.simulator import networks, reference


def compare(graph, frames, channels, stalls):
    """The kernel's timing; None where both deadlock."""
    expected = reference.simulate(graph, frames, channels, stalls)
    try:
        timing = run(graph, frames, channels, stalls, record=True)
    except Deadlock:
        assert expected.deadlock
        return None
    assert not expected.deadlock
    for tensor in channels:
        assert timing.push_time[tensor].tolist() == expected.push_time[tensor], f"pushes to {tensor}"
        assert timing.pop_time[tensor].tolist() == expected.pop_time[tensor], f"pops from {tensor}"
    return timing


@pytest.mark.parametrize("seed", range(24))
def test_every_handshake_with_wired_depths(seed):
    r = Random(seed)
    graph = networks.random_wired(r)
    frames = networks.random_frames(r, graph)
    timing = compare(graph, frames, networks.random_channels(r, graph, shallow=0), networks.random_stalls(r))
    assert timing is not None, "wiring must not deadlock"
    words = sum(graph.frames(t)[OUTPUT] for t in frames) * graph.stream(OUTPUT).words_per_frame
    assert len(timing.pop_time[OUTPUT]) == words


@pytest.mark.parametrize("seed", range(100, 124))
def test_every_handshake_with_shallow_fifos(seed):
    r = Random(seed)
    graph = networks.random_wired(r)
    frames = networks.random_frames(r, graph)
    compare(graph, frames, networks.random_channels(r, graph, shallow=0.4), networks.random_stalls(r))


def test_the_comparison_can_fail():
    """One cycle more in one channel is seen."""
    r = Random(1)
    graph = networks.random_wired(r)
    channels = networks.random_channels(r, graph, shallow=0)
    slower = channels | {OUTPUT: Channel(channels[OUTPUT].depth, channels[OUTPUT].latency + 1)}
    frames = networks.random_frames(r, graph)
    timing = run(graph, frames, channels, record=True)
    assert timing.pop_time[OUTPUT].tolist() != reference.simulate(graph, frames, slower).pop_time[OUTPUT]
