"""Unit graphs as ONNX: every unit kind is a QONNX custom op (domain ``hwsv.units``) that executes its golden model."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.base import CustomOp
from qonnx.custom_op.registry import add_op_to_domain

from hwsv.errors import InputError
from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.base import Stream, Unit, registry

DOMAIN = "hwsv.units"
NODE_KEYS = ("source", "length")
MAX_PIXELS = 2**26
"""Most elements of a frame."""
MAX_DEPTH, MAX_LATENCY = 2**26, 64


def op_type(kind: str) -> str:
    """``sliding_window`` -> ``SlidingWindow``."""
    return "".join(part.capitalize() for part in kind.split("_"))


def save(graph: UnitGraph, path: Path) -> None:
    """Write `graph` as one ONNX file (T symbolic, tensors int64 [T, F, C])."""
    onnx.save_model(to_model(graph), str(path))


def to_model(graph: UnitGraph) -> onnx.ModelProto:
    """`graph` as an ONNX model."""
    nodes, initialisers = [], []
    for node in graph:
        attributes: dict[str, Any] = {"source": node.source, "length": node.length}
        extra = []
        for field in dataclasses.fields(node.unit):  # type: ignore[arg-type]
            value = getattr(node.unit, field.name)
            if isinstance(value, np.ndarray):
                extra.append(f"{node.name}.{field.name}")
                initialisers.append(numpy_helper.from_array(_narrow(value), extra[-1]))
            else:
                attributes[field.name] = int(value) if isinstance(value, (bool, np.integer)) else value
        inputs = [*node.inputs, *([node.length] if node.length else []), *extra]
        made = helper.make_node(op_type(node.unit.kind), inputs, node.outputs, name=node.name, domain=DOMAIN)
        made.attribute.extend(helper.make_attribute(k, v, attr_type=_attribute_type(v)) for k, v in attributes.items())
        nodes.append(made)
    streams = graph.streams()
    infos = {
        t: helper.make_tensor_value_info(t, onnx.TensorProto.INT64, ["T", s.freq, s.channels])
        for t, s in streams.items()
    }
    entering = [infos[t] for t in (INPUT, LENGTH) if t in infos and t not in graph.producers()]
    others = [v for t, v in infos.items() if t not in (INPUT, LENGTH, OUTPUT)]
    proto = helper.make_graph(nodes, graph.name, entering, [infos[OUTPUT]], initialisers, value_info=others)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(proto, opset_imports=opsets, producer_name="hwsv", ir_version=8)
    channels = {t: [c.depth, c.latency] for t, c in graph.channels.items()}
    helper.set_model_props(model, {"hwsv.channels": json.dumps(channels)})
    return model


def load(path: Path) -> UnitGraph:
    """Read a unit graph. Raises InputError for anything that is not one."""
    try:
        model = onnx.load(str(path))
        graph = from_model(model)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:  # protobuf, json and numpy all have their own ways to fail
        raise InputError(f"{path}: not a unit graph written by hwsv ({type(error).__name__})") from error
    return graph


def from_model(model: onnx.ModelProto) -> UnitGraph:
    """The inverse of `to_model`."""
    arrays = {t.name: numpy_helper.to_array(t).astype(np.int64) for t in model.graph.initializer}
    graph = UnitGraph(model.graph.name)
    for proto in model.graph.node:
        attributes = {a.name: _attribute_value(a) for a in proto.attribute}
        length = attributes["length"]
        tensors = [t for t in proto.input if t not in arrays and t != length]
        unit = unit_of(proto, arrays)
        graph.nodes.append(
            Node(proto.name, unit, tuple(tensors), tuple(proto.output), length, attributes["source"])
        )  # fmt: skip
    props = {p.key: p.value for p in model.metadata_props}
    graph.channels = {t: Channel(*map(int, pair)) for t, pair in json.loads(props.get("hwsv.channels", "{}")).items()}
    _check_tensors(graph)
    _check_channels(graph)
    return graph


def _check_tensors(graph: UnitGraph) -> None:
    """Every tensor that is read was written before, in the shape that its reader takes; the graph has an output."""
    known: dict[str, Stream | None] = {INPUT: None, LENGTH: None}
    for node in graph:
        if not (node.name.isidentifier() and node.name.isascii()):
            raise InputError(f"unit name {node.name!a} is not an identifier")
        for tensor in node.all_inputs:
            if tensor not in known:
                raise InputError(f"unit {node.name!r} reads {tensor!r}, which no unit before it writes")
        for tensor, stream in zip(node.inputs, node.unit.inputs(), strict=True):
            written = known[tensor] or stream
            if graph.channels and written != stream:  # lanes may differ until the graph is wired
                raise InputError(f"unit {node.name!r} reads {tensor!r} as {stream}, which is written as {written}")
        for tensor, stream in zip(node.outputs, node.unit.outputs(), strict=True):
            if stream.freq < 1 or stream.freq * stream.channels > MAX_PIXELS:
                raise InputError(f"unit {node.name!r}: {stream.freq} x {stream.channels} elements a frame")
            known[tensor] = stream
    if OUTPUT not in known:
        raise InputError(f"the unit graph has no tensor {OUTPUT!r}")


def _check_channels(graph: UnitGraph) -> None:
    """Depths and latencies that the cycle simulator can work with, and all of them (or none: not yet wired)."""
    tensors = {t for node in graph for t in (*node.all_inputs, *node.outputs)}
    if graph.channels and set(graph.channels) != tensors:
        raise InputError("the channels are not those of the graph's tensors")
    for tensor, channel in graph.channels.items():
        if not 1 <= channel.depth <= MAX_DEPTH or not 1 <= channel.latency <= MAX_LATENCY:
            raise InputError(f"channel {tensor!r}: depth {channel.depth}, latency {channel.latency} out of range")


def unit_of(proto: onnx.NodeProto, arrays: dict[str, np.ndarray]) -> Unit:
    """The unit that an ONNX node describes."""
    kinds = {op_type(kind): cls for kind, cls in registry().items()}
    if proto.domain != DOMAIN or proto.op_type not in kinds:
        raise InputError(f"{proto.domain}.{proto.op_type} is not a unit")
    values = {a.name: _attribute_value(a) for a in proto.attribute if a.name not in NODE_KEYS}
    values |= {t.rpartition(".")[2]: arrays[t] for t in proto.input if t in arrays}
    cls = kinds[proto.op_type]
    flags = {f.name for f in dataclasses.fields(cls) if f.type is bool}  # type: ignore[arg-type]
    return cls(**{name: bool(value) if name in flags else value for name, value in values.items()})


def _narrow(array: np.ndarray) -> np.ndarray:
    """The smallest integer type that holds the values: a design's file should not be eight times its content."""
    for dtype in (np.int8, np.int16, np.int32):
        if array.size == 0 or (array.min() >= np.iinfo(dtype).min and array.max() <= np.iinfo(dtype).max):
            return array.astype(dtype)
    return array


def _attribute_type(value: Any) -> int | None:
    """Empty tuples need their type said; they are tuples of integers in every unit."""
    return onnx.AttributeProto.INTS if value == () else None


def _attribute_value(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)):
        return tuple(v.decode() if isinstance(v, bytes) else v for v in value)
    return value


class _UnitOp(CustomOp):
    """Runs a unit's golden model under QONNX's executor."""

    def get_nodeattr_types(self) -> dict[str, Any]:
        kinds = {int: "i", str: "s", tuple: "ints"}
        return {a.name: (kinds.get(type(_attribute_value(a)), "strings"), True, None) for a in self.onnx_node.attribute}

    def make_shape_compatible_op(self, model: Any) -> onnx.NodeProto:
        raise NotImplementedError("a unit graph carries its shapes")

    def infer_node_datatype(self, model: Any) -> None:
        for name in self.onnx_node.output:
            model.set_tensor_datatype(name, DataType["INT32"])

    def execute_node(self, context: dict[str, np.ndarray], graph: onnx.GraphProto) -> None:
        arrays = {t.name: numpy_helper.to_array(t).astype(np.int64) for t in graph.initializer}
        length = next(_attribute_value(a) for a in self.onnx_node.attribute if a.name == "length")
        inputs = [context[t].astype(np.int64) for t in self.onnx_node.input if t not in arrays and t != length]
        results = unit_of(self.onnx_node, arrays).golden(*inputs)
        context.update(zip(self.onnx_node.output, results, strict=True))

    def verify_node(self) -> list[str]:
        return []


def register_ops() -> None:
    """Make every unit kind known to QONNX."""
    for kind in registry():
        add_op_to_domain(DOMAIN, type(op_type(kind), (_UnitOp,), {}))


register_ops()
