"""How each operator is rewritten by `hwsv.frontend.normalise`: one handler a kind of node.

A handler returns the `Value` of the node's output, or `Weights`/an array for a node with constant inputs only.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from qonnx.custom_op.general.quant import max_int, min_int, quant, resolve_rounding_mode

from hwsv import datatypes
from hwsv.custom_ops import DOMAIN
from hwsv.errors import InputError
from hwsv.frontend.messages import refuse
from hwsv.frontend.normalise import NOT_QUANTISED, Scale, Value, Walk, Weights, broadcast, channel_vector

Result = Value | Weights | NDArray[Any]
QONNX = "qonnx.custom_op.general"
MAX_WEIGHT_BITS = 8
MAX_ACTIVATION_BITS = 16
MAX_RATIO = 64
"""Largest integer that a stream is multiplied by to meet the scale of another."""


def attributes(node: onnx.NodeProto, **defaults: Any) -> dict[str, Any]:
    """The node's attributes with these defaults; text as str."""
    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return defaults | {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in found.items()}


# -- quantisers -----------------------------------------------------------------------------------------------------


def quantiser(walk: Walk, node: onnx.NodeProto) -> Result:
    """Quant: x / s, a quantiser of scale 1, and s as the scale of the result."""
    if len(node.input) != 4:
        refuse(node, "a Quant node needs input, scale, zero point and bit width")
    scale, zero, width = (walk.parameter(name) for name in node.input[1:])
    options = attributes(node, signed=1, narrow=0, rounding_mode="ROUND")
    _check_scale(node, scale)
    if width.size != 1 or not float(width.reshape(())).is_integer() or not 1 <= float(width.reshape(())) <= 32:
        refuse(node, "its bit width is not one integer from 1 to 32")
    if not np.array_equal(np.rint(zero), zero):
        refuse(node, "its zero point is not an integer")
    try:
        resolve_rounding_mode(options["rounding_mode"])
    except ValueError:
        refuse(node, f"rounding mode {ascii(options['rounding_mode'])} is not known")
    bits = int(width.reshape(()))
    width = np.float32(bits).reshape(())
    if node.input[0] not in walk.values:
        steps = walk.parameter(node.input[0]) / scale
        integers = quant(steps, np.float32(1), zero, width, options["signed"], options["narrow"], options["rounding_mode"])
        return _weights(node, integers, scale)
    if bits > MAX_ACTIVATION_BITS:
        refuse(node, f"quantises to {bits} bits; activations may have 1 to {MAX_ACTIVATION_BITS}")
    value, vector = _scaled_down(walk, node, scale)
    inputs = [value.name, *(walk.constant(np.asarray(a, np.float32)) for a in (np.float32(1), zero, width))]
    out = walk.emit("Quant", inputs, domain=QONNX, **options)
    if bits == 1 and options["signed"]:
        dtype = datatypes.BIPOLAR  # QONNX defines a signed 1-bit quantiser as the sign
    else:
        low, high = (int(f(options["signed"], options["narrow"], bits)) for f in (min_int, max_int))
        dtype = datatypes.smallest(int(low - zero.max()), int(high - zero.min()))
    return replace(value, name=walk.integer(out, dtype), raw=node.output[0], scale=vector, quantised=True)


def bipolar_quantiser(walk: Walk, node: onnx.NodeProto) -> Result:
    """BipolarQuant: the sign (+1 for both zeros) of scale 1, and the scale. A positive scale does not change signs."""
    if len(node.input) != 2:
        refuse(node, "a BipolarQuant node needs input and scale")
    scale = walk.parameter(node.input[1])
    _check_scale(node, scale)
    if node.input[0] not in walk.values:
        return _weights(node, np.where(walk.parameter(node.input[0]) >= 0, 1, -1), scale)
    value = walk.to_float(walk.values[node.input[0]])
    vector = channel_vector(node, scale, len(value.flat_shape), "scale")
    if value.flat and vector.ndim:
        refuse(node, "a scale for each element after a Flatten is not supported; use one scale")
    out = walk.emit("BipolarQuant", [value.name, walk.constant(np.ones((), np.float32))], domain=QONNX)
    return replace(value, name=walk.integer(out, datatypes.BIPOLAR), raw=node.output[0], scale=vector, quantised=True)


def _scaled_down(walk: Walk, node: onnx.NodeProto, scale: NDArray[Any]) -> tuple[Value, Scale]:
    """(input / scale in float, scale as a vector)."""
    value = walk.to_float(walk.values[node.input[0]])
    vector = channel_vector(node, scale, len(value.flat_shape), "scale")
    if value.flat and vector.ndim:
        refuse(node, "a scale for each element after a Flatten is not supported; use one scale")
    if np.all(vector == 1):
        return value, vector
    divisor = walk.constant(broadcast(vector, len(value.shape)), "scale")
    return replace(value, name=walk.emit("Div", [value.name, divisor], "steps")), vector


def _check_scale(node: onnx.NodeProto, scale: NDArray[Any]) -> None:
    if scale.size == 0 or not (np.isfinite(scale).all() and (scale > 0).all()):
        refuse(node, "its scale is not positive and finite")


def _weights(node: onnx.NodeProto, integers: NDArray[Any], scale: NDArray[Any]) -> Weights:
    try:
        full = np.broadcast_to(scale, integers.shape).astype(np.float32)
    except ValueError:
        refuse(node, f"its scale of shape {list(scale.shape)} does not fit weights of shape {list(integers.shape)}")
    return Weights(np.rint(integers).astype(np.int64), full)


def weights_of(walk: Walk, node: onnx.NodeProto, name: str) -> Weights:
    """The quantised weights called `name`; constant floats count where they are integers, or plus-minus one value."""
    if name in walk.values:
        refuse(node, "its weights depend on the model's input")
    found = walk.weights.get(name)
    if found is None:
        array = walk.parameter(name)
        magnitude = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True) if array.ndim else array
        if np.array_equal(np.rint(array), array):
            found = Weights(array.astype(np.int64), np.ones(array.shape, np.float32))
        elif array.size and np.array_equal(np.abs(array), np.broadcast_to(magnitude, array.shape)):
            found = _weights(node, np.sign(array), magnitude)
        else:
            refuse(node, "its weights are not quantised; give them a quantiser of 1 to 8 bits")
    low, high = int(found.integers.min(initial=0)), int(found.integers.max(initial=0))
    if low < -(2 ** (MAX_WEIGHT_BITS - 1)) or high >= 2 ** (MAX_WEIGHT_BITS - 1):
        refuse(node, f"its weights reach from {low} to {high}; weights may have 1 to {MAX_WEIGHT_BITS} bits")
    return found


def _per_output(node: onnx.NodeProto, scale: Scale, axis: int) -> Scale:
    """One scale an output channel from the full-shape scale of weights; () where it is the same everywhere."""
    rows = np.moveaxis(scale, axis, 0).reshape(scale.shape[axis], -1)
    if rows.size == 0 or not (rows == rows[:, :1]).all():
        refuse(node, "the scale of its weights varies within an output channel")
    return rows[0, 0].reshape(()) if (rows == rows[0, 0]).all() else rows[:, 0]


# -- sums of products -----------------------------------------------------------------------------------------------


def convolution(walk: Walk, node: onnx.NodeProto) -> Result:
    """Conv of integers by integers; both scales move behind it."""
    value = _integer_input(walk, node, uniform=False)
    weights = weights_of(walk, node, node.input[1])
    if weights.integers.ndim != 4 or len(value.shape) != 4 or value.flat:
        refuse(node, "only two-dimensional convolutions of [1, C, T, F] are supported")
    if len(node.input) > 2:
        refuse(node, "a bias that is not a constant is not supported")
    options = _window(node, list(weights.integers.shape[2:]))
    group = attributes(node, group=1)["group"]
    depthwise_sum = weights.integers.shape[1] == 1 and group == value.shape[1] == weights.integers.shape[0]
    if group != 1 and not (depthwise_sum and (weights.integers == 1).all()):
        refuse(node, f"a convolution of {group} groups is not supported; use group 1 (or sum pooling)")
    if value.scale is None or (value.scale.ndim and group == 1):
        refuse(node, "the scale of its input differs between channels; quantise with one scale")
    scale = _product(value.scale, _per_output(node, weights.scale, 0))
    kernel = walk.constant(weights.integers.astype(np.float32), "weights")
    out = walk.emit("Conv", [value.name, kernel], "int", group=group, **options)
    return Value(walk.integer(out), (), node.output[0], scale)


def product(walk: Walk, node: onnx.NodeProto) -> Result:
    """MatMul [1, n] x [n, m] of integers by integers."""
    if node.input[0] not in walk.values:
        refuse(node, "the weights of a MatMul must be its second input")
    value = walk.unflatten(_integer_input(walk, node))
    weights = weights_of(walk, node, node.input[1])
    if weights.integers.ndim != 2 or len(value.shape) != 2:
        refuse(node, "only [1, n] times [n, m] is supported; put a Flatten in front of a Linear")
    matrix = walk.constant(weights.integers.astype(np.float32), "weights")
    out = walk.emit("MatMul", [value.name, matrix], "int")
    assert value.scale is not None
    return Value(walk.integer(out), (), node.output[0], _product(value.scale, _per_output(node, weights.scale, 1)))


def _product(a: Scale, b: Scale) -> Scale:
    return np.asarray(a.astype(np.float64) * b.astype(np.float64)).astype(np.float32)


def _integer_input(walk: Walk, node: onnx.NodeProto, uniform: bool = True) -> Value:
    if node.input[0] not in walk.values:
        refuse(node, "its input is constant")
    value = walk.values[node.input[0]]
    if value.scale is None:
        refuse(node, NOT_QUANTISED)
    if uniform and value.scale.ndim:
        refuse(node, "the scale of its input differs between channels; quantise with one scale")
    return value


def _window(node: onnx.NodeProto, kernel: list[int] | None = None) -> dict[str, Any]:
    """Checked window attributes of Conv and pooling, complete."""
    options = attributes(node, strides=[1, 1], pads=[0, 0, 0, 0], dilations=[1, 1], auto_pad="NOTSET", ceil_mode=0)
    kernel = list(options.get("kernel_shape", kernel or []))
    if options["auto_pad"] not in ("NOTSET", "VALID"):
        refuse(node, f"auto_pad {ascii(options['auto_pad'])} is not supported; give explicit pads")
    if options["ceil_mode"]:
        refuse(node, "ceil_mode is not supported; pad explicitly")
    names = f"kernel {'x'.join(map(str, kernel))}"
    if any(d != 1 for d in options["dilations"]):
        refuse(node, f"{names} with dilation {max(options['dilations'])} is not supported; use dilation 1")
    if len(kernel) != 2 or not all(1 <= k <= 7 for k in kernel):
        refuse(node, f"{names} is not supported; use two-dimensional kernels of 1 to 7")
    strides, pads = list(options["strides"]), list(options["pads"])
    if len(strides) != 2 or len(pads) != 4 or not all(1 <= s <= 64 for s in strides):
        refuse(node, f"strides {strides} with pads {pads} are not supported")
    if not all(0 <= p < kernel[axis % 2] for axis, p in enumerate(pads)):
        refuse(node, f"{names} with pads {pads} is not supported; pad by less than the kernel")
    return {"kernel_shape": kernel, "strides": strides, "pads": pads}


# -- streams of integers --------------------------------------------------------------------------------------------


def max_pool(walk: Walk, node: onnx.NodeProto) -> Result:
    value = _integer_input(walk, node, uniform=False)
    out = walk.emit("MaxPool", [value.name], "int", **_window(node))
    return replace(_map(node, value), name=walk.integer(out, walk.annotations[value.name]), raw=node.output[0])


def average_pool(walk: Walk, node: onnx.NodeProto) -> Result:
    """The integer sum (a depthwise convolution by ones, exact in float32), and scale / taps."""
    value = _map(node, _integer_input(walk, node, uniform=False))
    options = _window(node)
    if any(options["pads"]) and not attributes(node, count_include_pad=0)["count_include_pad"]:
        refuse(node, "padding that does not count (count_include_pad=0) is not supported; pad explicitly")
    channels, taps = value.shape[1], int(np.prod(options["kernel_shape"]))
    ones = walk.constant(np.ones((channels, 1, *options["kernel_shape"]), np.float32), "ones")
    out = walk.emit("Conv", [value.name, ones], "sum", group=channels, **options)
    assert value.scale is not None
    return Value(walk.integer(out), (), node.output[0], _product(value.scale, np.float32(1 / taps).reshape(())))


def pad(walk: Walk, node: onnx.NodeProto) -> Result:
    """Constant padding of time and frequency by a multiple of the scale."""
    value = _map(node, _integer_input(walk, node))
    options = attributes(node, mode="constant")
    pads = walk.parameter(node.input[1]).reshape(-1) if len(node.input) > 1 else np.array([-1])
    if options["mode"] != "constant" or len(pads) != 8 or pads[[0, 1, 4, 5]].any() or not (0 <= pads).all() or len(node.input) > 3:
        refuse(node, "only constant padding of time and frequency is supported")
    if pads.max() > 6:
        refuse(node, f"padding by {int(pads.max())} is not supported; pad by less than the kernel that follows")
    fill = float(walk.parameter(node.input[2]).reshape(())) if len(node.input) > 2 and node.input[2] else 0.0
    assert value.scale is not None
    steps = fill / float(value.scale)
    if abs(steps - round(steps)) > 1e-6 * max(1.0, abs(steps)):
        refuse(node, f"the padding value {fill:g} is not a multiple of its input's step {float(value.scale):g}")
    names = [walk.constant(pads.astype(np.int64), "pads"), walk.constant(np.float32(round(steps)).reshape(()), "fill")]
    out = walk.emit("Pad", [value.name, *names], "int", mode="constant")
    return replace(value, name=walk.integer(out), raw=node.output[0], quantised=False)


def concat(walk: Walk, node: onnx.NodeProto) -> Result:
    """Channels one after the other; the scale may become one a channel."""
    values = [walk.values[name] for name in node.input if name in walk.values]
    axis = attributes(node, axis=None)["axis"]
    if not values:
        return np.concatenate([walk.parameter(name) for name in node.input], axis=axis)
    values = [_map(node, walk.unflatten(v)) if len(v.shape) == 4 and not v.flat else walk.unflatten(v) for v in values]
    rank = len(values[0].shape)
    if len(values) != len(node.input) or axis not in (1, 1 - rank) or any(len(v.shape) != rank for v in values):
        refuse(node, "only streams are concatenated, along the channels (axis 1)")
    scales = [v.scale for v in values if v.scale is not None]
    if len(scales) != len(values):
        refuse(node, NOT_QUANTISED)
    same = all(s.ndim == 0 and s == scales[0] for s in scales)
    full = np.concatenate([np.broadcast_to(s, v.shape[1]) for s, v in zip(scales, values, strict=True)])
    out = walk.emit("Concat", [v.name for v in values], "int", axis=1)
    quantised = same and all(v.quantised for v in values)
    return Value(walk.integer(out), (), node.output[0], scales[0] if same else full, quantised=quantised)


def stats_pool(walk: Walk, node: onnx.NodeProto) -> Result:
    """hwsv.StatsPool on the stream's own integers: its scale becomes 1."""
    value = _map(node, _integer_input(walk, node))
    options = attributes(node)
    ratio = float(value.scale if value.scale is not None else 1) / options.get("scale", 1.0)
    factor = round(ratio)
    if not 1 <= factor <= MAX_RATIO or abs(ratio - factor) > 1e-6 * ratio:
        refuse(node, "its scale does not divide the step of the stream that it pools")
    name = value.name if factor == 1 else _times(walk, value.name, factor)
    out = walk.emit("StatsPool", [name], "int", domain=DOMAIN, **(options | {"scale": 1.0}))
    return Value(walk.integer(out), (), node.output[0], np.ones((), np.float32), quantised=True)


def _times(walk: Walk, name: str, factor: int) -> str:
    """An integer tensor times a constant integer."""
    return walk.integer(walk.emit("Mul", [name, walk.constant(np.float32(factor).reshape(()), "factor")], "multiple"))


def _map(node: onnx.NodeProto, value: Value) -> Value:
    """A value that must be a map [1, C, T, F]."""
    if len(value.shape) != 4 or value.flat:
        refuse(node, "its input must have the shape [1, C, T, F]")
    return value


# -- layout ---------------------------------------------------------------------------------------------------------


def layout(walk: Walk, node: onnx.NodeProto) -> Result:
    """Flatten and what amounts to it. The new model flattens as late as possible, so that T may stay open."""
    if node.input[0] not in walk.values:
        return _constant_layout(walk, node)
    value = walk.values[node.input[0]]
    shape = value.flat_shape
    feeds = {name: walk.constants[name] for name in node.input[1:] if name in walk.constants}
    out = walk.executor.run_node(node, feeds | {node.input[0]: np.arange(np.prod(shape), dtype=np.float32).reshape(shape)})
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


# -- element-wise ---------------------------------------------------------------------------------------------------


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
        if node.op_type == "Add" and (found := _mid_rise(walk, node, values[0])):
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
                refuse(node, "a parameter for each element after a Flatten is not supported; use one a channel before it")
            inputs.append(walk.constant(broadcast(vector, len(values[0].shape)), "parameter"))
        else:
            inputs.append("")
    out = walk.emit(node.op_type, inputs, **attributes(node))
    return replace(values[0], name=out, raw=node.output[0], scale=None, quantised=False)


def _mid_rise(walk: Walk, node: onnx.NodeProto, value: Value) -> Value | None:
    """A quantiser's result plus an odd number of half steps: the odd integer 2q + k with half the scale."""
    constant = next(walk.parameter(name) for name in node.input if name not in walk.values)
    if not value.quantised or constant.size != 1 or value.scale is None or value.scale.ndim:
        return None
    halves = 2 * float(constant.reshape(())) / float(value.scale)
    if halves != round(halves) or abs(halves) > MAX_RATIO:
        return None
    double = halves % 2 == 1
    name = _times(walk, value.name, 2) if double else value.name
    step = int(halves) if double else int(halves) // 2
    out = walk.integer(walk.emit("Add", [name, walk.constant(np.float32(step).reshape(()), "step")], "int"))
    scale = np.asarray(value.scale / np.float32(2 if double else 1))
    return replace(value, name=out, raw=node.output[0], scale=scale)


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
        v.name if factor == 1 else _times(walk, v.name, factor)
        for v, factor in ((a, ratio.numerator), (b, ratio.denominator))
    ]
    out = walk.integer(walk.emit(node.op_type, names, "int"))
    scale = np.asarray(a.scale / np.float32(ratio.numerator)).astype(np.float32)
    return replace(a, name=out, raw=node.output[0], scale=scale, quantised=False)


def unexpected(walk: Walk, node: onnx.NodeProto) -> Result:
    raise InputError(f"{node.op_type} survived the clean-up")


HANDLERS: dict[str, Callable[[Walk, onnx.NodeProto], Result]] = {
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
    **dict.fromkeys(("Cast", "Constant", "Gather", "Shape", "Slice"), constant_only),
    **dict.fromkeys(("Gemm", "BatchNormalization"), unexpected),
}
