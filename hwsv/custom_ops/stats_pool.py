"""Mean + standard deviation pooling, quantised by integer inequalities: no division, no square root.

With N pooled integers x, S1 = sum x, S2 = sum x^2 and V = N*S2 - S1^2 (so that mean = S1/N and deviation =
sqrt(V)/N), the quantised mean is ``mean_offset + #{i: a*S1 >= b_i*N}`` and the quantised deviation is
``#{i: a*V >= c_i*N^2}``. N may therefore be a run-time value. `stats_pool_int` is the one definition: the ONNX
operator, the evaluation of the torch network and the golden model of the hardware all call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from onnx import GraphProto, NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.base import CustomOp

from hwsv.errors import InputError

Over = Literal["time", "time_freq"]


@dataclass(frozen=True)
class StatsPoolParams:
    """Attributes of the operator.

    Attributes:
        over: axes pooled together: ``time`` (per frequency) or ``time_freq``.
        scale: value of one integer step of the input.
        mean_mult: a of the mean's inequalities, positive.
        mean_thresholds: b_i, strictly ascending.
        mean_offset: the quantised mean when no inequality holds.
        dev_mult: a of the deviation's inequalities, positive.
        dev_thresholds: c_i, strictly ascending, not negative.
    """

    over: Over
    scale: float
    mean_mult: int
    mean_thresholds: tuple[int, ...]
    mean_offset: int
    dev_mult: int
    dev_thresholds: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.over not in ("time", "time_freq"):
            raise InputError(f"StatsPool: over must be 'time' or 'time_freq', not {self.over!r}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"StatsPool: scale must be positive and finite, not {self.scale}")
        if self.mean_mult <= 0 or self.dev_mult <= 0:
            raise InputError("StatsPool: mean_mult and dev_mult must be positive")
        for name, values in (("mean", self.mean_thresholds), ("dev", self.dev_thresholds)):
            if not values or any(a >= b for a, b in pairwise(values)):
                raise InputError(f"StatsPool: {name}_thresholds must be strictly ascending and not empty")
        if self.dev_thresholds[0] < 0:
            raise InputError("StatsPool: dev_thresholds must not be negative")

    @property
    def mean_range(self) -> tuple[int, int]:
        """Smallest and largest quantised mean."""
        return self.mean_offset, self.mean_offset + len(self.mean_thresholds)

    @property
    def dev_range(self) -> tuple[int, int]:
        """Smallest and largest quantised deviation."""
        return 0, len(self.dev_thresholds)


def stats_pool_int(x: np.ndarray, params: StatsPoolParams) -> np.ndarray:
    """Pool int64 ``[N, C, T, F]`` to int64 ``[N, 2C, 1, F]`` (time) or ``[N, 2C, 1, 1]`` (time_freq).

    Channels 0..C-1 are the quantised means, C..2C-1 the quantised deviations.
    """
    axes = (2,) if params.over == "time" else (2, 3)
    x = x.astype(np.int64)
    count = int(np.prod([x.shape[axis] for axis in axes]))
    if count == 0:
        raise InputError(f"StatsPool: nothing to pool in an input of shape {list(x.shape)}")
    s1 = x.sum(axis=axes, keepdims=True)
    s2 = (x * x).sum(axis=axes, keepdims=True)
    v = count * s2 - s1 * s1
    mean = _count_reached(params.mean_mult * s1, params.mean_thresholds, count)
    dev = _count_reached(params.dev_mult * v, params.dev_thresholds, count * count)
    return np.concatenate([params.mean_offset + mean, dev], axis=1)


def _count_reached(values: np.ndarray, thresholds: tuple[int, ...], unit: int) -> np.ndarray:
    """How many of the ascending ``thresholds * unit`` each value reaches (value >= threshold * unit)."""
    return np.searchsorted(np.array(thresholds, np.int64) * unit, values, side="right").astype(np.int64)


class StatsPool(CustomOp):
    """ONNX operator ``hwsv::StatsPool``: float tensor of scale * integers in, float tensor of integers out."""

    def get_nodeattr_types(self) -> dict:
        return {
            "over": ("s", True, "time_freq", {"time", "time_freq"}),
            "scale": ("f", True, 1.0),
            "mean_mult": ("i", True, 1),
            "mean_thresholds": ("ints", True, []),
            "mean_offset": ("i", True, 0),
            "dev_mult": ("i", True, 1),
            "dev_thresholds": ("ints", True, []),
        }

    @property
    def params(self) -> StatsPoolParams:
        """The node's attributes, validated."""
        values: dict[str, Any] = {}
        for name in self.get_nodeattr_types():
            value = self.get_nodeattr(name)
            values[name] = tuple(value) if isinstance(value, list) else value
        return StatsPoolParams(**values)

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        n, channels, _, width = model.get_tensor_shape(self.onnx_node.input[0])
        return self.make_const_shape_op([n, 2 * channels, 1, width if self.params.over == "time" else 1])

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """The smallest integer type that holds quantised means and deviations."""
        low, high = self.params.mean_range
        high = max(high, self.params.dev_range[1])
        # get_smallest_possible takes one value: for a signed type the one that needs most bits.
        extreme = min(low, -high - 1) if low < 0 else high
        model.set_tensor_datatype(self.onnx_node.output[0], DataType.get_smallest_possible(extreme))

    def execute_node(self, context: dict[str, np.ndarray], graph: GraphProto) -> None:
        x = context[self.onnx_node.input[0]].astype(np.float64) / self.params.scale
        integers = np.rint(x)
        if not np.array_equal(integers, x):
            raise InputError(f"StatsPool {self.onnx_node.name}: the input is not a multiple of {self.params.scale}")
        pooled = stats_pool_int(integers.astype(np.int64), self.params)
        context[self.onnx_node.output[0]] = pooled.astype(np.float32)

    def verify_node(self) -> list[str]:
        """Raises `InputError` for bad attributes."""
        self.params  # noqa: B018 - validates
        return [f"{self.onnx_node.op_type}: all attributes are valid"]
