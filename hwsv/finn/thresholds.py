"""Evaluated tables as QONNX ``MultiThreshold`` nodes on integer accumulators: what FINN's conversions take.

FINN moves scales through the graph until they can be absorbed into thresholds. Here the element-wise nodes between an
accumulator and the next quantiser are evaluated on every integer that can occur, as in hwsv's own front-end, so the
thresholds are integers and exact from the start, whatever the nodes are and whichever way the quantiser rounds.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from hwsv import datatypes
from hwsv.frontend.annotations import annotate, annotated
from hwsv.frontend.convert import Converter
from hwsv.frontend.quantisers import QONNX
from hwsv.frontend.signals import Signal
from hwsv.frontend.structure import QUANTISERS, Slice
from hwsv.frontend.tables import Table, evaluate, rising_or_falling
from hwsv.units.threshold import Threshold


@dataclass(frozen=True)
class _Step:
    """The element-wise nodes that make integer tensor `name` from those of `root`."""

    name: str
    found: Slice
    root: Signal


class _Recorder(Converter):
    """The converter to units, which notes what it tabulates."""

    def __init__(self, model: onnx.ModelProto, frames: int, dtype: str) -> None:
        self.steps: list[_Step] = []
        super().__init__(model, frames, dtype)

    def signal(self, name: str) -> Signal:
        if name not in self.signals:
            found = self.structure.table_nodes(name)
            root = self.signal(found.root)  # before the adder may take over what follows it
            self.steps.append(_Step(name, found, root))
        return super().signal(name)


class EvaluateThresholds(Transformation):
    """Replace the nodes between integer tensors of a normalised model (see `hwsv.frontend.normalise`).

    A monotone function becomes one MultiThreshold, whose ``out_scale`` is 1 (FINN's hardware counts thresholds; steps
    of more than one repeat a threshold) but for signs, which keep QONNX's ``2 * count - 1`` and the type BIPOLAR. A
    channel where the function falls has its weights negated, or a multiplication by -1 where there are none. What is
    not monotone stays as it is; `left` names its quantisers afterwards. All tensors get their exact integer types.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        entry = model.graph.input[0]
        dims = [d.dim_value for d in entry.type.tensor_type.shape.dim]
        recorder = _Recorder(model.model, dims[2] if len(dims) == 4 else 1, annotated(model.graph)[entry.name])
        recorder.run()
        made = _Rewriter(recorder)
        for step in recorder.steps:
            if step.found.nodes:
                made.replace(step)
        made.write(model.model.graph)
        self.left = made.left
        return ModelWrapper(model.model), False


class _Rewriter:
    """Collects the nodes and constants of the new graph."""

    def __init__(self, recorder: _Recorder) -> None:
        self.recorder, self.structure = recorder, recorder.structure
        self.dtypes = dict(self.structure.integers)
        self.constants = dict(self.structure.constants)
        self.producer = dict(self.structure.producer)
        self.renamed: dict[str, str] = {}
        self.left: list[str] = []
        for name, signal in recorder.signals.items():
            if name in self.dtypes:
                self.dtypes[name] = datatypes.smallest(*signal.reach.ends)

    def replace(self, step: _Step) -> None:
        """Put a MultiThreshold in the place of the step's nodes, or nothing where they change nothing."""
        root, name = step.found.root, step.name
        table = evaluate(self.recorder.executor, step.found.nodes, root, name, step.root.reach, step.root.rank)
        self.dtypes[root] = datatypes.smallest(*step.root.reach.ends)
        self.dtypes[name] = datatypes.smallest(*table.reach.ends)
        if table.is_identity:
            self.renamed[name] = root
            return
        unit = _threshold(table)
        if unit is None:
            self.left.append(step.found.nodes[-1].doc_string)
            return
        # thresholds that can occur as values: FINN halves those of XNOR products, which move in steps of two
        grid, first = table.reach_in.step, int(table.reach_in.low[0])
        thresholds = first + -(-(unit.thresholds - first) // grid) * grid
        falling = np.flatnonzero(unit.falling)
        thresholds[falling] = grid - thresholds[falling, ::-1]  # x < t is -x >= step - t
        source = self._negated(step, falling) if falling.size else root
        sign = (unit.base, unit.step, unit.levels) == (-1, 2, 1) and self._takes_signs(name)
        if sign:
            self.dtypes[name] = datatypes.BIPOLAR
        else:
            thresholds = np.repeat(thresholds, unit.step, axis=1)
        constant = f"{name}_thresholds"
        self.constants[constant] = thresholds.astype(np.float32)
        self.dtypes[constant] = datatypes.smallest(min(0, int(thresholds.min())), int(thresholds.max()))
        node = helper.make_node(
            "MultiThreshold", [source, constant], [name], name=f"{name}_multithreshold", domain=QONNX,
            out_dtype=self.dtypes[name], out_scale=2.0 if sign else 1.0, out_bias=float(unit.base),
            data_layout="NCHW" if step.root.rank == 4 else "NC",
        )  # fmt: skip
        node.doc_string = step.found.nodes[-1].doc_string
        self.producer[name] = node

    def _takes_signs(self, name: str) -> bool:
        """All readers are products by bipolar weights without padding (FINN pads with 0, which is no sign)."""
        readers = [self.structure.producer[out] for out, ops in self.structure.operands.items() for op in ops
                   if op.name == name]  # fmt: skip
        return all(
            node.op_type in ("Conv", "MatMul")
            and not any(i for a in node.attribute if a.name == "pads" for i in a.ints)
            and not any(any(op.pads) for op in self.structure.operands[node.output[0]])
            and bool((np.abs(self.constants[node.input[1]]) == 1).all())
            for node in readers
        )

    def _negated(self, step: _Step, channels: NDArray[np.intp]) -> str:
        """The root with these channels negated: by its weights where nothing else reads it."""
        root = step.found.root
        node = self.structure.producer.get(root)
        count = step.root.channels
        signs = np.ones(count, np.float32)
        signs[channels] = -1
        reach = step.root.reach
        low, high = reach.low.copy(), reach.high.copy()
        low[channels], high[channels] = -reach.high[channels], -reach.low[channels]
        alone = self.structure.readers(root) == 1 and root not in self.structure.needed
        weights = self.constants.get(node.input[1]) if node is not None and node.op_type in ("Conv", "MatMul") else None
        if node is not None and weights is not None and alone:
            shape = (1, -1) if node.op_type == "MatMul" else (-1, 1, 1, 1)
            self.constants[node.input[1]] = weights * signs.reshape(shape)
            self.dtypes[root] = datatypes.smallest(int(low.min()), int(high.max()))
            return root
        out, constant = f"{step.name}_signed", f"{step.name}_signs"
        self.constants[constant] = signs.reshape((1, -1, 1, 1)[: step.root.rank])
        self.dtypes[constant] = datatypes.BIPOLAR
        self.dtypes[out] = datatypes.smallest(int(low.min()), int(high.max()))
        self.producer[out] = helper.make_node("Mul", [root, constant], [out], name=f"{step.name}_negate")
        return out

    def write(self, graph: onnx.GraphProto) -> None:
        """Put the collected nodes into `graph`, those that the output does not need left out."""
        ordered: list[onnx.NodeProto] = []
        done: set[str] = {graph.input[0].name, *self.constants}
        waiting = [graph.output[0].name]
        while waiting:
            name = waiting[-1]
            node = None if name in done else self._renamed(self.producer[name])
            missing = [] if node is None else [n for n in node.input if n and n not in done]
            if node is None or not missing:
                waiting.pop()
                if node is not None:
                    ordered.append(node)
                    done.update(node.output)
            else:
                waiting.extend(missing)
        self._type_others(ordered)
        used = {name for node in ordered for name in (*node.input, *node.output)}
        del graph.node[:], graph.initializer[:], graph.quantization_annotation[:], graph.value_info[:]
        graph.node.extend(ordered)
        graph.initializer.extend(
            numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in self.constants.items() if n in used
        )
        annotate(graph, {name: dtype for name, dtype in self.dtypes.items() if name in used})

    def _renamed(self, node: onnx.NodeProto) -> onnx.NodeProto:
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        for at, name in enumerate(copy.input):
            while name in self.renamed:
                name = self.renamed[name]
            copy.input[at] = name
        pad = self.producer.get(copy.input[0])
        if copy.op_type == "Conv" and pad is not None and pad.op_type == "Pad" and self.constants[pad.input[2]] == 0:
            self._merge(pad, copy)
        return copy

    def _merge(self, pad: onnx.NodeProto, conv: onnx.NodeProto) -> None:
        """Zero padding in front of a convolution becomes its own: FINN converts that."""
        conv.input[0] = self._renamed(pad).input[0]
        (pads,) = (a for a in conv.attribute if a.name == "pads")
        amounts = self.constants[pad.input[1]][[2, 3, 6, 7]]
        pads.ints[:] = [int(own) + int(more) for own, more in zip(pads.ints, amounts, strict=True)]

    def _type_others(self, nodes: list[onnx.NodeProto]) -> None:
        """Data types of what is no signal: layout and padding, integer constants."""
        for node in nodes:
            out = node.output[0]
            if out not in self.dtypes or node.op_type in QUANTISERS:
                continue
            if node.op_type == "Flatten":
                self.dtypes[out] = self.dtypes[node.input[0]]
            if node.op_type == "Pad":
                self.dtypes[out] = _including(self.dtypes[node.input[0]], int(self.constants[node.input[2]]))
                continue
            if node.op_type == "Mul" and node.input[1] not in self.dtypes:
                factor = int(self.constants[node.input[1]])
                self.dtypes[out] = datatypes.smallest(
                    *sorted(factor * v for v in datatypes.limits(self.dtypes[node.input[0]]))
                )
            for name in node.input:
                array = self.constants.get(name)
                if array is not None and name not in self.dtypes and np.array_equal(np.rint(array), array):
                    weights = node.op_type in ("Conv", "MatMul")
                    signs = weights and bool((np.abs(array) == 1).all())
                    low, high = int(array.min()), int(array.max())
                    self.dtypes[name] = datatypes.BIPOLAR if signs else datatypes.smallest(min(low, -weights), high)


def _including(dtype: str, value: int) -> str:
    """The type that also holds `value`."""
    low, high = datatypes.limits(dtype)
    if low <= value <= high and not (dtype == datatypes.BIPOLAR and value == 0):
        return dtype
    return datatypes.smallest(min(low, value), max(high, value))


def _threshold(table: Table) -> Threshold | None:
    """The thresholds of a monotone table; one row where all channels have the same."""
    shared = bool((table.values == table.values[0]).all())
    grid, mask = table.reach_in.grid(), table.reach_in.mask()
    values = table.values[:1] if shared else table.values
    if shared:
        mask = np.logical_or.reduce(mask, axis=0)[None]
    rows = [(grid[m], v[m]) for v, m in zip(values, mask, strict=True)]
    common = {"freq": 1, "channels": len(table.values)}
    dtypes = {
        "in_dtype": datatypes.smallest(*table.reach_in.ends), "out_dtype": datatypes.smallest(*table.reach.ends)
    }  # fmt: skip
    return next(iter(rising_or_falling(rows, table.reach, common | dtypes)), None)
