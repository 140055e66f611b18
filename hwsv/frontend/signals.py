"""Tensors of the unit graph, and the table units between them."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import onnx

from hwsv import datatypes
from hwsv.frontend.execute import Executor
from hwsv.frontend.messages import label
from hwsv.frontend.reach import Reach
from hwsv.frontend.structure import Operand, Structure, source_text
from hwsv.frontend.tables import Table, cheapest, evaluate, stream_dtype
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.base import Unit
from hwsv.units.requantise import Requantise

_DTYPE_FIELDS = {"mvtu": "acc_dtype", "concat": "dtype", "sliding_window": "dtype"}
"""The field for the output's data type, where it is not ``out_dtype``."""


@dataclass(frozen=True)
class Signal:
    """A tensor of the unit graph, [frames, freq, channels] at the example T.

    base: start of the names of units made from it; timed: its frames depend on T; rank: of the ONNX tensor.
    """

    tensor: str
    base: str
    frames: int
    freq: int
    reach: Reach
    dtype: str
    timed: bool
    rank: int

    @property
    def channels(self) -> int:
        return len(self.reach.low)


class Signals:
    """The growing unit graph: `graph`, and `signals` by normalised tensor.

    frames: the example T. dtype: data type of the model's input.
    """

    def __init__(self, model: onnx.ModelProto, frames: int, dtype: str) -> None:
        self.structure = Structure(model)
        self.executor = Executor(model)
        self.graph = UnitGraph("network")
        self.signals: dict[str, Signal] = {}
        dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        self.frames, freq = (frames, dims[3]) if len(dims) == 4 else (1, 1)
        low, high = datatypes.limits(dtype)
        step = 2 if dtype == datatypes.BIPOLAR else 1
        reach = Reach(np.full(dims[1], low), np.full(dims[1], high), step)
        entry = self.structure.entry
        dtype = stream_dtype(reach, self.takes_bipolar(entry))
        self.signals[entry] = Signal(INPUT, "input", self.frames, freq, reach, dtype, True, len(dims))

    def unit(self, name: str, unit: Unit, inputs: tuple[str, ...], nodes: list[onnx.NodeProto]) -> str:
        """Add a node, made from these nodes of the model; returns its output tensor."""
        taken = {node.name for node in self.graph}
        unique, n = name, 1
        while unique in taken:
            n += 1
            unique = f"{name}{n}"
        tensor = f"{unique}_out"
        self.graph.nodes.append(Node(unique, unit, inputs, (tensor,), source=source_text(nodes)))
        return tensor

    def signal(self, name: str) -> Signal:
        """The signal of an integer tensor, with the table unit that makes it where none does yet."""
        if name in self.signals:
            return self.signals[name]
        found = self.structure.table_nodes(name)
        root = self.signal(found.root)
        table = evaluate(self.executor, found.nodes, found.root, name, root.reach, root.rank)
        held = table.reach
        for fill in self._fills(name):
            held = held.including(fill)
        dtype = stream_dtype(held, self.takes_bipolar(name))
        if table.is_identity and self._holds(root.dtype, held, dtype):
            signal = root
        elif self._saturated(found.root, root, table, dtype):
            signal = dataclasses.replace(root, reach=table.reach, dtype=dtype)
            del self.signals[found.root]
        else:
            unit = cheapest(table, root.freq, root.dtype, dtype, label(found.nodes[-1]))
            tensor = self.unit(f"{root.base}_{unit.kind}", unit, (root.tensor,), found.nodes)
            signal = dataclasses.replace(root, tensor=tensor, reach=table.reach, dtype=dtype)
        self.signals[name] = signal
        return signal

    def _holds(self, dtype: str, reach: Reach, wanted: str) -> bool:
        """Whether a tensor of type `dtype` can stand for one of type `wanted`."""
        low, high = datatypes.limits(dtype)
        same_kind = (dtype == datatypes.BIPOLAR) == (wanted == datatypes.BIPOLAR)
        return same_kind and low <= reach.ends[0] and reach.ends[1] <= high

    def _saturated(self, root_name: str, root: Signal, table: Table, dtype: str) -> bool:
        """Let the adder saturate where that is all that follows it."""
        ends, node = table.saturation, self.structure.producer.get(root_name)
        makers = [n for n in self.graph if root.tensor in n.outputs and isinstance(n.unit, Add)]
        alone = root_name not in self.structure.needed and self.structure.readers(root_name) == 1
        if ends is None or node is None or not makers or not alone:
            return False
        unit: Unit = dataclasses.replace(makers[0].unit, low=ends[0], high=ends[1], out_dtype=dtype)  # type: ignore[type-var]
        source = source_text([node, *self.structure.slice(root_name).nodes])
        at = self.graph.nodes.index(makers[0])
        self.graph.nodes[at] = dataclasses.replace(makers[0], unit=unit, source=source)
        return True

    def takes_bipolar(self, name: str) -> bool:
        """Whether every unit that reads the tensor accepts the type BIPOLAR (so that it need not hold 0)."""
        return all(
            self._accepts_bipolar(self.structure.producer[out], operand)
            for out, operands in self.structure.operands.items()
            for operand in operands
            if operand.name == name
        )

    def _accepts_bipolar(self, node: onnx.NodeProto, operand: Operand) -> bool:
        if node.op_type in ("MaxPool", "Concat") and not self.takes_bipolar(node.output[0]):
            return False
        if node.op_type not in ("Conv", "MatMul", "MaxPool", "Concat") or is_sum(node):
            return False
        return not any(operand.pads) or operand.fill in (-1, 1) or marks(node, operand)

    def _fills(self, name: str) -> set[int]:
        """Constants, beside marks, that windows pad this tensor with."""
        return {
            operand.fill
            for out, operands in self.structure.operands.items()
            for operand in operands
            if operand.name == name and not marks(self.structure.producer[out], operand)
        }

    def retyped(self, signal: Signal, dtype: str, reader: onnx.NodeProto) -> str:
        """The tensor with a wider data type: its producer's where nothing else reads it yet, else a copy's."""
        at = next((i for i, node in enumerate(self.graph.nodes) if signal.tensor in node.outputs), None)
        if signal.dtype == dtype:
            return signal.tensor
        if at is None or any(signal.tensor in node.inputs for node in self.graph):
            one, zero = np.ones((1, 1), np.int64), np.zeros((1, 1), np.int64)
            copy = Requantise(
                signal.freq,
                signal.channels,
                signal.dtype,
                dtype,
                one,
                zero,
                zero[0],
                0,
                *datatypes.limits(signal.dtype),
            )
            return self.unit(f"{signal.base}_requantise", copy, (signal.tensor,), [reader])
        node = self.graph.nodes[at]
        unit: Unit = dataclasses.replace(node.unit, **{_DTYPE_FIELDS.get(node.unit.kind, "out_dtype"): dtype})  # type: ignore[type-var]
        self.graph.nodes[at] = dataclasses.replace(node, unit=unit)
        for name, other in self.signals.items():
            if other.tensor == signal.tensor:
                self.signals[name] = dataclasses.replace(other, dtype=dtype)
        return signal.tensor

    def name_output(self, tensor: str) -> None:
        """`tensor` is the graph's output."""

        def new(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(OUTPUT if name == tensor else name for name in names)

        self.graph.nodes = [dataclasses.replace(n, inputs=new(n.inputs), outputs=new(n.outputs)) for n in self.graph]
        for name, signal in self.signals.items():
            if signal.tensor == tensor:
                self.signals[name] = dataclasses.replace(signal, tensor=OUTPUT)


def is_sum(node: onnx.NodeProto) -> bool:
    """A depthwise convolution by ones: what the normalisation makes of average pooling.

    Over a single channel it is an ordinary convolution as well, and may be treated as such.
    """
    return any(a.name == "group" and a.i > 1 for a in node.attribute)


def marks(node: onnx.NodeProto, operand: Operand) -> bool:
    """Padded taps can be marked: zeros of a sum, or a maximum's own padding."""
    return not any(operand.pads) or (operand.fill == 0 and node.op_type == "Conv")
