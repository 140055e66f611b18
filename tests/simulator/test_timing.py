"""Figures read from a run: latency, interval, occupancy, stalls, utilisation; and full rate where it is promised."""

from random import Random

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.folding import fold
from hwsv.graph import OUTPUT, Channel
from hwsv.simulator import timing
from hwsv.simulator.timing import run
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.simulator import networks, reference
from tests.simulator.reference import explicit_beats


@pytest.mark.parametrize("seed", range(300, 308))
def test_latency_interval_and_finish_are_the_reference_s_output_times(seed):
    r = Random(seed)
    graph = networks.random_wired(r)
    frames = networks.random_frames(r, graph)
    result = run(graph, frames)
    pops = reference.simulate(graph, frames, graph.channels).pop_time[OUTPUT]
    words = [graph.frames(t)[OUTPUT] * graph.stream(OUTPUT).words_per_frame for t in frames]
    finish = [pops[end - 1] for end in np.cumsum(words)]
    assert result.finish == finish
    assert (result.latency, result.cycles) == (finish[0] + 1, finish[-1] + 1)
    assert result.interval == (finish[-1] - finish[-2] if len(finish) > 1 else result.latency)


@pytest.mark.parametrize("seed", range(310, 316))
def test_peak_occupancy_by_brute_force(seed):
    r = Random(seed)
    graph = networks.random_wired(r)
    channels = networks.random_channels(r, graph, shallow=0)
    result = run(graph, networks.random_frames(r, graph), channels, networks.random_stalls(r), record=True)
    latency = {t: node.unit.latency for t, (node, _) in graph.producers().items()}
    for tensor, channel in channels.items():
        pops = result.pop_time[tensor].tolist()
        issued = [t - latency.get(tensor, 0) for t in result.push_time[tensor].tolist()]
        # a credit is taken when the push is issued and back one cycle after the pop
        in_use = [sum(i <= t for i in issued) - sum(p < t for p in pops) for t in issued]
        assert result.peak[tensor] == max(in_use) <= channel.depth
    assert result.handshakes == 2 * sum(map(len, result.push_time.values()))


@pytest.mark.parametrize("seed", range(320, 328))
def test_beats_and_stalls_account_for_every_cycle(seed):
    """An actor's last operation is in cycle (beats before it) + (its stalls): no cycle is lost or counted twice."""
    r = Random(seed)
    graph = networks.random_wired(r)
    frames = networks.random_frames(r, graph)
    result = run(graph, frames, record=True)
    local = [graph.frames(t) for t in frames]
    for row in result.units:
        node = graph.node(row.node)
        entering = [found.get(node.inputs[0], 1) for found in local]
        plays = [next(a for a in node.unit.actors(t) if a.name == row.actor) for t in entering]
        assert row.beats == sum(actor.beats for actor in plays)
        assert row.utilisation == pytest.approx(row.beats / len(frames) / result.interval)
        times = [result.pop_time[node.all_inputs[p]][-1] for p in plays[0].inputs]
        times += [result.push_time[node.outputs[p]][-1] - plays[0].latency for p in plays[0].outputs]
        beats = explicit_beats(plays[-1])
        idle = next(i for i, b in enumerate(reversed(beats)) if b.pops or b.pushes)
        assert max(times) + 1 + idle == row.beats + sum(row.stalls.values()), (row.node, row.actor, row.stalls)


def test_full_rate():
    """A residual network runs at the interval of its slowest unit, without a cycle lost."""
    frames = 60
    graph = wire(fold(resnet(20, 8, (2, 2, 1), 16), frames, 30_000))
    result = run(graph, [frames] * 4)
    slowest = max(unit.beats // 4 for unit in result.units)
    assert result.interval == slowest == result.bottleneck.beats // 4
    assert slowest <= 30_000
    assert result.bottleneck.utilisation == 1


def test_a_slow_sink_sets_the_interval():
    graph = wire(fold(resnet(8, 2, (1,), 4), 12, float("inf")))
    every = 1 + 2 * run(graph, [12, 12]).interval // 4
    pattern = np.arange(every) == every - 1
    result = run(graph, [12] * 4, enables={"sink": pattern})
    assert result.interval == 4 * every


def test_bad_input():
    graph = wire(fold(resnet(8, 2, (1,), 4), 12, float("inf")))
    with pytest.raises(InputError, match="at least one utterance"):
        run(graph, [])
    with pytest.raises(InputError, match="too short for unit"):
        run(graph, [12, 0])
    for bad in (Channel(0), Channel(-1), Channel(4, 0)):
        with pytest.raises(InputError, match="depth and latency must be at least 1"):
            run(graph, [12], graph.channels | {OUTPUT: bad})
    with pytest.raises(InputError, match="enabled cycle"):
        run(graph, [12], enables={"sink": np.zeros(4, bool)})
    with pytest.raises(InputError, match="wire the graph first"):
        run(resnet(8, 2, (1,), 4), [12])


def test_recording_is_bounded(monkeypatch):
    graph = wire(fold(resnet(8, 2, (1,), 4), 12, float("inf")))
    monkeypatch.setattr(timing, "MAX_RECORDED", 100)
    with pytest.raises(InputError, match="too many to record"):
        run(graph, [12], record=True)
    assert run(graph, [12]).peak == {}
