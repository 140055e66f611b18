"""From a normalised model to the unit graph: the units that sum, pool, join and window."""

import dataclasses

import numpy as np
import onnx

from hwsv import datatypes
from hwsv.errors import InputError
from hwsv.frontend import reach as reaches
from hwsv.frontend.messages import label, refuse
from hwsv.frontend.reach import Reach
from hwsv.frontend.signals import Signal, Signals, is_sum, marks
from hwsv.frontend.structure import Operand, windows
from hwsv.units.add import Add
from hwsv.units.base import Unit
from hwsv.units.concat import Concat
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.stats_pool import StatsPool

EXACT_FLOAT = 2**24
"""Sums of integers below this are exact in float32, in any order."""


class Converter(Signals):
    """Builds `graph` from a normalised model with `run`.

    references: MVTU -> float32 or int64; exact: normalised tensors whose sums need float64; frames_fixed: the only T
    that the network takes, where it does.
    """

    def __init__(self, model: onnx.ModelProto, frames: int, dtype: str) -> None:
        super().__init__(model, frames, dtype)
        self.references: dict[str, str] = {}
        self.exact: list[str] = []
        self.frames_fixed = 1 if self.signals[self.structure.entry].rank == 2 else None
        self.counts: dict[str, int] = {}

    def run(self) -> str:
        """Convert all; returns the normalised tensor that is the unit graph's output."""
        made = {
            "Conv": self._conv, "MatMul": self._linear, "MaxPool": self._max_pool, "Add": self._add, "Sub": self._add,
            "Concat": self._concat, "StatsPool": self._stats_pool,
        }  # fmt: skip
        last = self.structure.slice(self.structure.exit).root
        if last == self.structure.entry:
            raise InputError("the model has no layer between its first quantiser and its output")
        wanted = self._ancestors(last)
        for node in self.structure.nodes:
            if node.output[0] in wanted and self.structure.is_unit(node):
                try:
                    made[node.op_type](node)
                except InputError as error:
                    if str(error).startswith("node "):
                        raise
                    raise InputError(f"{label(node)}: {error}") from error
        self.signal(last)
        self.name_output(self.signals[last].tensor)
        return last

    def _ancestors(self, last: str) -> set[str]:
        found, waiting = set(), [last]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                node = self.structure.producer.get(name)
                waiting.extend(self.structure.dynamic(node) if node is not None else [])
        return found

    def _next(self, kind: str) -> str:
        n = self.counts[kind] = self.counts.get(kind, -1) + 1
        return f"{kind}{n}"

    def _window(self, node: onnx.NodeProto, operand: Operand, name: str) -> tuple[Signal, SlidingWindow | None, bool]:
        """(signal of the windows, the window unit if one is needed, whether taps are padded)."""
        signal = self.signal(operand.name)
        kernel, stride, own = windows(node)
        pads = tuple(a + b for a, b in zip(own, operand.pads, strict=True))
        if any(own) and any(operand.pads) and (operand.fill != 0 or node.op_type == "MaxPool"):
            refuse(node, "padding of its own on top of constant padding is not supported; pad once")
        marked = marks(node, operand)
        unit = SlidingWindow(
            signal.freq, signal.channels, signal.dtype, kernel, stride, pads, NO_VALUE if marked else operand.fill,  # type: ignore[arg-type]
        )  # fmt: skip
        frames = unit.out_frames(signal.frames)
        if frames < 1:
            refuse(node, f"{signal.frames} frames are too short for its kernel")
        trivial = kernel == (1, 1) and stride == (1, 1) and not any(pads)
        if trivial:
            return signal, None, False
        tensor = self.unit(f"{name}_window", unit, (signal.tensor,), [node])
        reach = signal.reach if marked else signal.reach.including(operand.fill)
        out = dataclasses.replace(signal, tensor=tensor, frames=frames, freq=unit.out_freq, reach=reach)
        return out, unit, unit.marks

    def _emit(
        self, node: onnx.NodeProto, name: str, unit: Unit, inputs: tuple[str, ...], like: Signal, reach: Reach
    ) -> None:
        """Add the unit of `node`, and the signal of its output."""
        low, high = reach.ends
        if max(-low, high) >= EXACT_FLOAT and not isinstance(unit, Mvtu):
            refuse(node, f"its sums reach {max(-low, high)}, beyond float32's exact integers")
        tensor = self.unit(name, unit, inputs, [node])
        stream = unit.outputs()[0]
        base = name.split("_")[0] if not isinstance(unit, StatsPool) else "stats_pool"
        self.signals[node.output[0]] = dataclasses.replace(
            like, tensor=tensor, base=base, freq=stream.freq, reach=reach, dtype=stream.dtype,
        )  # fmt: skip

    def _conv(self, node: onnx.NodeProto) -> None:
        (operand,) = self.structure.operands[node.output[0]]
        if is_sum(node):
            return self._sum_pool(node, operand)
        name = self._next("conv")
        windowed, _, padded = self._window(node, operand, name)
        weights = np.rint(self.structure.constants[node.input[1]]).astype(np.int64)  # [O, C, kt, kf]
        matrix = weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
        taps = weights.reshape(*weights.shape[:2], -1)
        self._mvtu(node, name, windowed, matrix, taps, padded, 0)
        return None

    def _linear(self, node: onnx.NodeProto) -> None:
        (operand,) = self.structure.operands[node.output[0]]
        signal = self.signal(operand.name)
        weights = np.rint(self.structure.constants[node.input[1]]).astype(np.int64)  # [n, O], n in order c, t, f
        taps = weights.T.reshape(weights.shape[1], signal.channels, signal.frames * signal.freq)
        matrix = taps.transpose(0, 2, 1).reshape(len(taps), -1)  # t, f, c
        single = signal.frames == 1 and signal.freq == 1
        if signal.timed and operand.flattened:
            self.frames_fixed = self.frames
        self._mvtu(node, self._next("fc"), signal, matrix, taps, False, 0 if single else signal.frames, rank=2)

    def _mvtu(
        self, node: onnx.NodeProto, name: str, signal: Signal, matrix: np.ndarray, taps: np.ndarray, padded: bool,
        flatten: int, rank: int = 4,
    ) -> None:  # fmt: skip
        """weights: `matrix` [O, synapses] as the unit reads them, `taps` [O, C, taps] for the reach."""
        inputs = signal.reach.with_zero() if padded else signal.reach
        reach = reaches.of_product(inputs, taps)
        sums = reaches.partial_sums(inputs, taps)
        low, high = int(matrix.min()), int(matrix.max())
        bipolar = bool((np.abs(matrix) == 1).all())
        channels = signal.channels * (taps.shape[2] if not flatten else 1)
        unit = Mvtu(
            signal.freq, channels, signal.channels, matrix, signal.dtype,
            datatypes.BIPOLAR if bipolar else datatypes.smallest(min(low, -1), high),
            datatypes.smallest(min(sums[0], reach.ends[0]), max(sums[1], reach.ends[1])), padded, flatten,
        )  # fmt: skip
        largest = max(abs(v) for v in inputs.ends) * int(np.abs(matrix).sum(axis=1).max())
        exact = largest < EXACT_FLOAT
        self.references[f"{name}_mvtu"] = "float32" if exact else "int64"
        if not exact:
            self.exact.append(node.output[0])
        frames = 1 if flatten else signal.frames
        like = dataclasses.replace(signal, frames=frames, timed=signal.timed and rank == 4, rank=rank)
        self._emit(node, f"{name}_mvtu", unit, (signal.tensor,), like, reach)

    def _sum_pool(self, node: onnx.NodeProto, operand: Operand) -> None:
        name = self._next("pool")
        source = self.signal(operand.name)
        windowed, window, padded = self._window(node, operand, name)
        if window is None:  # a sum over one tap
            self.signals[node.output[0]] = source
            return
        low, high = datatypes.limits(source.dtype)
        ends = (min(0, low) if padded else low) * window.taps, high * window.taps
        dtype = datatypes.smallest(*ends)
        unit = Pool(windowed.freq, source.channels, window.taps, "sum", source.dtype, dtype, padded)
        inputs = windowed.reach.with_zero() if padded else windowed.reach
        reach = Reach(inputs.low * window.taps, inputs.high * window.taps, inputs.step)
        self._emit(node, name, unit, (windowed.tensor,), windowed, reach)

    def _max_pool(self, node: onnx.NodeProto) -> None:
        (operand,) = self.structure.operands[node.output[0]]
        name = self._next("pool")
        windowed, window, padded = self._window(node, operand, name)
        if window is None:
            self.signals[node.output[0]] = windowed
            return
        channels = self.signal(operand.name).channels
        unit = Pool(windowed.freq, channels, window.taps, "max", windowed.dtype, windowed.dtype, padded)
        self._emit(node, name, unit, (windowed.tensor,), windowed, windowed.reach)

    def _add(self, node: onnx.NodeProto) -> None:
        operands = self.structure.operands[node.output[0]]
        a, b = (self.signal(operand.name) for operand in operands)
        sign = 1 if node.op_type == "Add" else -1
        mult = (operands[0].factor, sign * operands[1].factor)
        reach = reaches.of_sum(a.reach, b.reach, mult)
        dtype = datatypes.smallest(*reach.ends)
        unit = Add(a.freq, a.channels, (a.dtype, b.dtype), dtype, *reach.ends, mult)
        self._emit(node, self._next("add"), unit, (a.tensor, b.tensor), a, reach)

    def _concat(self, node: onnx.NodeProto) -> None:
        operands = self.structure.operands[node.output[0]]
        signals = [self.signal(operand.name) for operand in operands]
        flattened = any(operand.flattened for operand in operands)
        if flattened and any(s.frames * s.freq > 1 for s in signals):
            refuse(node, "flattened maps cannot be concatenated; concatenate the maps, then flatten")
        low, high = zip(*(datatypes.limits(s.dtype) for s in signals), strict=True)
        same = len({s.dtype for s in signals}) == 1
        dtype = signals[0].dtype if same else datatypes.smallest(min(low), max(high))
        tensors = tuple(self.retyped(signal, dtype, node) for signal in signals)
        unit = Concat(signals[0].freq, tuple(s.channels for s in signals), dtype)
        like = dataclasses.replace(signals[0], rank=2) if flattened else signals[0]
        self._emit(node, self._next("concat"), unit, tensors, like, reaches.of_concat([s.reach for s in signals]))

    def _stats_pool(self, node: onnx.NodeProto) -> None:
        (operand,) = self.structure.operands[node.output[0]]
        signal = self.signal(operand.name)
        values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        try:
            mean, dev = (np.array(values[f"{kind}_thresholds"], np.int64) for kind in ("mean", "dev"))
            offset, mean_mult, dev_mult = (int(values[key]) for key in ("mean_offset", "mean_mult", "dev_mult"))
        except (KeyError, TypeError, ValueError):
            refuse(node, "attributes are missing or of another type")
        if mean.ndim != 1 or dev.ndim != 1:
            refuse(node, "its thresholds must be lists")
        low, high = min(offset, 0), max(offset + len(mean), len(dev))
        unit = StatsPool(
            signal.freq, signal.channels, signal.dtype, datatypes.smallest(low, high), values["over"] == b"time_freq",
            mean_mult * operand.factor, mean, offset, dev_mult * operand.factor**2, dev,
        )  # fmt: skip
        ones = np.ones(signal.channels, np.int64)
        lows = np.concatenate([offset * ones, 0 * ones])
        highs = np.concatenate([(offset + len(mean)) * ones, len(dev) * ones])
        like = dataclasses.replace(signal, frames=1, timed=False)
        self._emit(node, "stats_pool", unit, (signal.tensor,), like, Reach(lows, highs))
