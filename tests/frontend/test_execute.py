"""The node-by-node executor against QONNX's own, and the layout helpers."""

import numpy as np
import onnx
import pytest
from qonnx.core import onnx_exec
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from hwsv.errors import InputError
from hwsv.frontend.execute import Executor, from_tfc, to_tfc
from hwsv.frontend.load import load_model


def test_equals_qonnx_execution(few_bits, monkeypatch):
    # QONNX writes its single-node models for the newest ONNX, which the runtime may not read yet
    monkeypatch.setattr(onnx_exec, "qonnx_make_model", lambda graph: onnx.helper.make_model(graph, ir_version=8))
    model = load_model(few_bits)
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    wrapper = ModelWrapper(copy).transform(InferShapes())
    x = np.random.default_rng(0).normal(size=(1, 1, 30, 16)).astype(np.float32)
    name = model.graph.output[0].name
    expected = onnx_exec.execute_onnx(wrapper, {"input": x})[name]
    assert np.array_equal(Executor(model).run({"input": x}, {name})[name], expected)


def test_layouts_are_inverse():
    x = np.random.default_rng(0).integers(-9, 9, (7, 4, 3))
    assert from_tfc(x, 4).shape == (1, 3, 7, 4)
    assert np.array_equal(to_tfc(from_tfc(x, 4)), x)
    assert to_tfc(from_tfc(x[:1, :1], 2)).shape == (1, 1, 3)


def test_fractions_and_odd_shapes_are_refused():
    for array in (np.full((1, 2), 0.5), np.zeros((2, 3)), np.zeros((1, 2, 3))):
        with pytest.raises(InputError):
            to_tfc(array)
