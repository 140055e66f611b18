"""Reading a normalised model: which nodes are units, which lie between units, and what a unit's node takes in."""

from dataclasses import dataclass

import onnx
from onnx import helper

from hwsv.errors import InputError
from hwsv.frontend.annotations import annotated
from hwsv.frontend.load import ELEMENTWISE
from hwsv.frontend.messages import label, refuse

QUANTISERS = frozenset({"Quant", "BipolarQuant"})
WINDOWED = frozenset({"Conv", "MaxPool"})
UNITS = frozenset({"Conv", "MatMul", "MaxPool", "Concat", "StatsPool"})


@dataclass(frozen=True)
class Operand:
    """Integer input of a unit's node: tensor `name` times `factor`, padded by `pads` (t0, f0, t1, f1) with `fill`."""

    name: str
    factor: int = 1
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    fill: int = 0
    flattened: bool = False


@dataclass(frozen=True)
class Slice:
    """Element-wise nodes that make a tensor from `root`, in topological order."""

    root: str
    nodes: list[onnx.NodeProto]


class Structure:
    """A normalised model, indexed. `operands`: unit node's output -> its integer inputs."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.integers = annotated(model.graph)
        self.nodes = list(model.graph.node)
        self.entry, self.exit = model.graph.input[0].name, model.graph.output[0].name
        self.constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
        self.producer = {node.output[0]: node for node in self.nodes}
        self.consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)
        self.order = {node.output[0]: i for i, node in enumerate(self.nodes)}
        self.units = {node.output[0] for node in self.nodes if self._is_unit(node)}
        self.slices: dict[str, Slice] = {}
        self.operands = {node.output[0]: self._operands(node) for node in self.nodes if self.is_unit(node)}
        self.needed = {operand.name for operands in self.operands.values() for operand in operands}
        for node in self.nodes:
            if node.op_type == "Pad" and any(n.op_type not in WINDOWED for n in self.consumers.get(node.output[0], [])):
                refuse(node, "padding that no convolution or pooling follows is not supported")

    def dynamic(self, node: onnx.NodeProto) -> list[str]:
        """Inputs that are not constants."""
        return [name for name in node.input if name and name not in self.constants]

    def is_unit(self, node: onnx.NodeProto) -> bool:
        """Sums, pooling and concatenation of integer streams; two streams added (not one with a constant)."""
        return node.output[0] in self.units

    def _is_unit(self, node: onnx.NodeProto) -> bool:
        if node.op_type in UNITS:
            return True
        names = self.dynamic(node)
        two = node.op_type in ("Add", "Sub") and len(set(names)) == 2
        return two and all(name in self.integers for name in names)

    def _operands(self, node: onnx.NodeProto) -> list[Operand]:
        return [self._operand(node, name) for name in self.dynamic(node)]

    def _operand(self, node: onnx.NodeProto, name: str) -> Operand:
        source = self.producer.get(name)
        if source is None:
            return Operand(name)
        if source.op_type == "Pad" and node.op_type in WINDOWED:
            pads, fill = (self.constants[n] for n in source.input[1:3])
            t0, f0, t1, f1 = (int(pads[i]) for i in (2, 3, 6, 7))
            return Operand(source.input[0], pads=(t0, f0, t1, f1), fill=int(fill))
        if source.op_type == "Flatten":
            return Operand(source.input[0], flattened=True)
        if source.op_type == "Mul" and node.op_type in ("Add", "Sub", "StatsPool") and source.input[0] in self.integers:
            return Operand(source.input[0], factor=int(self.constants[source.input[1]]))
        return Operand(name)

    def slice(self, tensor: str) -> Slice:
        """The element-wise nodes between `tensor` and the nearest tensor that a unit makes or needs."""
        if tensor not in self.slices:
            self.slices[tensor] = self._slice(tensor)
        return self.slices[tensor]

    def _slice(self, tensor: str) -> Slice:
        found: list[onnx.NodeProto] = []
        roots: set[str] = set()
        waiting, seen = [tensor], set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            node = self.producer.get(name)
            stops = node is None or self.is_unit(node) or (name != tensor and name in self.needed)
            if stops:
                roots.add(name)
            else:
                assert node is not None
                found.append(node)
                waiting.extend(self.dynamic(node))
        if len(roots) != 1:
            joins = [node for node in found if len(set(self.dynamic(node))) > 1]
            where = label((joins or found)[0]) if found else "the model"
            raise InputError(
                f"{where}: depends on {len(roots)} streams; only sums of quantised streams may join streams"
            )
        return Slice(roots.pop(), sorted(found, key=lambda node: self.order[node.output[0]]))

    def readers(self, root: str) -> int:
        """How many integer tensors (the output included) are made from `root` by element-wise nodes."""
        return sum(self.slice(name).root == root for name in {*self.needed, self.exit} - {root})

    def table_nodes(self, tensor: str) -> Slice:
        """`slice`, refusing what is not element-wise."""
        found = self.slice(tensor)
        for node in found.nodes:
            if node.op_type not in ELEMENTWISE | QUANTISERS:
                refuse(node, f"{node.op_type} is not supported between two quantisers here")
        return found


def source_text(nodes: list[onnx.NodeProto]) -> str:
    """The model's names of these nodes, joined (untrusted text)."""
    return " + ".join(dict.fromkeys(node.doc_string for node in nodes))


def host_part(structure: Structure) -> onnx.ModelProto | None:
    """The nodes after the last accumulator as a model of their own; None where there are none."""
    found = structure.slice(structure.exit)
    if not found.nodes:
        return None
    used = {name for node in found.nodes for name in node.input}
    float32 = onnx.TensorProto.FLOAT
    linear = structure.producer[found.root].op_type == "MatMul"
    shape: list[str | int | None] = [1, "n"] if linear else [1, "C", "T", "F"]
    graph = helper.make_graph(
        found.nodes, "host_post", [helper.make_tensor_value_info(found.root, float32, shape)],
        [helper.make_tensor_value_info(structure.exit, float32, None)],
        [t for t in structure.model.graph.initializer if t.name in used],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=structure.model.opset_import, ir_version=8, producer_name="hwsv")


def windows(node: onnx.NodeProto) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]:
    """(kernel, stride, pads) of a Conv or MaxPool of a normalised model."""
    values = {a.name: tuple(a.ints) for a in node.attribute}
    return values["kernel_shape"], values["strides"], values["pads"]  # type: ignore[return-value]
