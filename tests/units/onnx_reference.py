"""What onnxruntime computes with one standard operator, for tensors ``[T, F, C]``."""

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from hwsv.units.base import Tensor


def run_op(op: str, x: Tensor, weights: np.ndarray | None = None, **attributes: Any) -> Tensor:
    """`op` of opset 17 on x, laid out as NCHW (H = time, W = frequency); sums exact in float32."""
    names = ["x", *(["w"] if weights is not None else [])]
    node = helper.make_node(op, names, ["y"], **attributes)
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "y")]
    constants = [] if weights is None else [numpy_helper.from_array(weights.astype(np.float32), "w")]
    graph = helper.make_graph([node], "one", info[:1], info[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x.transpose(2, 0, 1)[None].astype(np.float32)})
    return np.rint(y[0]).astype(np.int64).transpose(1, 2, 0)
