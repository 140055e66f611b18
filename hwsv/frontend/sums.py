"""Rules of `hwsv.frontend.normalise` for nodes that need integer streams: products, pooling, padding, joining."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from hwsv.custom_ops import DOMAIN
from hwsv.frontend.messages import refuse
from hwsv.frontend.quantisers import attributes, per_output, weights_of
from hwsv.frontend.walk import Result, Scale, Value, Walk

NOT_QUANTISED = "its input is not quantised; put a quantiser (QuantIdentity, QuantReLU) in front of it"
MAX_RATIO = 64
"""Largest integer that a stream is multiplied by to meet the scale of another."""


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
    scale = _product(value.scale, per_output(node, weights.scale, 0))
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
    return Value(walk.integer(out), (), node.output[0], _product(value.scale, per_output(node, weights.scale, 1)))


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
        refuse(node, f"auto_pad {options['auto_pad']!a} is not supported; give explicit pads")
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
    return Value(walk.integer(out), (), node.output[0], _product(value.scale, np.full((), 1 / taps, np.float32)))


def pad(walk: Walk, node: onnx.NodeProto) -> Result:
    """Constant padding of time and frequency by a multiple of the scale."""
    value = _map(node, _integer_input(walk, node))
    options = attributes(node, mode="constant")
    pads = walk.parameter(node.input[1]).reshape(-1)
    outside = len(pads) != 8 or pads[[0, 1, 4, 5]].any() or (pads < 0).any()
    if options["mode"] != "constant" or outside or len(node.input) > 3:
        refuse(node, "only constant padding of time and frequency is supported")
    if pads.max() > 6:
        refuse(node, f"padding by {int(pads.max())} is not supported; pad by less than the kernel that follows")
    fill = float(walk.parameter(node.input[2]).reshape(())) if len(node.input) > 2 and node.input[2] else 0.0
    assert value.scale is not None
    steps = fill / float(value.scale)
    if abs(steps - round(steps)) > 1e-6 * max(1.0, abs(steps)):
        refuse(node, f"the padding value {fill:g} is not a multiple of its input's step {float(value.scale):g}")
    names = [walk.constant(pads.astype(np.int64), "pads"), walk.constant(np.full((), round(steps), np.float32), "fill")]
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
    name = value.name if factor == 1 else times(walk, value.name, factor)
    out = walk.emit("StatsPool", [name], "int", domain=DOMAIN, **(options | {"scale": 1.0}))
    return Value(walk.integer(out), (), node.output[0], np.ones((), np.float32), quantised=True)


def _map(node: onnx.NodeProto, value: Value) -> Value:
    """A value that must be a map [1, C, T, F]."""
    if len(value.shape) != 4 or value.flat:
        refuse(node, "its input must have the shape [1, C, T, F]")
    return value


def times(walk: Walk, name: str, factor: int) -> str:
    """An integer tensor times a constant integer."""
    return walk.integer(walk.emit("Mul", [name, walk.constant(np.full((), factor, np.float32), "factor")], "multiple"))
