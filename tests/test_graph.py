import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from tests.graphs import resnet


@pytest.fixture(scope="module")
def graph() -> UnitGraph:
    return resnet(8, 2, (1, 1), 5)


def test_every_tensor_is_found_from_both_ends(graph):
    producers, consumers = graph.producers(), graph.consumers()
    assert set(producers) | {INPUT} == set(consumers) | {OUTPUT} == set(graph.streams())
    for tensor, (node, port) in producers.items():
        assert node.outputs[port] == tensor and graph.node(node.name) is node
        for user, at in consumers.get(tensor, []):
            assert user.inputs[at] == tensor
            ours, theirs = graph.stream(tensor), user.unit.inputs()[at]
            assert (ours.freq, ours.channels, ours.dtype) == (theirs.freq, theirs.channels, theirs.dtype)


def test_frames_are_the_golden_model_s(graph):
    for frames in (1, 2, 3, 7, 16):
        golden = graph.golden(np.ones((frames, 8, 1), np.int64))
        assert {tensor: len(x) for tensor, x in golden.items()} == graph.frames(frames)
        for tensor, x in golden.items():
            assert x.shape[1:] == (graph.stream(tensor).freq, graph.stream(tensor).channels)


def test_an_unknown_unit_is_named_with_those_there_are(graph):
    with pytest.raises(InputError, match=r"no unit 'nosuch' in design 'handmade'; it has stem_window, stem_mvtu"):
        graph.node("nosuch")


def test_too_short_an_utterance_names_the_unit():
    window = SlidingWindow(4, 1, "INT8", (5, 1))
    graph = UnitGraph("g", [Node("w", window, (INPUT,), (OUTPUT,))])
    with pytest.raises(InputError, match="an utterance of 4 frames is too short for unit 'w'"):
        graph.golden(np.zeros((4, 4, 1), np.int64))
    assert len(graph.golden(np.zeros((5, 4, 1), np.int64))[OUTPUT]) == 1


def test_a_golden_model_s_refusal_names_the_unit():
    unit = Mvtu(1, 1, 1, np.ones((1, 2), np.int64), "INT4", "INT2", "INT8", flatten_frames=2)
    graph = UnitGraph("g", [Node("fc", unit, (INPUT,), (OUTPUT,))])
    with pytest.raises(InputError, match="unit 'fc': this network takes utterances of exactly 2 frames here, not 3"):
        graph.golden(np.zeros((3, 1, 1), np.int64))
