"""Executing a model node by node, without graph fusion: the levels ``qonnx-raw`` and ``qonnx``, and the tables.

One onnxruntime session per kind of node, optimisations off, shapes open, cached for the process; QONNX custom ops by
their own ``execute_node``. Sums of integers below 2^24 are exact in float32; nodes that may exceed that are listed in
the metadata entry `EXACT_NODES` and computed in float64 (exact below 2^53) instead.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from qonnx.custom_op.registry import getCustomOp

import hwsv.custom_ops  # noqa: F401 - makes the domain hwsv known to qonnx
from hwsv.errors import HwsvError, InputError
from hwsv.frontend.messages import refuse

EXACT_NODES = "hwsv.exact_nodes"
"""Metadata: JSON list of Conv/MatMul outputs whose sums may exceed float32's exact integers."""
ACCUMULATOR = "hwsv.accumulator"
"""Metadata: JSON {tensor, offset, scale, normalised}: how the raw model's tensor gives the last accumulators."""

Arrays = dict[str, NDArray[Any]]


class Executor:
    """A model ready to run for any T. Constant parts are computed once."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.opset = next(e.version for e in model.opset_import if e.domain == "")
        self.exact = set(json.loads(metadata(model).get(EXACT_NODES, "[]")))
        self.constants: Arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.nodes = []
        for node in model.graph.node:
            if all(name in self.constants for name in node.input if name):
                self.constants |= self.run_node(node, self.constants)
            else:
                self.nodes.append(node)

    @classmethod
    def without_nodes(cls, model: onnx.ModelProto) -> "Executor":
        """Header and initialisers of `model` only: for running single nodes."""
        empty = onnx.ModelProto(opset_import=model.opset_import)
        empty.graph.initializer.extend(model.graph.initializer)
        return cls(empty)

    def run(self, feeds: Arrays, tensors: set[str] | None = None) -> Arrays:
        """All computed tensors (or those named) for `feeds`."""
        values = {**self.constants, **feeds}
        for node in self.nodes:
            values |= self.run_node(node, values)
        return {k: v for k, v in values.items() if (k in tensors if tensors else k not in self.constants)}

    def run_node(self, node: onnx.NodeProto, values: Arrays) -> Arrays:
        """Outputs of one node; any failure is an InputError that names it."""
        try:
            return self._run_node(node, values)
        except HwsvError:
            raise
        except Exception as error:  # onnxruntime, numpy and qonnx each have their own
            refuse(node, f"cannot be executed: {' '.join(str(error).split())[:160]}")

    def _run_node(self, node: onnx.NodeProto, values: Arrays) -> Arrays:
        if node.op_type == "Constant":
            return {node.output[0]: _constant(node)}
        inputs = [values[name] if name else None for name in node.input]
        if node.output[0] in self.exact:
            return {node.output[0]: _exact(node, inputs)}
        inputs = [x.astype(np.float32) if x is not None and x.dtype == np.float64 else x for x in inputs]
        if node.domain:
            context = {name: x for name, x in zip(node.input, inputs, strict=True) if x is not None}
            getCustomOp(node).execute_node(context, self.graph)
            return {node.output[0]: np.asarray(context[node.output[0]], np.float32)}
        session = _session(
            node.op_type,
            tuple(sorted(a.SerializeToString() for a in node.attribute)),
            tuple(None if x is None else helper.np_dtype_to_tensor_dtype(x.dtype) for x in inputs),
            self.opset,
        )
        feeds = {f"x{i}": x for i, x in enumerate(inputs) if x is not None}
        return {node.output[0]: session.run(["y"], feeds)[0]}


@lru_cache(maxsize=256)
def _session(kind: str, attributes: tuple[bytes, ...], dtypes: tuple[int | None, ...], opset: int) -> Any:
    """A session for one kind of node, with open shapes and no optimisation."""
    names = ["" if dtype is None else f"x{i}" for i, dtype in enumerate(dtypes)]
    node = helper.make_node(kind, names, ["y"])
    node.attribute.extend(onnx.AttributeProto.FromString(a) for a in attributes)
    inputs = [helper.make_tensor_value_info(f"x{i}", d, None) for i, d in enumerate(dtypes) if d is not None]
    graph = helper.make_graph([node], "node", inputs, [onnx.ValueInfoProto(name="y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _constant(node: onnx.NodeProto) -> NDArray[Any]:
    value = helper.get_attribute_value(node.attribute[0])
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _exact(node: onnx.NodeProto, inputs: list[Any]) -> NDArray[np.float64]:
    """Conv (ungrouped) or MatMul of integers in float64."""
    x, weights = (np.asarray(a, np.float64) for a in inputs)
    if node.op_type == "MatMul":
        return x @ weights
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    t0, f0, t1, f1 = attributes["pads"]
    padded = np.pad(x, ((0, 0), (0, 0), (t0, t1), (f0, f1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[2:], axis=(2, 3))  # type: ignore[call-overload]
    strided = windows[:, :, :: attributes["strides"][0], :: attributes["strides"][1]]
    return np.einsum("nctfhw,ochw->notf", strided, weights, optimize=True)


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """The model's metadata entries."""
    return {p.key: p.value for p in model.metadata_props}


_EXECUTORS: dict[int, tuple[onnx.ModelProto, Executor]] = {}


def executor(model: onnx.ModelProto) -> Executor:
    """The executor of `model`, kept for the models used last."""
    found = _EXECUTORS.pop(id(model), None) or (model, Executor(model))
    _EXECUTORS[id(model)] = found  # newest last; the reference keeps the id valid
    if len(_EXECUTORS) > 4:
        del _EXECUTORS[next(iter(_EXECUTORS))]
    return found[1]


def from_tfc(features: NDArray[np.int64], rank: int) -> NDArray[np.float32]:
    """int64 [T, F, C] to float32 [1, C, T, F] (rank 4) or [1, n] (rank 2)."""
    if rank == 2:
        return features.reshape(1, -1).astype(np.float32)
    return np.ascontiguousarray(features.transpose(2, 0, 1)[None]).astype(np.float32)


def to_tfc(array: NDArray[Any]) -> NDArray[np.int64]:
    """Integers [1, C, T, F] or [1, n] as int64 [T, F, C]. Raises InputError for other shapes or fractions."""
    integers = np.rint(array)
    if array.ndim not in (2, 4) or len(array) != 1 or not np.array_equal(integers, array):
        raise InputError(f"a tensor of shape {list(array.shape)} does not hold integers [1, C, T, F] or [1, n]")
    integers = integers.astype(np.int64)
    return integers[:, None] if array.ndim == 2 else np.ascontiguousarray(integers[0].transpose(1, 2, 0))


def run_onnx(model: onnx.ModelProto, features: NDArray[np.int64], tensors: set[str] | None = None) -> Arrays:
    """Tensors of a normalised model (input: integers) for features int64 [T, F, C]; all, or those named."""
    entry = model.graph.input[0]
    return executor(model).run({entry.name: from_tfc(features, len(entry.type.tensor_type.shape.dim))}, tensors)


def run_raw(
    model: onnx.ModelProto, normalised: onnx.ModelProto, features: NDArray[np.int64], scale: float
) -> NDArray[np.int64]:
    """The integers that the model *as given* implies where the normalised one has its last accumulators.

    The float input is ``scale * features`` (scale: `InputSpec.scale`); float results r of the last accumulating node
    give ``rint((r - offset) / scale)``, int64 [T, F, C], to be compared with tensor `last_accumulator`.
    """
    spec = json.loads(metadata(normalised)[ACCUMULATOR])
    entry = model.graph.input[0]
    x = from_tfc(features, len(entry.type.tensor_type.shape.dim)) * np.float32(scale)
    result = executor(model).run({entry.name: x}, {spec["tensor"]})[spec["tensor"]].astype(np.float64)
    shape = (1, -1, 1, 1)[: result.ndim]
    offset, step = (np.reshape(np.asarray(spec[key], np.float64), shape) for key in ("offset", "scale"))
    return to_tfc(np.rint((result - offset) / step))


def last_accumulator(normalised: onnx.ModelProto) -> str:
    """The normalised model's tensor of last accumulators: the unit graph's output."""
    return str(json.loads(metadata(normalised)[ACCUMULATOR])["normalised"])
