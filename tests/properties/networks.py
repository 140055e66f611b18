"""Random networks as QONNX files, the way Brevitas exports them, and random legal foldings of their units."""

import dataclasses
from random import Random
from typing import Any

import onnx
from hypothesis import strategies as st

from hwsv.folding import candidates
from hwsv.graph import UnitGraph
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from tests.frontend.handmade import Net

SCALES = (0.125, 0.25, 0.3, 0.5, 0.7, 1.0)
ROUNDINGS = ("ROUND", "ROUND", "FLOOR", "CEIL", "HALF_UP")


@dataclasses.dataclass
class Map:
    """A stream of integers inside the network: tensor, channels, frames, frequencies; `scale` of its quantiser."""

    tensor: str
    channels: int
    frames: int
    freq: int
    scale: float
    bipolar: bool


class Builder:
    """Draws a network layer by layer; `draw` as hypothesis gives it."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.inputs, self.frames, self.freq = self.number(1, 3), self.number(5, 14), self.number(3, 9)
        seed = self.number(0, 2**16)
        self.net = Net(1, self.inputs, self.frames, self.freq, seed=seed)

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def one(self, options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def quantise(self, tensor: str, like: Map, roundings: tuple[str, ...] = ROUNDINGS) -> Map:
        """A sign, or a few-bit quantiser."""
        scale = self.one(SCALES)
        bipolar = self.number(0, 2) == 0
        if bipolar:
            made = self.net.sign(tensor, scale)
        else:
            bits, signed, rounding = self.number(2, 5), self.number(0, 1), self.one(roundings)
            made = self.net.quant(tensor, scale, bits, rounding, signed=signed)
        return dataclasses.replace(like, tensor=made, scale=scale, bipolar=bipolar)

    def activate(self, tensor: str, channels: int) -> str:
        """An affine and perhaps a non-linear function a channel."""
        if self.number(0, 3):
            tensor = self.net.affine(tensor, channels)
        kind = self.one(("none", "none", "Relu", "LeakyRelu", "PRelu"))
        if kind == "LeakyRelu":
            return self.net.node(kind, [tensor], alpha=0.2)
        if kind == "PRelu":
            return self.net.node(kind, [tensor, self.net.constant(self.net.rng.uniform(-1, 1, (channels, 1, 1)))])
        return tensor if kind == "none" else self.net.node(kind, [tensor])

    def convolve(self, x: Map, same: bool = False) -> Map:
        """A convolution; `same`: with the output as large and as deep as the input."""
        kernel = [
            self.one([k for k in (1, 2, 3, 5, 7) if k <= n + 2 and (k % 2 or not same)]) for n in (x.frames, x.freq)
        ]
        if same:
            pads, strides, out = [k // 2 for k in kernel] * 2, [1, 1], x.channels
        else:
            pads = [min(self.number(0, 2), k - 1) for k in kernel * 2]
            strides, out = [self.number(1, 2), self.number(1, 2)], self.number(1, 8)
            for axis, n in enumerate((x.frames, x.freq)):  # the kernel must fit
                if n + pads[axis] + pads[axis + 2] < kernel[axis]:
                    pads[axis] = pads[axis + 2] = kernel[axis] - 1
        bits = self.one((1, 1, 1, 2, 4, 8))
        weights = self.net.weights(out, x.channels, *kernel, scale=self.one(SCALES), bits=bits)
        made = self.net.node("Conv", [x.tensor, weights], kernel_shape=kernel, pads=pads, strides=strides)
        sizes = [
            (n + pads[a] + pads[a + 2] - kernel[a]) // strides[a] + 1 for a, n in enumerate((x.frames, x.freq))
        ]  # fmt: skip
        return Map(made, out, *sizes, 0.0, False)

    def layer(self, x: Map) -> Map:
        """Convolution, function, quantiser."""
        y = self.convolve(x)
        return self.quantise(self.activate(y.tensor, y.channels), y)

    def residual(self, x: Map) -> Map:
        """x + quantised branch of the same size, requantised."""
        y = self.convolve(x, same=True)
        ratio = self.one((1, 1, 2, 0.5))
        branch = self.net.quant(self.activate(y.tensor, y.channels), x.scale * ratio, self.number(2, 5))
        total = self.net.node(self.one(("Add", "Add", "Sub")), [x.tensor, branch])
        return self.quantise(total, y)

    def concatenate(self, x: Map) -> Map:
        """The stream twice, one behind the other."""
        made = self.net.node("Concat", [x.tensor, x.tensor], axis=1)
        return dataclasses.replace(x, tensor=made, channels=2 * x.channels)

    def pool(self, x: Map) -> Map:
        """Maximum, or average behind which comes a quantiser."""
        kernel = [min(2, x.frames), min(self.number(1, 3), x.freq)]
        strides = [self.number(1, 2), self.number(1, 2)]
        kind = self.one(("MaxPool", "AveragePool"))
        made = self.net.node(kind, [x.tensor], kernel_shape=kernel, strides=strides)
        sizes = [(n - k) // s + 1 for n, k, s in zip((x.frames, x.freq), kernel, strides, strict=True)]
        y = Map(made, x.channels, *sizes, x.scale, x.bipolar)
        return y if kind == "MaxPool" else self.quantise(made, y)

    def head(self, x: Map) -> str:
        """A last convolution, or a Linear on all elements, or statistics pooling and a Linear."""
        kind = self.one(("conv", "flatten", "stats"))
        if kind == "conv":
            return self.convolve(x).tensor
        elements = x.channels * x.frames * x.freq
        if kind == "stats":
            over = self.one(("time", "time_freq"))
            pooled = self.net.node(
                "StatsPool", [x.tensor], domain="hwsv", over=over, scale=x.scale, mean_mult=2, mean_offset=-2,
                mean_thresholds=[-5, -1, 3, 7], dev_mult=4, dev_thresholds=[1, 9, 40],
            )  # fmt: skip
            self.shapes = [(x.tensor, [1, x.channels, x.frames, x.freq])]
            x, elements = dataclasses.replace(x, tensor=pooled), 2 * x.channels * (x.freq if over == "time" else 1)
        flat = self.net.node("Flatten", [x.tensor], axis=1)
        weights = self.net.weights(elements, self.number(1, 6), scale=self.one(SCALES), bits=self.one((1, 2, 4)))
        return self.net.node("MatMul", [flat, weights])

    def model(self) -> onnx.ModelProto:
        self.shapes: list[tuple[str, list[int]]] = []
        entry = Map("x", self.inputs, self.frames, self.freq, 0.0, False)
        # at the input, scale * q must round to q for every q: only rounding to the nearest does so for any scale
        x = self.layer(self.quantise("x", entry, ("ROUND",)))
        for _ in range(self.number(0, 3)):
            x = self.one((self.layer, self.layer, self.residual, self.concatenate, self.pool))(x)
        model = self.net.model(self.head(x))
        model.graph.value_info.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in self.shapes
        )
        return model


@st.composite
def models(draw: Any) -> onnx.ModelProto:
    """A network of one to four layers and a head."""
    return Builder(draw).model()


def random_folding(graph: UnitGraph, random: Random) -> dict[str, dict[str, int]]:
    """A folding file's content: a legal folding of every unit that can be given one."""
    found = {}
    for node in graph:
        if not isinstance(node.unit, SlidingWindow):
            unit = random.choice(candidates(node.unit))
            names = ("pe", "simd") if isinstance(unit, Mvtu) else ("lanes",)
            found[node.name] = {name: getattr(unit, name) for name in names}
    return found
