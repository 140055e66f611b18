"""hwsv's steps alone: after them a model has integer thresholds and computes the same integers."""

import numpy as np
import onnx
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from hwsv.errors import InputError
from hwsv.finn import HWSV_STEPS, step_hwsv_clean_up
from hwsv.finn.steps import INPUT_SCALE, LEFT
from hwsv.frontend import import_model
from hwsv.frontend.execute import Executor, from_tfc
from tests.frontend.compare import features
from tests.frontend.handmade import Net

QUANTISERS = {"Quant", "BipolarQuant"}


def run_steps(path, steps=HWSV_STEPS):
    """The model after our steps, as FINN's builder would save and load it between them."""
    model = ModelWrapper(str(path))
    for step in steps:
        model = step(ModelWrapper(onnx.load_from_string(model.model.SerializeToString())), None)
    return model


def every_tensor(model, x):
    return Executor(model.model).run({model.graph.input[0].name: x})


def assert_same_output(path, model, seed=0):
    """Equal floats at the output, equal integers in front of the host's part; types hold what flows through them."""
    imported = import_model(path)
    x = from_tfc(features(imported, imported.input.frames_example, seed), len(imported.input.onnx_shape))
    expected = every_tensor(ModelWrapper(imported.normalised), x)[imported.normalised.graph.output[0].name]
    found = every_tensor(model, x)
    assert np.array_equal(found[model.graph.output[0].name], expected)
    for name, array in found.items():
        dtype = model.get_tensor_datatype(name)
        if dtype != DataType["FLOAT32"]:
            assert dtype.min() <= array.min() and array.max() <= dtype.max() and dtype.allowed(array.flat[0]), name
    return imported


def kinds(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("kind", ["conv_net", "mlp", "few_bits", "residual"])
def test_same_integers(kind, request):
    path = request.getfixturevalue(kind)
    model = run_steps(path)
    imported = assert_same_output(path, model)
    assert "MultiThreshold" in kinds(model) and "BatchNormalization" not in kinds(model)
    assert float(model.get_metadata_prop(INPUT_SCALE)) == imported.input.scale
    assert bool(QUANTISERS & set(kinds(model))) == bool(model.get_metadata_prop(LEFT))


def test_every_stage_runs_and_has_shapes(conv_net):
    for count in (1, 2, 3):
        model = run_steps(conv_net, HWSV_STEPS[:count])
        x = np.ones(model.get_tensor_shape(model.graph.input[0].name), np.float32)
        for name, array in every_tensor(model, x).items():
            assert count == 1 or model.get_tensor_shape(name) == list(array.shape)


def test_a_changed_threshold_is_seen(conv_net):
    model = run_steps(conv_net)
    node = model.get_nodes_by_op_type("MultiThreshold")[0]
    model.set_initializer(node.input[1], model.get_initializer(node.input[1]) + 40)
    with pytest.raises(AssertionError):
        assert_same_output(conv_net, model)


def test_thresholds_suit_finn(residual, mlp):
    """Integers that ascend; a count with an integer bias, or a sign: what FINN's conversions ask for."""
    for path in (residual, mlp):
        model = run_steps(path)
        for node in model.get_nodes_by_op_type("MultiThreshold"):
            op, thresholds = getCustomOp(node), model.get_initializer(node.input[1])
            sign = op.get_nodeattr("out_dtype") == "BIPOLAR"
            assert op.get_nodeattr("out_scale") == (2 if sign else 1)
            assert op.get_nodeattr("out_bias") == int(op.get_nodeattr("out_bias"))
            assert np.array_equal(np.rint(thresholds), thresholds) and (np.diff(thresholds, axis=1) >= 0).all()
            assert model.get_tensor_datatype(node.input[0]).is_integer()


@pytest.mark.parametrize("rounding", ["FLOOR", "CEIL", "DOWN", "UP", "HALF_UP", "HALF_DOWN", "ROUND"])
def test_rounding_modes(tmp_path, rounding):
    net = Net(1, 2, 8, 7)
    x = net.affine(net.conv(net.quant("x", 0.11, 5), 2, 5, pad=1), 5)
    path = net.save(tmp_path, net.conv(net.quant(x, 0.25, 4, rounding), 5, 3))
    model = run_steps(path)
    assert_same_output(path, model)
    assert "Quant" not in kinds(model)


def test_falling_channels_negate_weights_or_the_stream(tmp_path):
    """Channels with a negative gain: behind a convolution read once, and behind one that is read twice."""
    for twice in (False, True):
        net = Net(1, 2, 8, 7)
        y = net.conv(net.quant("x", 0.11, 5), 2, 6, pad=1)
        y = net.node("Mul", [y, net.constant(np.where(np.arange(6) % 2, -0.3, 0.4).reshape(1, 6, 1, 1))])
        x = net.quant(y, 0.25, 4)
        if twice:
            x = net.node("Add", [x, net.quant(net.node("Abs", [y]), 0.25, 4)])
        path = net.save(tmp_path, net.conv(x, 6, 3))
        model = run_steps(path)
        assert_same_output(path, model)
        assert ("Mul" in kinds(model)[:-1]) == twice


def test_padded_signs_become_two_bits(tmp_path):
    """FINN pads with 0, which is no sign; without padding the type stays BIPOLAR."""
    for pad in (0, 1):
        net = Net(1, 2, 8, 7)
        x = net.sign(net.conv(net.quant("x", 0.11, 5), 2, 5, pad=1), 0.4)
        path = net.save(tmp_path, net.conv(x, 5, 3, pad=pad, bits=1))
        model = run_steps(path)
        assert_same_output(path, model)
        (node,) = model.get_nodes_by_op_type("MultiThreshold")
        assert model.get_tensor_datatype(node.output[0]).name == ("INT2" if pad else "BIPOLAR")


def test_zero_padding_merges_into_the_convolution(residual):
    model = run_steps(residual)
    assert "Pad" not in kinds(model)


def test_what_is_not_monotone_is_left_and_named(tmp_path):
    net = Net(1, 2, 8, 7)
    x = net.node("Abs", [net.affine(net.conv(net.quant("x", 0.11, 5), 2, 5, pad=1), 5)])
    path = net.save(tmp_path, net.conv(net.quant(x, 0.13, 5, name="bent"), 5, 3))
    model = run_steps(path)
    assert_same_output(path, model)
    assert model.get_metadata_prop(LEFT) == "bent"


def test_an_unsupported_model_is_refused_by_name(tmp_path):
    net = Net(1, 2, 8, 7)
    path = net.save(tmp_path, net.node("Softmax", [net.quant("x")], name="odd"))
    with pytest.raises(InputError, match="node 'odd'"):
        step_hwsv_clean_up(ModelWrapper(str(path)), None)


def test_steps_need_neither_finn_nor_torch(conv_net):
    import subprocess
    import sys

    code = (
        "import sys; from tests.finn.test_steps import run_steps; run_steps(sys.argv[1]);"
        "print(sorted({'finn', 'torch'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code, conv_net], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "[]", result.stderr
