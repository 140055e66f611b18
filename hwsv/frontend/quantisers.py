"""Rules of `hwsv.frontend.normalise` for quantisers: of streams and of weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from qonnx.custom_op.general.quant import max_int, min_int, quant, resolve_rounding_mode

from hwsv import datatypes
from hwsv.frontend.messages import refuse
from hwsv.frontend.walk import Result, Scale, Value, Walk, Weights, broadcast, channel_vector

QONNX = "qonnx.custom_op.general"
MAX_WEIGHT_BITS = 8
MAX_ACTIVATION_BITS = 16


def attributes(node: onnx.NodeProto, **defaults: Any) -> dict[str, Any]:
    """The node's attributes with these defaults; text as str."""
    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return defaults | {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in found.items()}


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
        refuse(node, f"rounding mode {options['rounding_mode']!a} is not known")
    bits = int(width.reshape(()))
    width = np.full((), bits, np.float32)
    if node.input[0] not in walk.values:
        steps = walk.parameter(node.input[0]) / scale
        integers = quant(
            steps, np.float32(1), zero, width, options["signed"], options["narrow"], options["rounding_mode"]
        )
        return _weights(node, integers, scale)
    if bits > MAX_ACTIVATION_BITS:
        refuse(node, f"quantises to {bits} bits; activations may have 1 to {MAX_ACTIVATION_BITS}")
    value, vector = _scaled_down(walk, node, scale)
    inputs = [value.name, *(walk.constant(np.asarray(a, np.float32)) for a in (np.float32(1), zero, width))]
    out = walk.emit("Quant", inputs, "int", domain=QONNX, **options)
    if bits == 1 and options["signed"]:
        dtype = datatypes.BIPOLAR  # QONNX defines a signed 1-bit quantiser as the sign
    else:
        low, high = (int(f(options["signed"], options["narrow"], bits)) for f in (min_int, max_int))
        dtype = datatypes.smallest(int(low - zero.max()), int(high - zero.min()))
        if datatypes.bits(dtype) > MAX_ACTIVATION_BITS + 1:
            refuse(node, f"its zero point makes it {dtype}; activations may have 1 to {MAX_ACTIVATION_BITS} bits")
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
    out = walk.emit("BipolarQuant", [value.name, walk.constant(np.ones((), np.float32))], "int", domain=QONNX)
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


def per_output(node: onnx.NodeProto, scale: Scale, axis: int) -> Scale:
    """One scale an output channel from the full-shape scale of weights; () where it is the same everywhere."""
    rows = np.moveaxis(scale, axis, 0).reshape(scale.shape[axis], -1)
    if rows.size == 0 or not (rows == rows[:, :1]).all():
        refuse(node, "the scale of its weights varies within an output channel")
    return rows[0, 0].reshape(()) if (rows == rows[0, 0]).all() else rows[:, 0]
