"""Removal of nodes that do nothing at inference.

QONNX's own pass also removes additions below 1e-5 and multiplications that close to 1, which decide signs of integers;
and it never ends on an Identity with two inputs.
"""

import numpy as np
import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from hwsv.frontend.messages import refuse


class RemoveIdentities(Transformation):
    """Wire the readers of an Identity or Dropout to what it reads; at the model's output an Identity stays."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        graph = model.graph
        outputs = {value.name for value in graph.output}
        source: dict[str, str] = {}
        kept = []
        for node in graph.node:
            for i, name in enumerate(node.input):
                node.input[i] = source.get(name, name)
            if node.op_type not in ("Identity", "Dropout"):
                kept.append(node)
                continue
            self._check(model, node)
            if node.output[0] in outputs:
                made = onnx.helper.make_node("Identity", node.input[:1], node.output[:1], node.name)
                made.doc_string = node.doc_string
                kept.append(made)
            else:
                source[node.output[0]] = node.input[0]
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
        del graph.node[:]
        graph.node.extend(copies)
        return model, False

    def _check(self, model: ModelWrapper, node: onnx.NodeProto) -> None:
        if node.op_type == "Identity" and len(node.input) != 1:
            refuse(node, "an Identity has one input")
        if node.op_type == "Dropout" and any(node.output[1:]):
            refuse(node, "the mask of a Dropout is not supported")
        training = node.input[2] if len(node.input) > 2 else ""
        if training and not np.array_equal(model.get_initializer(training), False):
            refuse(node, "a Dropout in training mode is not supported; export the model in evaluation mode")
