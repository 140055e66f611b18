from random import Random

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, Node, UnitGraph
from hwsv.simulator.timing import run
from hwsv.units.concat import Concat
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.stats_pool import StatsPool
from hwsv.units.threshold import Threshold
from hwsv.units.width_converter import WidthConverter
from hwsv.wiring import LUT_RAM_DEPTH, channel, wire
from tests.simulator import networks


def check_wired(graph: UnitGraph) -> None:
    """Every tensor is a channel: one producer, one consumer, the same words at both ends, and a depth."""
    producers, consumers = graph.producers(), graph.consumers()
    assert set(graph.channels) == (set(producers) | set(consumers))
    assert sum(len(n.outputs) for n in graph) == len(producers)
    for tensor in graph.channels:
        assert len(consumers.get(tensor, [])) == (tensor != OUTPUT)
        assert (tensor in producers) == (tensor not in (INPUT, LENGTH))
        if tensor in producers and tensor in consumers:
            node, port = producers[tensor]
            user, at = consumers[tensor][0]
            if at < len(user.inputs):  # the length channel is no data port
                assert node.unit.outputs()[port] == user.unit.inputs()[at]
    seen = {INPUT, LENGTH}
    for node in graph:
        assert set(node.all_inputs) <= seen, "nodes are in topological order"
        seen.update(node.outputs)
    assert len({n.name for n in graph}) == len(graph.nodes)


@pytest.mark.parametrize("seed", range(20))
def test_every_tensor_becomes_a_channel(seed):
    r = Random(seed)
    unwired = networks.random_fold(r, networks.random_graph(r))
    graph = wire(unwired)
    check_wired(graph)
    stream = graph.stream(INPUT)
    x = np.ones((networks.least_frames(graph) + 3, stream.freq, stream.channels), np.int64)
    np.testing.assert_array_equal(graph.golden(x)[OUTPUT], unwired.golden(x)[OUTPUT])


@pytest.mark.parametrize("seed", range(20))
def test_lengths_are_the_frames_that_reach_the_unit(seed):
    graph = networks.random_wired(Random(seed))
    aware = [n for n in graph if n.unit.frame_aware]
    assert all(bool(n.length) == n.unit.frame_aware for n in graph)
    if not aware:
        assert LENGTH not in graph.channels
        return
    for frames in range(networks.least_frames(graph), 20):
        lengths = graph.node("lengths")
        words = dict(zip(lengths.outputs, lengths.unit.golden(np.array([[[frames]]])), strict=True))
        local = graph.frames(frames)
        for node in aware:
            assert words[node.length].item() == local[node.inputs[0]]


def test_a_window_behind_pooling_over_time_is_refused():
    """Its length would be 1, not what the windows before it make of T."""
    levels = np.arange(3)
    pool = StatsPool(4, 2, "INT4", "INT4", False, 1, levels, -1, 1, levels)
    nodes = [Node("p", pool, (INPUT,), ("t",)), Node("w", SlidingWindow(4, 4, "INT4", (1, 1)), ("t",), (OUTPUT,))]
    with pytest.raises(InputError, match=r"unit 'w' .* behind pooling over time"):
        wire(UnitGraph("g", nodes))


def two(first_lanes: int, second_lanes: int, channels: int = 12) -> UnitGraph:
    """Two threshold units one after the other, of different lanes."""

    def unit(dtype: str, lanes: int) -> Threshold:
        zeros = np.zeros((1, 1), np.int64)
        return Threshold(2, channels, dtype, "INT2", zeros, np.zeros(1, np.int64), -1, 2, lanes)

    nodes = [
        Node("a", unit("INT4", first_lanes), (INPUT,), ("t",)),
        Node("b", unit("INT2", second_lanes), ("t",), (OUTPUT,)),
    ]
    return UnitGraph("two", nodes)


@pytest.mark.parametrize(
    "first, second, ratios",
    [(3, 3, []), (1, 12, [(1, 12)]), (12, 4, [(12, 4)]), (4, 6, [(4, 2), (2, 6)]), (3, 4, [(3, 1), (1, 4)])],
)
def test_width_converters_go_by_the_greatest_common_divisor(first, second, ratios):
    graph = wire(two(first, second))
    check_wired(graph)
    found = [(n.unit.in_lanes, n.unit.out_lanes) for n in graph if isinstance(n.unit, WidthConverter)]
    assert found == ratios
    x = np.random.default_rng(0).integers(-8, 8, (5, 2, 12))
    np.testing.assert_array_equal(graph.golden(x)[OUTPUT], two(first, second).golden(x)[OUTPUT])
    run(graph, [5, 1, 3])


def test_a_tensor_concatenated_with_itself_is_forked():
    graph = UnitGraph("twice", [Node("c", Concat(3, (4, 4), "INT4", 2), (INPUT, INPUT), (OUTPUT,))])
    wired = wire(graph)
    check_wired(wired)
    assert [n.unit.kind for n in wired] == ["fork", "concat"]
    x = np.arange(24).reshape(2, 3, 4) % 8
    np.testing.assert_array_equal(wired.golden(x)[OUTPUT], np.concatenate([x, x], axis=2))
    # the second input stores a pixel's words while the first is read
    assert wired.channels[wired.node("c").inputs[1]].depth > wired.channels[wired.node("c").inputs[0]].depth
    run(wired, [2, 1])


def test_wiring_leaves_the_folded_graph_alone():
    graph = two(3, 4)
    wire(graph)
    assert [n.name for n in graph] == ["a", "b"] and not graph.channels
    assert graph.node("b").inputs == ("t",)


def test_deep_fifos_are_block_ram():
    assert channel(LUT_RAM_DEPTH) == Channel(LUT_RAM_DEPTH, 1)
    assert channel(LUT_RAM_DEPTH + 1) == Channel(LUT_RAM_DEPTH + 1, 2)
