"""The hardware's input: the integers of the first quantiser. What comes before it is the host's."""

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from hwsv import datatypes
from hwsv.errors import InputError
from hwsv.frontend.annotations import annotate, annotated
from hwsv.frontend.execute import Executor
from hwsv.frontend.messages import label, refuse
from hwsv.frontend.structure import QUANTISERS
from hwsv.frontend.walk import Scale


class IntegerInput(Transformation):
    """Make the first quantiser's integers the model's input. Afterwards `dtype` and `scale` describe them.

    integers: what `ToIntegers` found, tensor -> (original tensor, scale).
    """

    def __init__(self, integers: dict[str, tuple[str, Scale]]) -> None:
        super().__init__()
        self.integers = integers
        self.dtype, self.scale = "", 1.0

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        graph = model.graph
        entry = graph.input[0]
        front = _front(graph, entry.name)
        first = front[-1].output[0]
        dtypes = annotated(graph)
        self.dtype = dtypes[first]
        self.scale = self._check_scale(model.model, front)
        keep = [node for node in graph.node if node.output[0] not in {n.output[0] for n in front}]
        dims = [d.dim_value or d.dim_param for d in entry.type.tensor_type.shape.dim]
        used = {name for node in keep for name in node.input}
        initialisers = [t for t in graph.initializer if t.name in used]
        made = helper.make_graph(
            keep, "normalised", [helper.make_tensor_value_info(first, onnx.TensorProto.FLOAT, dims)],
            graph.output, initialisers,
        )  # fmt: skip
        annotate(made, {name: dtype for name, dtype in dtypes.items() if name in used})
        model.model.graph.CopyFrom(made)
        return ModelWrapper(model.model, fix_missing_initializer_valueinfo=False), False

    def _check_scale(self, model: onnx.ModelProto, front: list[onnx.NodeProto]) -> float:
        """The scale for which the host's nodes turn ``scale * q`` into q, for every q."""
        low, high = datatypes.limits(self.dtype)
        wanted = np.array([-1, 1] if self.dtype == datatypes.BIPOLAR else np.arange(low, high + 1), np.float32)
        executor = Executor(model)
        entry = model.graph.input[0]
        dims = [d.dim_value for d in entry.type.tensor_type.shape.dim]

        def through(values: np.ndarray, nodes: list[onnx.NodeProto]) -> np.ndarray:
            """values [n] on every channel, through `nodes`: [channels, n]."""
            if len(dims) == 4:
                found = {entry.name: np.tile(values, (dims[1], 1))[None, :, :, None].astype(np.float32)}
            else:
                found = {entry.name: np.tile(values[:, None], (1, dims[1])).astype(np.float32)}
            found |= executor.constants
            for node in nodes:
                found |= executor.run_node(node, found)
            result = found[nodes[-1].output[0]]
            return result[0, :, :, 0] if len(dims) == 4 else result.T

        scale = self.integers[front[-1].output[0]][1]
        candidates = [float(scale)] if scale.ndim == 0 else []
        if len(front) > 1:
            slope = float(through(np.ones(1, np.float32), front[:-1])[0, 0])
            candidates += [1 / slope] if slope > 0 else []
        for candidate in candidates:
            if (through(wanted * np.float32(candidate), front) == wanted).all():
                return candidate
        refuse(front[0], "the nodes before the first quantiser are more than one scale; leave them to the host")


def _front(graph: onnx.GraphProto, entry: str) -> list[onnx.NodeProto]:
    """The nodes from the input to the first quantiser, which all paths must pass."""
    reached, front = {entry}, []
    for node in graph.node:
        if not reached & set(node.input):
            continue
        front.append(node)
        if node.op_type in QUANTISERS:
            rest = [n for n in graph.node if reached & set(n.input) and n not in front]
            if rest:
                refuse(rest[0], "reads the input beside its first quantiser; quantise the input once")
            return front
        reached.add(node.output[0])
    raise InputError(f"{label(front[-1]) if front else 'the model'}: no quantiser follows the input; quantise it first")
