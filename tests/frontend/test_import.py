"""Networks from Brevitas: the unit graph computes the normalised model's integers, all of them, for any T."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

from hwsv import graph_onnx
from hwsv.frontend import import_model
from hwsv.frontend.execute import run_onnx
from hwsv.graph import OUTPUT
from tests.frontend.compare import assert_exact, differing_tensors, features, raw_differences

KINDS = ["conv_net", "mlp", "few_bits", "residual"]


@pytest.fixture(params=KINDS)
def path(request):
    return request.getfixturevalue(request.param)


def test_golden_equals_normalised(path):
    imported = assert_exact(path)
    assert imported.tensor_map.keys() >= {"features", OUTPUT}
    assert set(imported.references.values()) == {"float32"}


def test_differences_to_the_model_as_given_are_few(path):
    wrong, total = raw_differences(path, import_model(path))
    assert wrong <= 0.02 * total


def test_a_changed_weight_is_seen(path):
    imported = import_model(path)
    node = next(n for n in imported.graph if n.unit.kind == "mvtu")
    node.unit.weights[0] *= -1
    x = features(imported, imported.input.frames_fixed or 30)
    assert f"{node.name}_out" in differing_tensors(imported, x)


def test_unfolded_graph_is_stable_and_saves(path, tmp_path):
    first, second = import_model(path), import_model(path)
    graph_onnx.save(first.graph, tmp_path / "units.onnx")
    assert graph_onnx.to_model(first.graph) == graph_onnx.to_model(second.graph)
    loaded = graph_onnx.load(tmp_path / "units.onnx")
    x = features(first, first.input.frames_fixed or 21)
    assert np.array_equal(loaded.golden(x)[OUTPUT], first.graph.golden(x)[OUTPUT])


def test_host_part_ends_in_the_model_output(path, tmp_path):
    imported = import_model(path)
    x = features(imported, imported.input.frames_fixed or 21)
    everything = run_onnx(imported.normalised, x)
    accumulators = everything[imported.tensor_map[OUTPUT]]
    from hwsv.frontend.execute import Executor

    host = imported.host_post
    assert host is not None
    out = Executor(host).run({host.graph.input[0].name: accumulators})
    expected = everything[imported.normalised.graph.output[0].name]
    assert np.array_equal(out[host.graph.output[0].name], expected)


def test_stages_open_as_onnx(path, tmp_path):
    for name, stage in import_model(path).stages.items():
        onnx.save(stage, tmp_path / f"{name}.onnx")
        assert onnx.load(tmp_path / f"{name}.onnx").graph.node


def test_residual_network_has_the_expected_units(residual):
    imported = import_model(residual)
    kinds = [node.unit.kind for node in imported.graph]
    assert kinds.count("stats_pool") == 1 and kinds.count("add") == 4 and kinds.count("concat") == 1
    adds = [node.unit for node in imported.graph if node.unit.kind == "add"]
    assert all(unit.mult == (1, 2) for unit in adds)  # the stream's odd integers have half the branch's step
    assert any(unit.high == 63 for unit in adds)  # the next quantiser only saturates: no unit of its own
    assert imported.input.features is not None and imported.input.frames_fixed is None


def test_input_of_fixed_length(conv_net, mlp):
    assert import_model(conv_net).input.frames_fixed == 12
    spec = import_model(mlp).input
    assert (spec.freq, spec.channels, spec.frames_fixed, spec.dtype) == (1, 24, 1, "BIPOLAR")


def test_needs_no_torch(conv_net):
    code = (
        "import sys; from hwsv.frontend import import_model; import_model(sys.argv[1]); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, conv_net], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "False", result.stderr
