"""The walk over a cleaned model that writes the normalised one: values with scales, and the building of nodes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from hwsv.errors import HwsvError, InputError
from hwsv.frontend.annotations import annotate
from hwsv.frontend.execute import Executor
from hwsv.frontend.messages import refuse

Scale = NDArray[np.float32]


@dataclass(frozen=True)
class Value:
    """What is known of a tensor.

    name: the tensor in the new model, integers where `scale` is given (shape () or [C]), else floats.
    shape: at the example T, rank 4 or 2. flat: the model has flattened it, the new model not yet.
    quantised: straight from an activation quantiser. raw: the original tensor it corresponds to.
    """

    name: str
    shape: tuple[int, ...]
    raw: str
    scale: Scale | None = None
    flat: bool = False
    quantised: bool = False

    @property
    def flat_shape(self) -> tuple[int, ...]:
        """The shape that the original tensor has."""
        return (1, int(np.prod(self.shape))) if self.flat else self.shape


@dataclass(frozen=True)
class Weights:
    """Quantised constants: integers and scale, both of the tensor's full shape."""

    integers: NDArray[np.int64]
    scale: Scale


class Walk:
    """One pass over a model; `handlers` (hwsv.frontend.rules), by operator, add the nodes of the new one."""

    def __init__(self, model: onnx.ModelProto, handlers: "dict[str, Handler]") -> None:
        self.handlers = handlers
        self.model, self.graph = model, model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.weights: dict[str, Weights] = {}
        self.values: dict[str, Value] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: dict[str, onnx.TensorProto] = {}
        self.annotations: dict[str, str] = {}
        self.names = {value.name for value in model.graph.input}
        self.node: onnx.NodeProto = model.graph.node[0]
        self.executor = Executor.without_nodes(model)
        self.opset = self.executor.opset

    def run(self) -> ModelWrapper:
        entry = self.graph.input[0]
        shape = tuple(d.dim_value for d in entry.type.tensor_type.shape.dim)
        self.values[entry.name] = Value(entry.name, shape, entry.name)
        for node in self.graph.node:
            self.node = node
            try:
                result = self.handlers[node.op_type](self, node)
            except HwsvError:
                raise
            except Exception as error:  # an input or attribute that the operator needs is missing or of another type
                refuse(node, f"malformed inputs or attributes ({type(error).__name__})")
            if isinstance(result, Value):
                self.values[node.output[0]] = self._with_shape(node, result)
            elif isinstance(result, Weights):
                self.weights[node.output[0]] = result
            else:
                self.constants[node.output[0]] = result
        return self._finish()

    def _with_shape(self, node: onnx.NodeProto, value: Value) -> Value:
        """Run the original node on zeros: what does not fit is refused by name, what fits has a shape."""
        feeds: dict[str, NDArray[Any]] = {}
        for name in node.input:
            if name in self.values:
                feeds[name] = np.zeros(self.values[name].flat_shape, np.float32)
            elif name in self.weights:
                feeds[name] = self.weights[name].integers.astype(np.float32)
            elif name:
                feeds[name] = self.constants[name]
        shape = self.executor.run_node(node, feeds)[node.output[0]].shape
        if len(shape) not in (2, 4) or shape[0] != 1:
            refuse(node, f"its output has shape {list(shape)}; supported: [1, C, T, F] and [1, n]")
        return value if value.flat else replace(value, shape=tuple(shape))

    # -- building the new model -------------------------------------------------------------------------------------

    def fresh(self, name: str) -> str:
        """`name`, or `name` with a number, not used so far."""
        found, n = name, 1
        while found in self.names:
            n += 1
            found = f"{name}_{n}"
        self.names.add(found)
        return found

    def constant(self, array: NDArray[Any], name: str = "constant") -> str:
        """An initialiser with this content; returns its name."""
        name = self.fresh(f"hwsv_{name}")
        self.initialisers[name] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name)
        return name

    def emit(self, kind: str, inputs: list[str], role: str = "", domain: str = "", **attributes: Any) -> str:
        """Add a node for the current original node; returns its output. role: suffix of node and output names."""
        out = self.fresh(self.node.output[0] + (f"_{role}" if role else ""))
        name = self.node.doc_string or self.node.op_type
        node = helper.make_node(kind, inputs, [out], f"{name}/{role}" if role else name, domain=domain, **attributes)
        node.doc_string = self.node.doc_string
        self.nodes.append(node)
        return out

    def integer(self, name: str, dtype: str = "INT32") -> str:
        """Annotate a tensor of the new model as integer."""
        self.annotations[name] = dtype
        return name

    def to_float(self, value: Value) -> Value:
        """The float form: one float32 multiplication by the scale."""
        if value.scale is None:
            return value
        if np.all(value.scale == 1):
            return replace(value, scale=None, quantised=False)
        scale = self.constant(broadcast(value.scale, len(value.shape)), "scale")
        out = self.emit("Mul", [value.name, scale], "scaled")
        return replace(value, name=out, scale=None, quantised=False)

    def unflatten(self, value: Value) -> Value:
        """The value as the original has it: a Flatten where one is due."""
        if not value.flat:
            return value
        out = self.emit("Flatten", [value.name], "flat", axis=1)
        if value.scale is not None:
            self.integer(out, self.annotations[value.name])
        count = int(np.prod(value.shape[2:]))
        scale = value.scale if value.scale is None or value.scale.ndim == 0 else np.repeat(value.scale, count)
        return replace(value, name=out, shape=value.flat_shape, scale=scale, flat=False)

    def dynamic(self, node: onnx.NodeProto) -> list[Value]:
        """The inputs that depend on the model's input."""
        return [self.values[name] for name in node.input if name in self.values]

    def parameter(self, name: str) -> NDArray[Any]:
        """A constant input as an array (quantised constants: their float values)."""
        if name in self.weights:
            found = self.weights[name]
            return (found.integers.astype(np.float32) * found.scale).astype(np.float32)
        if name not in self.constants:
            refuse(self.node, "an input that must be constant depends on the model's input")
        return self.constants[name]

    def _finish(self) -> ModelWrapper:
        exit_name = self.graph.output[0].name
        if exit_name not in self.values:
            raise InputError("the output does not depend on the input")
        value = self.to_float(self.unflatten(self.values[exit_name]))
        source = self.graph.input[0]
        dims: list[Any] = [d.dim_value for d in source.type.tensor_type.shape.dim]
        if len(dims) == 4:
            dims[2] = "T"
        float32 = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes, "normalised", [helper.make_tensor_value_info(source.name, float32, dims)],
            [helper.make_tensor_value_info(value.name, float32, None)], list(self.initialisers.values()),
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=self.model.opset_import, ir_version=8, producer_name="hwsv")
        helper.set_model_props(model, {p.key: p.value for p in self.model.metadata_props})
        annotate(model.graph, self.annotations)
        return ModelWrapper(model, fix_missing_initializer_valueinfo=False)


Result = Value | Weights | NDArray[Any]
Handler = Callable[[Walk, onnx.NodeProto], Result]


def broadcast(vector: Scale, rank: int) -> Scale:
    """A scalar or per-channel vector in the shape that multiplies [1, C, T, F] or [1, n]."""
    return vector.reshape((1, -1, 1, 1)[:rank]) if vector.ndim else vector


def channel_vector(node: onnx.NodeProto, array: NDArray[Any], rank: int, what: str) -> Scale:
    """A parameter as one number () or one a channel [C]; refuses what varies along time or frequency."""
    array = np.asarray(array)
    if array.size == 1:
        return array.reshape(()).astype(np.float32)
    shape = (1,) * (rank - array.ndim) + array.shape
    if len(shape) != rank or any(n != 1 for axis, n in enumerate(shape) if axis != 1):
        refuse(node, f"{what} of shape {list(array.shape)} is not one number, or one a channel")
    return array.reshape(-1).astype(np.float32)
