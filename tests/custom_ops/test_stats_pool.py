"""The pooling operator: its integers against floating-point arithmetic, and its place in qonnx."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes

from hwsv.custom_ops import DOMAIN, StatsPoolParams, stats_pool_int
from hwsv.errors import InputError

ATTRIBUTES = {
    "scale": 0.25,
    "mean_mult": 2,
    "mean_thresholds": [-9, -3, 1, 5],
    "mean_offset": -2,
    "dev_mult": 4,
    "dev_thresholds": [1, 9, 25, 49],
}


def _params(over: str) -> StatsPoolParams:
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in ATTRIBUTES.items()}
    return StatsPoolParams(over=over, **values)  # type: ignore[arg-type]


def _model(over: str, shape: list[int]) -> ModelWrapper:
    node = helper.make_node("StatsPool", ["x"], ["y"], name="pool", domain=DOMAIN, over=over, **ATTRIBUTES)
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)], outputs)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
    return ModelWrapper(helper.make_model(graph, opset_imports=opsets, ir_version=8))


@pytest.mark.parametrize(("over", "axes"), [("time", (2,)), ("time_freq", (2, 3))])
def test_definition(over: str, axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(-9, 10, (2, 5, 13, 3))
    got = stats_pool_int(x, _params(over))
    mean = x.mean(axes, keepdims=True)[..., None] * 2
    variance = x.var(axes, keepdims=True)[..., None] * 4
    # Half-way cases are integers on both sides, so a small tolerance decides float ties as the integers do.
    mean_q = -2 + (mean >= np.array(ATTRIBUTES["mean_thresholds"]) - 1e-9).sum(-1)
    dev_q = (variance >= np.array(ATTRIBUTES["dev_thresholds"]) - 1e-9).sum(-1)
    assert got.dtype == np.int64
    assert np.array_equal(got, np.concatenate([mean_q, dev_q], axis=1))


def test_thresholds_are_reached_by_equality() -> None:
    x = np.array([1, 0]).reshape(1, 1, 2, 1)  # mean 1/2: 2 * 1 >= 1 * 2; variance 1/4: 4 * 1 >= 1 * 4
    assert stats_pool_int(x, _params("time")).ravel().tolist() == [-2 + 3, 1]


def test_long_utterance_does_not_overflow() -> None:
    x = np.full((1, 1, 200_000, 3), -127)
    x[:, :, ::2] = 127
    assert stats_pool_int(x, _params("time_freq")).ravel().tolist() == [-2 + 2, 4]


@pytest.mark.parametrize(("over", "shape"), [("time", [1, 10, 1, 3]), ("time_freq", [1, 10, 1, 1])])
def test_in_qonnx(over: str, shape: list[int]) -> None:
    model = _model(over, [1, 5, 13, 3]).transform(InferShapes()).transform(InferDataTypes())
    assert model.get_tensor_shape("y") == shape
    assert model.get_tensor_datatype("y") == DataType["INT4"]  # -2..4
    integers = np.random.default_rng(1).integers(-9, 10, (1, 5, 13, 3))
    y = execute_onnx(model, {"x": integers.astype(np.float32) * 0.25})["y"]
    assert y.dtype == np.float32 and np.array_equal(y, stats_pool_int(integers, _params(over)))


def test_input_off_the_grid_is_refused() -> None:
    model = _model("time", [1, 1, 2, 1]).transform(InferShapes())
    with pytest.raises(InputError, match="pool"):
        execute_onnx(model, {"x": np.full((1, 1, 2, 1), 0.3, np.float32)})


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0.0},
        {"mean_mult": 0},
        {"mean_thresholds": [3, 3]},
        {"dev_thresholds": [-1, 3]},
        {"dev_thresholds": [5, 3]},
        {"mean_thresholds": []},
    ],
)
def test_bad_attributes(change: dict) -> None:
    values = {**ATTRIBUTES, **change}
    with pytest.raises(InputError, match="StatsPool"):
        StatsPoolParams(over="time", **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def test_verify() -> None:
    node = _model("time", [1, 1, 2, 1]).graph.node[0]
    assert "valid" in getCustomOp(node).verify_node()[0]
