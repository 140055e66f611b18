"""How each operator is rewritten by `hwsv.frontend.normalise`: one handler a kind of node.

A handler returns the `Value` of the node's output, or `Weights`/an array for a node with constant inputs only.
"""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import onnx

from hwsv.errors import InputError
from hwsv.frontend.load import CONSTANT_ONLY, ELEMENTWISE
from hwsv.frontend.messages import refuse
from hwsv.frontend.quantisers import attributes, bipolar_quantiser, quantiser
from hwsv.frontend.sums import MAX_RATIO, average_pool, concat, convolution, max_pool, pad, product, stats_pool, times
from hwsv.frontend.walk import Handler, Result, Value, Walk, Weights, broadcast, channel_vector


def layout(walk: Walk, node: onnx.NodeProto) -> Result:
    """Flatten and what amounts to it. The new model flattens as late as possible, so that T may stay open."""
    if node.input[0] not in walk.values:
        return _constant_layout(walk, node)
    value = walk.values[node.input[0]]
    shape = value.flat_shape
    feeds = {name: walk.constants[name] for name in node.input[1:] if name in walk.constants}
    out = walk.executor.run_node(
        node, feeds | {node.input[0]: np.arange(np.prod(shape), dtype=np.float32).reshape(shape)}
    )
    result = out[node.output[0]]
    if result.shape == shape and (result.reshape(-1)[1:] > result.reshape(-1)[:-1]).all():
        return replace(value, raw=node.output[0])
    if not value.flat and result.shape == (1, int(np.prod(shape))) and (np.diff(result[0]) > 0).all():
        return replace(value, raw=node.output[0], flat=True)
    refuse(node, f"layout change {list(shape)} to {list(result.shape)} is not supported; only flattening to [1, n] is")


def _constant_layout(walk: Walk, node: onnx.NodeProto) -> Result:
    if node.input[0] not in walk.weights:
        return walk.executor.run_node(node, walk.constants)[node.output[0]]
    found = walk.weights[node.input[0]]
    integers, scale = (
        walk.executor.run_node(node, walk.constants | {node.input[0]: array.astype(np.float32)})[node.output[0]]
        for array in (found.integers, found.scale)
    )
    return Weights(integers.astype(np.int64), scale)


def constant_only(walk: Walk, node: onnx.NodeProto) -> Result:
    if walk.dynamic(node):
        refuse(node, f"{node.op_type} of something that depends on the input is not supported")
    return walk.executor.run_node(node, walk.constants)[node.output[0]]


def elementwise(walk: Walk, node: onnx.NodeProto) -> Result:
    """Float arithmetic on the scaled values, but for sums of streams and a few nodes that keep integers integers."""
    values = walk.dynamic(node)
    if not values:
        return walk.executor.run_node(node, {n: walk.parameter(n) for n in node.input if n})[node.output[0]]
    integers = all(v.scale is not None for v in values)
    if node.op_type in ("Add", "Sub") and len(values) == 2 and node.input[0] != node.input[1]:
        if not integers:
            refuse(node, "adds streams of which one is not quantised; quantise both on one scale")
        return _add_streams(walk, node, values)
    if len(values) == 1 and integers:
        if node.op_type in ("Relu", "Identity"):
            out = walk.emit(node.op_type, [values[0].name], "int")
            return replace(values[0], name=walk.integer(out), raw=node.output[0])
        if found := _mid_rise(walk, node, values[0]) or _power_of_two(walk, node, values[0]):
            return found
    return _float_node(walk, node, values)


def _float_node(walk: Walk, node: onnx.NodeProto, values: list[Value]) -> Value:
    flat = any(v.flat for v in values)
    if flat and not all(v.flat for v in values):
        refuse(node, "combines a flattened stream with one that is not")
    rank = len(values[0].flat_shape)
    inputs = []
    for position, name in enumerate(node.input):
        if name in walk.values:
            inputs.append(walk.to_float(walk.values[name]).name)
        elif name:
            prelu = node.op_type == "PRelu" and walk.parameter(name).ndim == 3
            array = walk.parameter(name)[None] if prelu else walk.parameter(name)
            vector = channel_vector(node, array, rank, f"input {position}")
            if flat and vector.ndim and np.prod(values[0].shape[2:]) > 1:
                refuse(
                    node, "a parameter for each element after a Flatten is not supported; use one a channel before it"
                )
            inputs.append(walk.constant(broadcast(vector, len(values[0].shape)), "parameter"))
        else:
            inputs.append("")
    out = walk.emit(node.op_type, inputs, **attributes(node))
    return replace(values[0], name=out, raw=node.output[0], scale=None, quantised=False)


def _mid_rise(walk: Walk, node: onnx.NodeProto, value: Value) -> Value | None:
    """A quantiser's result plus an odd number of half steps: the odd integer 2q + k with half the scale."""
    constant = _constant_operand(walk, node, "Add", "Sub")
    if constant is None or not value.quantised or value.scale is None or value.scale.ndim:
        return None
    halves = 2 * (-constant if node.op_type == "Sub" else constant) / float(value.scale)
    if halves != round(halves) or abs(halves) > MAX_RATIO:
        return None
    double = halves % 2 == 1
    name = times(walk, value.name, 2) if double else value.name
    step = int(halves) if double else int(halves) // 2
    out = walk.integer(walk.emit("Add", [name, walk.constant(np.full((), step, np.float32), "step")], "int"))
    scale = np.asarray(value.scale / np.float32(2 if double else 1))
    return replace(value, name=out, raw=node.output[0], scale=scale)


def _power_of_two(walk: Walk, node: onnx.NodeProto, value: Value) -> Value | None:
    """A product with a power of two is exact: only the scale changes (an average times its taps is a sum)."""
    constant = _constant_operand(walk, node, "Mul", "Div")
    if constant is None or constant <= 0 or math.frexp(constant)[0] != 0.5 or value.scale is None:
        return None
    factor = 1 / constant if node.op_type == "Div" else constant
    return replace(value, raw=node.output[0], scale=np.asarray(value.scale * np.float32(factor)), quantised=False)


def _constant_operand(walk: Walk, node: onnx.NodeProto, commutative: str, other: str) -> float | None:
    """The one number that a stream is combined with, as the second operand where the order matters."""
    if node.op_type not in (commutative, other) or (node.op_type == other and node.input[0] not in walk.values):
        return None
    array = next(walk.parameter(name) for name in node.input if name not in walk.values)
    return float(array.reshape(())) if array.size == 1 else None


def _add_streams(walk: Walk, node: onnx.NodeProto, values: list[Value]) -> Value:
    """The sum of two integer streams, each times a small integer where their scales have a ratio of such."""
    a, b = values
    assert a.scale is not None and b.scale is not None
    if a.shape != b.shape or a.flat != b.flat:
        refuse(node, f"adds streams of shapes {list(a.flat_shape)} and {list(b.flat_shape)}; they must be equal")
    ratios = np.unique(np.asarray(a.scale, np.float64) / np.asarray(b.scale, np.float64))
    ratio = Fraction(float(ratios[0])).limit_denominator(MAX_RATIO)
    if not 0 < ratio <= MAX_RATIO or np.abs(ratios / float(ratio) - 1).max() > 1e-6:
        refuse(
            node,
            f"adds streams whose scales have the ratio {float(ratios[0]):g}; use one shared quantiser for both, "
            f"or scales with a ratio of integers up to {MAX_RATIO}",
        )
    names = [
        v.name if factor == 1 else times(walk, v.name, factor)
        for v, factor in ((a, ratio.numerator), (b, ratio.denominator))
    ]
    out = walk.integer(walk.emit(node.op_type, names, "int"))
    scale = np.asarray(a.scale / np.float32(ratio.numerator)).astype(np.float32)
    return replace(a, name=out, raw=node.output[0], scale=scale, quantised=False)


def unexpected(walk: Walk, node: onnx.NodeProto) -> Result:
    raise InputError(f"{node.op_type} survived the clean-up")


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    "Quant": quantiser,
    "IntQuant": quantiser,
    "BipolarQuant": bipolar_quantiser,
    "Conv": convolution,
    "MatMul": product,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "Pad": pad,
    "Concat": concat,
    "StatsPool": stats_pool,
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Dropout"), layout),
    **dict.fromkeys(CONSTANT_ONLY, constant_only),
    **dict.fromkeys(("Gemm", "BatchNormalization"), unexpected),
}
