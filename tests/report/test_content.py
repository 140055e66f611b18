"""The figures are those of the simulator, the estimates and the FIFO sizing."""

import pytest

from hwsv.errors import InputError
from hwsv.estimate import estimate
from hwsv.graph import Channel
from hwsv.regions import regions
from hwsv.report.activity import REASONS, SETTLED, kind_of
from hwsv.report.content import gather
from hwsv.simulator import simulate


def test_cycles_are_the_simulators(design, report):
    timing = simulate(design, frames=[40] * SETTLED).timing
    activity = report.activity
    assert (activity.latency, activity.interval, activity.bottleneck) == (
        timing.latency, timing.interval, timing.bottleneck.node,
    )  # fmt: skip
    shown = {(u.name, a.name): (SETTLED * a.beats, a.busy) for u in report.units for a in u.actors}
    assert shown == {(u.node, u.actor): (u.beats, u.utilisation) for u in timing.units}


def test_every_cycle_of_the_steady_state_is_accounted_for(design, report):
    """An actor's beats and stalls of one utterance fill the interval; only then are the shares what they seem."""
    assert report.activity.settled
    for unit in (
        u for row in report.rows for u in row.units
    ):  # the length fork runs ahead by as many as its FIFOs hold
        for actor in unit.actors:
            assert actor.beats + sum(actor.stalls.values()) == report.activity.interval, (unit.name, actor.name)
        assert unit.busy + sum(unit.waits.values()) == pytest.approx(1)


def test_spans_are_the_recorded_words(design, report):
    timing = simulate(design, frames=[40] * 2, record=True).timing
    unit = next(u for u in report.units if u.node.unit.kind == "mvtu")
    pops, pushes = timing.pop_time[unit.node.inputs[0]], timing.push_time[unit.node.outputs[0]]
    half = len(pushes) // 2
    assert unit.spans[0] == (pops[0], pushes[half - 1])
    assert unit.spans[1] == (pops[len(pops) // 2], pushes[-1])
    assert report.activity.second == timing.finish[1] - timing.finish[0]
    assert report.end <= timing.cycles


def test_costs_are_the_estimates(design, report):
    found = estimate(design.graph, design.manifest.board)
    assert [u.cost.to_json() for u in report.units] == [u.to_json() for u in found.units]
    assert sum(f.bits for f in report.fifos if f.writer) == found.memory["fifos"]


def test_least_depths_are_a_cliff(design, report):
    """One word less than `least` hangs at some length; at `least` none does."""
    places = {t: region for region in regions(design.graph, 40) for t in region.inner}
    depths = {t: channel.depth for t, channel in design.graph.channels.items()}
    bypasses = [f for f in report.fifos if f.least > 1]
    assert bypasses
    for fifo in bypasses:
        assert places[fifo.name].deadlock(depths | {fifo.name: fifo.least}) is None
        assert places[fifo.name].deadlock(depths | {fifo.name: fifo.least - 1}) is not None


def test_fifos_are_all_there(design, report):
    assert {f.name for f in report.fifos} == set(design.graph.channels)
    for fifo in report.fifos:
        assert Channel(fifo.depth).depth == design.graph.channels[fifo.name].depth
        assert 1 <= fifo.least <= fifo.depth and fifo.home in ("registers", "LUT RAM", "block RAM")
    assert [f.is_length for f in report.fifos] == sorted(f.is_length for f in report.fifos)


def test_kinds_of_stalls():
    reasons = ("x empty", "x full", "needs lines", "no space in lines")
    assert [kind_of(reason) for reason in reasons] == list(REASONS)
    assert kind_of("needs x empty") == "input"


def test_a_damaged_build_report_is_refused(design):
    folder = design.folder / "bitstream"
    folder.mkdir()
    try:
        (folder / "report.json").write_text("{}")
        with pytest.raises(InputError, match=r"report\.json: damaged"):
            gather(design)
    finally:
        (folder / "report.json").unlink()
        folder.rmdir()
