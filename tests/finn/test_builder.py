"""FINN's real builder (``build_dataflow_cfg``) with hwsv's steps in its list, up to its estimates.

FINN's builder compiles its RTL simulation against Vivado when it is imported; without Vivado `hwsv.finn.builder` puts a
stand-in for that one module in its place. Nothing that runs here uses it.
"""

import json

import numpy as np
import onnx
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from hwsv.errors import InputError
from hwsv.finn.builder import ESTIMATE_STEPS, build
from hwsv.finn.steps import HWSV_STEPS
from hwsv.frontend import import_model
from hwsv.frontend.execute import from_tfc, run_onnx
from hwsv.graph import OUTPUT
from tests.finn.execution import DOMAIN, require_finn
from tests.frontend.compare import features
from tests.frontend.handmade import Net

require_finn("finn.builder.build_dataflow")

TO_HW = ESTIMATE_STEPS[: ESTIMATE_STEPS.index("step_convert_to_hw") + 1]


@pytest.fixture(autouse=True)
def readable_models(monkeypatch):
    """onnxruntime reads what QONNX's executor makes, whatever the installed onnx writes by default."""
    monkeypatch.setattr(onnx, "IR_VERSION", 10)


def outputs(path, model, seed):
    """(the converted model's, the normalised model's) float output on random integers, and the last accumulators."""
    imported = import_model(path)
    integers = features(imported, imported.input.frames_example, seed)
    x = from_tfc(integers, len(imported.input.onnx_shape))
    found = execute_onnx(model, {model.graph.input[0].name: x})[model.graph.output[0].name]
    expected = run_onnx(imported.normalised, integers)[imported.normalised.graph.output[0].name]
    return found.reshape(expected.shape), expected, imported.graph.golden(integers)[OUTPUT]


@pytest.fixture(scope="module")
def built(conv_net, tmp_path_factory):
    """A 1-bit convolutional network through all steps: (file, FINN's output folder, last model)."""
    folder = tmp_path_factory.mktemp("finn")
    return conv_net, folder, build(conv_net, folder)


def test_finn_converts_every_node_and_computes_the_same(built):
    path, folder, _ = built
    model = ModelWrapper(str(folder / "intermediate_models" / "step_convert_to_hw.onnx"))
    assert [node.op_type for node in model.graph.node if node.domain != DOMAIN] == ["Transpose"]  # NCHW at the input
    kinds = {node.op_type for node in model.graph.node}
    assert {"MVAU", "ConvolutionInputGenerator", "FMPadding", "Pool"} <= kinds
    for seed in range(3):
        found, expected, _ = outputs(path, model, seed)
        assert np.array_equal(found, expected)


def test_finn_estimates_it(built):
    _, folder, model = built
    assert all(node.domain.startswith(DOMAIN) for node in model.graph.node)
    report = json.loads((folder / "report" / "estimate_network_performance.json").read_text())
    assert report["max_cycles"] > 0 and (folder / "report" / "estimate_layer_resources.json").is_file()


def test_every_hwsv_step_is_a_stage(built):
    _, folder, _ = built
    for step in HWSV_STEPS:
        assert (folder / "intermediate_models" / f"{step.__name__}.onnx").is_file()


def test_steps_by_name_and_restart(built, tmp_path):
    """Steps as FINN's YAML names them; ``start_step`` resumes from the saved stage of the step before."""
    path, _, _ = built
    names = [f"hwsv.finn.{step.__name__}" for step in HWSV_STEPS]
    build(path, tmp_path, names[:2])
    model = build(path, tmp_path, names, start_step="step_hwsv_thresholds")
    assert "MultiThreshold" in {node.op_type for node in model.graph.node}


def test_xnor_network(mlp, tmp_path):
    """FINN turns 2p - K times a scale into two float operations: the integers are equal, the floats nearly so."""
    model = build(mlp, tmp_path, TO_HW)
    assert [n.op_type for n in model.graph.node].count("MVAU") == 3
    found, expected, accumulators = outputs(mlp, model, 1)
    scale = np.abs(expected).max() / np.abs(accumulators).max()
    assert np.array_equal(np.rint(found / scale), accumulators.reshape(found.shape))


def test_residual_block(tmp_path):
    """Fork, padded 1-bit convolution, sum of integer streams, FLOOR rounding: all converted, all exact."""
    net = Net(1, 3, 9, 8)
    skip = net.quant(net.affine(net.conv(net.quant("x", 0.1, 5), 3, 6, pad=1), 6), 0.25, 5, "FLOOR")
    branch = net.affine(net.conv(net.sign(skip, 0.7), 6, 6, pad=1, bits=1), 6)
    x = net.node("Add", [skip, net.quant(branch, 0.25, 4, "FLOOR")])
    path = net.save(tmp_path, net.conv(net.quant(x, 0.25, 5), 6, 4, bits=1))
    model = build(path, tmp_path / "finn", TO_HW)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("DuplicateStreams") == 1 and kinds.count("ElementwiseAdd") == 1 and kinds.count("MVAU") == 3
    assert {node.op_type for node in model.graph.node if node.domain != DOMAIN} <= {"Transpose"}
    for seed in range(3):
        found, expected, _ = outputs(path, model, seed)
        assert np.array_equal(found, expected)


def test_bad_models_end_in_our_message(tmp_path):
    net = Net(1, 3, 9, 8)
    path = net.save(tmp_path, net.node("Softmax", [net.quant("x")], name="odd"))
    with pytest.raises(InputError, match="node 'odd'"):
        build(path, tmp_path / "finn", TO_HW)
