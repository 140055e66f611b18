"""The comparison itself, on levels made for the purpose; and that mutations are caught and named."""

import numpy as np
import pytest

from hwsv import graph_onnx
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.graph import OUTPUT, Channel
from hwsv.simulator import Deadlock
from hwsv.verify import chain, inputs
from hwsv.verify.level import Level, Options, registry
from tests.verify import mutation


@pytest.fixture
def utterances(design):
    return inputs.random_features(design, 3, seed=5)


class Wrong(Level):
    """Golden but for one value of one tensor, from which on it goes on wrongly."""

    tensor, frame, frequency, channel = "s0c1_add_out", 1, 2, 3

    def embeddings(self, features):
        for utterance in features:
            yield self.tensors(utterance)[OUTPUT].reshape(-1)

    def tensors(self, features):
        values = {"features": features}
        for node in self.design.graph:
            if node.inputs and node.inputs[0] in values:
                results = node.unit.golden(*(values[t] for t in node.inputs))
                values.update(zip(node.outputs, results, strict=True))
                if self.tensor in node.outputs:
                    broken = values[self.tensor].copy()
                    broken[self.frame, self.frequency, self.channel] *= -1
                    broken[self.frame + 1 :] = 63
                    values[self.tensor] = broken
        return values


class Noisy(Wrong):
    """The same, shown and not required."""

    binding = False


@pytest.fixture
def wrong(monkeypatch):
    def install(cls, name, place):
        made = type(name, (cls,), {"place": place})
        made.name = name  # not in the class body: the global registry stays as it is
        monkeypatch.setitem(registry(), name, made)

    return install


def test_levels_are_found_in_the_order_of_the_chain():
    order = ["torch", "qonnx-raw", "qonnx", "golden", "emulator", "csim", "csim-strict", "cycle"]
    assert [name for name in registry() if name in order] == order
    assert chain.parse_levels("cycle, golden,qonnx-raw") == ["qonnx-raw", "golden", "cycle"]
    for text in ("golden,emulatr", "", ","):
        with pytest.raises(InputError, match="levels: torch, qonnx-raw"):
            chain.parse_levels(text)


def test_equal_levels(design, utterances):
    seen = []
    result = chain.verify(design, ["golden", "cycle"], utterances, progress=lambda *args: seen.append(args), inside=2)
    assert result.equal
    golden, cycle = result.rows
    assert (golden.against, golden.values, golden.utterances) == ("", 0, 3)
    assert (cycle.against, cycle.mismatches, cycle.first) == ("golden", 0, None)
    inner = [t for node in design.graph for t in node.outputs if t in design.graph.golden(utterances[0])]
    sizes = sum(design.graph.golden(x)[t].size for x in utterances[:2] for t in inner if t != OUTPUT)
    assert cycle.values == 3 * 6 + sizes and cycle.inside == 2
    assert seen[-1] == ("cycle", 3, 3)
    found = result.to_json()
    assert found["equal"] is True
    assert {"utterances", "values", "mismatches", "first"} <= set(found["levels"]["cycle"])


def test_first_difference_is_named(design, utterances, wrong):
    wrong(Wrong, "wrong", 75)
    result = chain.verify(design, ["golden", "wrong"], utterances)
    assert not result.equal
    row = result.rows[1]
    first = row.first
    assert row.mismatches > 0 and row.against == "golden"
    assert (first.unit, first.tensor) == ("s0c1_add", "s0c1_add_out")
    assert (first.utterance, first.frame, first.frequency, first.channel) == (0, 1, 2, 3)
    true = design.graph.golden(utterances[0])["s0c1_add_out"][1, 2, 3]
    assert (first.expected, first.found) == (true, -true)
    assert "unit s0c1_add, utterance 0, frame 1, frequency 2, channel 3: expected" in str(first)


def test_a_level_that_is_not_binding_fails_nothing(design, utterances, wrong):
    wrong(Noisy, "noisy", 35)
    result = chain.verify(design, ["noisy", "golden", "cycle"], utterances)
    noisy, golden, cycle = result.rows
    assert result.equal
    assert noisy.against == "golden" and noisy.mismatches > 0 and noisy.first.unit == "s0c1_add"
    assert golden.against == "" and cycle.against == "golden"


def test_a_difference_that_no_tensor_shows_is_placed_in_the_embedding(design, utterances, wrong):
    class Blind(Wrong):
        def tensors(self, features):
            return {}

        def embeddings(self, features):
            for utterance in features:
                row = self.design.graph.golden(utterance)[OUTPUT].reshape(-1)
                row[4] += 1
                yield row

    wrong(Blind, "blind", 75)
    first = chain.verify(design, ["golden", "blind"], utterances).rows[1].first
    assert (first.unit, first.channel, first.found) == ("fc_mvtu", 4, first.expected + 1)


def test_a_level_that_loses_an_utterance_fails(design, utterances, wrong):
    class Lossy(Wrong):
        def embeddings(self, features):
            yield from list(super().embeddings(features))[:-1]

    wrong(Lossy, "lossy", 75)
    with pytest.raises(CheckFailed, match="2 embeddings for 3 utterances"):
        chain.verify(design, ["golden", "lossy"], utterances)


def first_difference(design, level, utterances):
    result = chain.verify(design, ["golden", level], utterances)
    assert not result.equal, f"{level} did not notice"
    return result.rows[1].first


def test_mutated_memory_file_is_caught_by_the_cycle_level(copy, utterances):
    mutation.flip_memory_bit(copy.memory_path(copy.graph.node("s1c0_mvtu"), "weights"))
    assert first_difference(copy, "cycle", utterances).unit == "s1c0_mvtu"


def test_mutated_packed_network_is_caught_by_the_emulator(copy, utterances):
    assert chain.verify(copy, ["golden", "emulator"], utterances).equal
    mutation.flip_packed_bit(copy.folder / "network.packed")
    assert first_difference(copy, "emulator", utterances).unit == "fc_mvtu"


@pytest.mark.parametrize("level", ["csim", "csim-strict"])
def test_mutated_weight_array_is_caught_by_csim(copy, utterances, level):
    mutation.flip_array_bit(copy.folder / "hls" / "handmade_weights.hpp", "s1c0_mvtu_weights")
    assert first_difference(copy, level, utterances).unit == "s1c0_mvtu"


def test_lowered_fifo_is_a_deadlock_that_names_the_units(copy, utterances):
    """A bypass FIFO below its cliff: the hardware would hang, and the cycle level says who waits for whom."""
    graph = copy.graph
    bypass = graph.node("s0c0_add").inputs[1]
    graph.channels[bypass] = Channel(1)
    graph_onnx.save(graph, copy.folder / "unit_graph.onnx")
    with pytest.raises(Deadlock, match=f"'{bypass}' is full.*s0c0_") as caught:
        chain.verify(Design.open(copy.folder), ["golden", "cycle"], utterances)
    assert caught.value.exit_code == 1


def test_torch_needs_a_checkpoint(design, utterances):
    with pytest.raises(InputError, match="--checkpoint"):
        chain.verify(design, ["torch", "golden"], utterances, Options())


def test_random_features_are_seeded_and_of_mixed_lengths(design):
    one, two, other = (inputs.random_features(design, 5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert len({len(x) for x in one}) > 1
    assert min(x.min() for x in one) == -128 and max(x.max() for x in one) == 127
