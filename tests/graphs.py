"""Hand-made unit graphs with random weights, in the shape of the networks that the front-end makes."""

import numpy as np

from hwsv.datatypes import smallest
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.concat import Concat
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.requantise import Requantise
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.stats_pool import StatsPool
from hwsv.units.threshold import Threshold

RESIDUAL = "INT7"
"""Odd integers -63 … 63: the residual stream."""


class Builder:
    """Grows a residual 1-bit network unit by unit; `tensor`, `freq` and `channels` are where it has got to."""

    def __init__(self, freq: int, seed: int = 0) -> None:
        self.graph = UnitGraph("handmade")
        self.rng = np.random.default_rng(seed)
        self.tensor, self.freq, self.channels, self.dtype = INPUT, freq, 1, "INT8"

    def add(self, name: str, unit, *inputs: str) -> str:
        self.graph.nodes.append(Node(name, unit, inputs, (f"{name}_out",)))
        return f"{name}_out"

    def convolution(self, name: str, tensor: str, out: int, stride: int, dtype: str, weight: str) -> str:
        """3x3, padded by marks: window + mvtu."""
        window = SlidingWindow(self.freq, self.channels, dtype, (3, 3), (stride, stride), (1, 1, 1, 1))
        shape = (out, 9 * self.channels)
        weights = (self.rng.choice([-1, 1], shape) if weight == "BIPOLAR" else self.rng.integers(-7, 8, shape)).astype(
            np.int64
        )
        bound = int(np.abs(weights).sum(axis=1).max()) * (1 if dtype == "BIPOLAR" else 128)
        mvtu = Mvtu(
            window.out_freq, 9 * self.channels, self.channels, weights, dtype, weight, smallest(-bound, bound), True
        )  # fmt: skip
        return self.add(f"{name}_mvtu", mvtu, self.add(f"{name}_window", window, tensor))

    def requantise(self, name: str, tensor: str, freq: int, channels: int, in_dtype: str, odd: bool) -> str:
        mult = self.rng.integers(20, 60, (channels, 1))
        bias = self.rng.integers(-500, 500, (channels, 1))
        low, high, step, offset = (-32, 31, 2, 1) if odd else (-16, 15, 2, 0)
        dtype = RESIDUAL if odd else "INT6"
        unit = Requantise(
            freq, channels, in_dtype, dtype, mult, bias, np.zeros(channels, np.int64), 8, low, high, step, offset
        )  # fmt: skip
        return self.add(name, unit, tensor)

    def stem(self, channels: int) -> None:
        acc = self.convolution("stem", self.tensor, channels, 2, "INT8", "INT4")
        in_dtype = self.graph.nodes[-1].unit.acc_dtype
        self.freq, self.channels = self.graph.nodes[-1].unit.freq, channels
        self.tensor = self.requantise("stem_requantise", acc, self.freq, channels, in_dtype, odd=True)

    def block(self, name: str, out: int, stride: int) -> None:
        """sign -> binary conv -> requantise, plus the (down-sampled, duplicated) shortcut, saturated."""
        thresholds = self.rng.integers(-10, 10, (self.channels, 1))
        falling = np.zeros(self.channels, np.int64)
        sign = Threshold(self.freq, self.channels, RESIDUAL, "BIPOLAR", thresholds, falling, -1, 2)
        acc = self.convolution(name, self.add(f"{name}_sign", sign, self.tensor), out, stride, "BIPOLAR", "BIPOLAR")
        mvtu = self.graph.nodes[-1].unit
        branch = self.requantise(f"{name}_requantise", acc, mvtu.freq, out, mvtu.acc_dtype, odd=False)
        shortcut = self.tensor
        if stride == 2:
            window = SlidingWindow(self.freq, self.channels, RESIDUAL, (2, 2), (2, 2), (0, 0, 1, 1))
            pool = Pool(mvtu.freq, self.channels, 4, "sum", RESIDUAL, "INT9", True)
            pooled = self.add(f"{name}_pool", pool, self.add(f"{name}_pool_window", window, shortcut))
            shared = np.full((1, 1), 1, np.int64)
            quarter = Requantise(
                mvtu.freq, self.channels, "INT9", RESIDUAL, shared, 0 * shared, np.zeros(1, np.int64), 3, -32, 31, 2, 1
            )  # fmt: skip
            shortcut = self.add(f"{name}_quarter", quarter, pooled)
        if out != self.channels:
            concat = Concat(mvtu.freq, (self.channels, self.channels), RESIDUAL)
            shortcut = self.add(f"{name}_concat", concat, shortcut, shortcut)
        unit = Add(mvtu.freq, out, ("INT6", RESIDUAL), RESIDUAL, -63, 63)
        self.freq, self.channels = mvtu.freq, out
        self.tensor = self.add(f"{name}_add", unit, branch, shortcut)

    def head(self, outputs: int) -> UnitGraph:
        levels = np.arange(-7, 8) * 3
        pool = StatsPool(
            self.freq, self.channels, RESIDUAL, "INT5", True, 1, levels, -8, 1, (np.arange(1, 16) * 4) ** 2
        )  # fmt: skip
        pooled = self.add("stats_pool", pool, self.tensor)
        inputs = 2 * self.channels
        weights = self.rng.integers(-7, 8, (outputs, inputs))
        bound = int(np.abs(weights).sum(axis=1).max()) * 16
        unit = Mvtu(1, inputs, inputs, weights, "INT5", "INT4", smallest(-bound, bound), False, 1)
        self.graph.nodes.append(Node("fc_mvtu", unit, (pooled,), (OUTPUT,)))
        return self.graph


def resnet(freq: int = 40, width: int = 16, blocks: tuple[int, ...] = (2, 2, 2, 1), outputs: int = 128, seed: int = 0):
    """A residual network like nano: every binary convolution has a shortcut."""
    builder = Builder(freq, seed)
    builder.stem(width)
    for stage, count in enumerate(blocks):
        for conv in range(2 * count):
            stride = 2 if stage > 0 and conv == 0 else 1
            builder.block(f"s{stage}c{conv}", width * 2**stage, stride)
    return builder.head(outputs)
