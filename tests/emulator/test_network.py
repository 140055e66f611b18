"""Whole networks: the fused plan, threads, input checks, and what a wrong weight does."""

import dataclasses

import numpy as np
import pytest

from hwsv.emulator import Emulator, execute
from hwsv.errors import InputError
from hwsv.graph import INPUT, OUTPUT, UnitGraph
from tests.graphs import resnet


@pytest.fixture(scope="module")
def graph() -> UnitGraph:
    return resnet(freq=10, width=16, blocks=(2, 1, 1), outputs=24)


@pytest.fixture(scope="module")
def emulator(graph: UnitGraph) -> Emulator:
    return Emulator(graph)


def utterance(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (frames, 10, 1))


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 50, 133])
def test_the_fused_network_computes_the_golden_model(graph: UnitGraph, emulator: Emulator, frames: int):
    x = utterance(frames)
    golden = graph.golden(x)
    assert golden[OUTPUT].std() > 1  # a constant would prove little
    np.testing.assert_array_equal(emulator.run(x), golden[OUTPUT].reshape(-1))
    tensors = emulator.tensors(x)
    assert tensors.keys() == golden.keys()
    for name, expected in golden.items():
        np.testing.assert_array_equal(tensors[name], expected, err_msg=name)


def test_fusion_leaves_few_steps(graph: UnitGraph, emulator: Emulator):
    """One step a convolution and a down-sampling shortcut, the pooling and the last layer: nothing was left apart."""
    convolutions = sum(node.unit.kind == "mvtu" for node in graph)
    shortcuts = sum(node.unit.kind == "pool" for node in graph)
    assert len(emulator.steps) == convolutions + shortcuts + 1


def test_results_do_not_depend_on_what_ran_before(graph: UnitGraph):
    emulator = Emulator(graph)
    x, longer = utterance(20), utterance(90, seed=1)
    first = emulator.run(x)
    emulator.run(longer)
    emulator.run(utterance(5))
    np.testing.assert_array_equal(emulator.run(x), first)


def test_tables_of_former_lengths_are_bounded(graph: UnitGraph, monkeypatch: pytest.MonkeyPatch):
    emulator = Emulator(graph)
    first = emulator.run(utterance(20))
    emulator.run(utterance(21))
    assert len(emulator._fused._layouts) == 2
    monkeypatch.setattr(execute, "MAX_KEPT", 0)
    emulator.run(utterance(22))
    assert len(emulator._fused._layouts) == 1
    np.testing.assert_array_equal(emulator.run(utterance(20)), first)


def test_threads_give_the_same_in_order(emulator: Emulator):
    utterances = [utterance(20 + 7 * (i % 5), seed=i) for i in range(24)]
    alone = np.stack([emulator.run(x) for x in utterances])
    seen = []

    def progress(results):
        for row in results:
            seen.append(1)
            yield row

    many = emulator.run_many(utterances, progress, threads=4)
    assert many.dtype == np.int64 and len(seen) == 24
    np.testing.assert_array_equal(many, alone)


def test_one_wrong_weight_bit_shows_at_its_unit_first(graph: UnitGraph, emulator: Emulator):
    nodes = list(graph.nodes)
    at = next(i for i, node in enumerate(nodes) if node.name == "s1c0_mvtu")
    weights = nodes[at].unit.weights.copy()
    weights[3, 7] *= -1
    nodes[at] = dataclasses.replace(nodes[at], unit=dataclasses.replace(nodes[at].unit, weights=weights))
    x = utterance(40)
    wrong, right = Emulator(UnitGraph("wrong", nodes)).tensors(x), emulator.tensors(x)
    first = next(node.name for node in graph for t in node.outputs if not np.array_equal(wrong[t], right[t]))
    assert first == "s1c0_mvtu"


def test_int8_and_two_dimensional_features_are_taken(emulator: Emulator):
    x = utterance(30)
    np.testing.assert_array_equal(emulator.run(x[:, :, 0].astype(np.int8)), emulator.run(x))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((5, 10, 1)), "must be integers"),
        (np.zeros((5, 9, 1), np.int8), "must be \\[T, 10, 1\\]"),
        (np.zeros((0, 10, 1), np.int8), "T >= 1"),
        (np.zeros(10, np.int8), "must be"),
        (np.full((5, 10, 1), 128), "exceed INT8"),
        (np.full((5, 10, 1), 2**64 - 1, np.uint64), "exceed INT8"),
    ],
)
def test_bad_features_are_refused(emulator: Emulator, features: np.ndarray, message: str):
    with pytest.raises(InputError, match=message):
        emulator.run(features)


def test_no_utterances_are_refused(emulator: Emulator):
    with pytest.raises(InputError, match="no utterances"):
        emulator.run_many([])


def test_input_tensor_is_among_the_tensors(emulator: Emulator):
    x = utterance(4)
    np.testing.assert_array_equal(emulator.tensors(x)[INPUT], x)
