"""Unit graphs made by hand, with random weights: a small builder and a network of nano's structure."""

import numpy as np

from hwsv import datatypes
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.base import Unit
from hwsv.units.concat import Concat
from hwsv.units.fork import Fork
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.requantise import Requantise
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.stats_pool import StatsPool
from hwsv.units.threshold import Threshold

ACC = "INT24"
RESIDUAL = "INT8"


class Builder:
    """Appends units one after the other; every method returns the name of the tensor that it made."""

    def __init__(self, seed: int) -> None:
        self.graph = UnitGraph("hand_made")
        self.rng = np.random.default_rng(seed)

    def add(self, unit: Unit, *inputs: str, out: str = "") -> str:
        name = f"u{len(self.graph.nodes)}_{unit.kind}"
        outputs = [f"{name}_{i}" for i in range(len(unit.outputs()))]
        if out:
            outputs[0] = out
        self.graph.nodes.append(Node(name, unit, inputs, tuple(outputs)))
        return outputs[0]

    def weights(self, outputs: int, inputs: int, dtype: str) -> np.ndarray:
        if dtype == datatypes.BIPOLAR:
            return self.rng.choice([-1, 1], (outputs, inputs))
        low, high = datatypes.limits(dtype)
        return self.rng.integers(low, high + 1, (outputs, inputs))

    def conv(self, x, freq, channels, outputs, kernel=3, stride=1, dtype="BIPOLAR", weight_dtype="BIPOLAR"):  # type: ignore[no-untyped-def]
        pad = kernel // 2
        pads = (pad, pad, pad, pad)
        window = SlidingWindow(freq, channels, dtype, (kernel, kernel), (stride, stride), pads)
        taps = kernel * kernel
        weights = self.weights(outputs, taps * channels, weight_dtype)
        unit = Mvtu(window.out_freq, taps * channels, channels, weights, dtype, weight_dtype, ACC, window.marks)
        return self.add(unit, self.add(window, x)), window.out_freq

    def requantise(self, x, freq, channels, gain, in_dtype=ACC, pieces=2):  # type: ignore[no-untyped-def]
        mult = np.sort(self.rng.integers(1, 2 * gain, (channels, pieces)), axis=1)
        bias = self.rng.integers(-(2**12), 2**12, (channels, pieces))
        split = self.rng.integers(-20, 20, channels) * (pieces - 1)
        return self.add(Requantise(freq, channels, in_dtype, RESIDUAL, mult, bias, split, 8, -32, 31, 2, 1), x)

    def sign(self, x, freq, channels, dtype=RESIDUAL):  # type: ignore[no-untyped-def]
        thresholds = self.rng.integers(-8, 9, (channels, 1))
        falling = self.rng.integers(0, 2, channels)
        return self.add(Threshold(freq, channels, dtype, "BIPOLAR", thresholds, falling, -1, 2), x)


def nano_like(seed: int = 0, c: int = 16, blocks: tuple[int, ...] = (2, 2, 2, 1), freq: int = 40) -> UnitGraph:
    """Stem, residual blocks of binary convolutions with pooled shortcuts, statistics pooling, a 4-bit layer."""
    b = Builder(seed)
    r, freq = b.conv(INPUT, freq, 1, c, stride=2, dtype="INT8", weight_dtype="INT8")
    r = b.requantise(r, freq, c, 8, pieces=1)
    for stage, count in enumerate(blocks):
        for i in range(2 * count):
            inputs, outputs = c * 2 ** max(0, stage - (i == 0)), c * 2**stage
            stride = 2 if stage and i == 0 else 1
            left, right = r, r
            if i % 2:  # wired and unwired edges alike
                left = b.add(Fork(freq, inputs, RESIDUAL), r)
                right = f"{left[:-1]}1"
            y, out_freq = b.conv(b.sign(left, freq, inputs), freq, inputs, outputs, stride=stride)
            y = b.requantise(y, out_freq, outputs, 100)
            if stride == 2:
                pads = (0, 0, 1, freq % 2)
                window = SlidingWindow(freq, inputs, RESIDUAL, (2, 2), (2, 2), pads)
                pooled = Pool(out_freq, inputs, 4, "sum", RESIDUAL, "INT12", window.marks)
                right = b.add(pooled, b.add(window, right))
                right = b.requantise(right, out_freq, inputs, 64, "INT12", 1)
            if inputs != outputs:
                right = b.add(Concat(out_freq, (inputs, inputs), RESIDUAL), right, right)
            r = b.add(Add(out_freq, outputs, (RESIDUAL, RESIDUAL), RESIDUAL, -63, 63), right, y)
            freq = out_freq
    outputs = c * 2 ** (len(blocks) - 1)
    mean, dev = np.arange(-15, 15) * 4 + 1, np.arange(15) ** 2 * 4 + 1
    pooled = b.add(StatsPool(freq, outputs, RESIDUAL, "INT5", True, 2, mean, -15, 1, dev), r)
    weights = b.weights(128, 2 * outputs, "INT4")
    b.add(Mvtu(1, 2 * outputs, 2 * outputs, weights, "INT5", "INT4", ACC), pooled, out=OUTPUT)
    return b.graph
