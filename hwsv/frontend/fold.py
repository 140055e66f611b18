"""Constant folding. QONNX's own pass builds models of the newest ONNX version, which the runtime may not read."""

import math

import numpy as np
import onnx
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from hwsv.frontend.execute import Executor
from hwsv.frontend.load import MAX_ELEMENTS
from hwsv.frontend.messages import refuse

QUANTISERS = frozenset({"Quant", "IntQuant", "BipolarQuant"})


class FoldConstants(Transformation):
    """Replace nodes with constant inputs (but quantisers, which the normalisation reads) by their values.

    `Shape` counts as constant where the shape is known; what comes of it may only be the shape of a Reshape, since it
    holds for one T. Raises InputError for other uses.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        graph = model.graph
        executor = Executor.without_nodes(model.model)
        constants = dict(executor.constants)
        sizes: set[str] = set()
        kept = []
        for node in graph.node:
            out = node.output[0]
            shape = model.get_tensor_shape(node.input[0]) if node.op_type == "Shape" else None
            if shape is not None:
                constants |= executor.run_node(node, {node.input[0]: np.zeros(shape, np.float32)})
                sizes.add(out)
            elif node.op_type not in QUANTISERS and all(name in constants for name in node.input if name):
                if node.op_type == "ConstantOfShape" and math.prod(constants[node.input[0]].tolist()) > MAX_ELEMENTS:
                    refuse(node, "makes a tensor that is too large")
                constants |= executor.run_node(node, constants)
                if sizes & set(node.input):
                    sizes.add(out)
            else:
                self._check_use(node, sizes)
                kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
        self._replace(graph, kept, constants)
        return model, False

    def _check_use(self, node: onnx.NodeProto, sizes: set[str]) -> None:
        if any(name in sizes and (node.op_type, at) != ("Reshape", 1) for at, name in enumerate(node.input)):
            refuse(node, "uses a constant that is made from a shape, so it would hold for one length only")

    def _replace(self, graph: onnx.GraphProto, kept: list[onnx.NodeProto], constants: dict[str, np.ndarray]) -> None:
        known = {t.name for t in graph.initializer}
        needed = {name for node in kept for name in node.input if name in constants} - known
        graph.initializer.extend(numpy_helper.from_array(constants[name], name) for name in sorted(needed))
        del graph.node[:]
        graph.node.extend(kept)
