"""FINN's nodes executed by FINN's own Python (no cppsim, no RTL simulation)."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import qonnx_make_model

from hwsv.errors import InputError
from hwsv.finn.builder import import_finn

DOMAIN = "finn.custom_op.fpgadataflow"


def require_finn(module: str) -> None:
    """Skip a test module where FINN, or what FINN imports, is not installed: the reason says what to install."""
    try:
        import_finn(module)
    except InputError as error:
        pytest.skip(str(error), allow_module_level=True)


def run_node(
    kind: str, inputs: list[np.ndarray], shapes: list[tuple[int, ...]], dtypes: list[str], **attributes: Any
) -> list[np.ndarray]:
    """Outputs of these shapes, int64, of one FINN node. dtypes: annotations of the inputs."""
    names = [f"in{i}" for i in range(len(inputs))]
    outs = [f"out{i}" for i in range(len(shapes))]
    node = helper.make_node(kind, names, outs, domain=DOMAIN, backend="fpgadataflow", **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape) for n, a in zip(names, inputs, strict=True)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(outs, shapes, strict=True)],
    )
    model = ModelWrapper(qonnx_make_model(graph, ir_version=8))
    for name, dtype in zip(names, dtypes, strict=True):
        model.set_tensor_datatype(name, dtype_of(dtype))
    context = {n: a.astype(np.float32) for n, a in zip(names, inputs, strict=True)}
    context |= {n: np.zeros(s, np.float32) for n, s in zip(outs, shapes, strict=True)}
    getCustomOp(model.graph.node[0]).execute_node(context, model.graph)
    results = [context[name] for name in outs]
    assert all(np.array_equal(np.rint(r), r) for r in results)
    return [r.astype(np.int64) for r in results]


def dtype_of(name: str) -> Any:
    """QONNX's data type."""
    from qonnx.core.datatype import DataType

    return DataType[name]
