"""Thresholds: a monotone per-channel function of an integer, as a count of comparisons."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.units.base import Cost, HlsConstant, Memory, Tensor, require
from hwsv.units.elementwise import Elementwise


@dataclass(frozen=True, eq=False)
class Threshold(Elementwise):
    """``out = base + step * #{l : x >= thresholds[c, l]}``, per channel c.

    thresholds: int64 [channels or 1, levels], ascending (1 row: shared by all channels). A decreasing channel has
    ``falling[c] = 1``: ``out = base + step * #{l : x < thresholds[c, l]}``. An unreachable threshold is one past the
    largest input that can occur. falling: int64 [same rows].
    """

    thresholds: Tensor
    falling: Tensor
    base: int
    step: int = 1
    lanes: int = 1

    kind: ClassVar[str] = "threshold"
    latency: ClassVar[int] = 3
    """Threshold RAM read, compare, count."""

    def __post_init__(self) -> None:
        self.check_lanes()
        rows, levels = self.thresholds.shape
        require(rows in (1, self.channels), "threshold: one row of thresholds a channel, or one for all")
        require(self.falling.shape == (rows,), "threshold: one direction a row of thresholds")
        require(bool((np.diff(self.thresholds, axis=1) >= 0).all()), "threshold: thresholds must ascend")
        low, high = datatypes.limits(self.out_dtype)
        ends = self.base, self.base + self.step * levels
        require(low <= min(ends) and max(ends) <= high, f"threshold: values exceed {self.out_dtype}")

    @property
    def levels(self) -> int:
        return int(self.thresholds.shape[1])

    @property
    def shared(self) -> bool:
        return len(self.thresholds) == 1 and self.channels > 1

    @property
    def any_falling(self) -> bool:
        return bool(self.falling.any())

    @property
    def threshold_dtype(self) -> str:
        """Holds every threshold; as signed as the input so that one comparator serves."""
        low, high = int(self.thresholds.min()), int(self.thresholds.max())
        in_low, in_high = datatypes.limits(self.in_dtype)
        return datatypes.smallest(min(low, in_low), max(high, in_high))

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (x,) = tensors
        return (self._apply(x, self.thresholds, self.falling),)

    def _apply(self, x: Tensor, thresholds: Tensor, falling: Tensor) -> Tensor:
        """x [..., C] against thresholds [C or 1, L]."""
        count = np.zeros_like(x)
        for level in range(thresholds.shape[-1]):
            count += x >= thresholds[..., level]
        return self.base + self.step * np.where(falling == 1, self.levels - count, count)

    def memories(self) -> dict[str, Memory]:
        """``thresholds[fold, lane * levels + l]``; ``falling[fold, lane]`` where any channel falls."""
        rows = 1 if self.shared else self.channels // self.lanes
        lanes = 1 if self.shared else self.lanes
        data = self.thresholds.reshape(rows, lanes * self.levels)
        found = {"thresholds": Memory(data, self.threshold_dtype, "thresholds")}
        if self.any_falling:
            found["falling"] = Memory(self.falling.reshape(rows, lanes), "UINT1", "thresholds")
        return found

    def from_words(self, inputs: list[Tensor], memories: dict[str, Tensor]) -> list[Tensor]:
        folds = len(memories["thresholds"])
        table = memories["thresholds"].reshape(folds, -1, self.levels)
        falling = memories.get("falling", np.zeros((folds, 1), np.int64))
        words = inputs[0].reshape(-1, folds, self.lanes)
        return [self._apply(words, table, falling).reshape(-1, self.lanes)]

    def hls_memories(self) -> tuple[str, ...]:
        return ("thresholds", "falling")

    def hls_constants(self) -> dict[str, HlsConstant]:
        return {
            "levels": self.levels, "base": self.base, "step": self.step, "shared": self.shared,
            "any_falling": self.any_falling,
        }  # fmt: skip

    def rtl_parameters(self) -> dict[str, int]:
        return {
            "LANES": self.lanes, "LEVELS": self.levels,
            "X_BITS": datatypes.bits(self.in_dtype), "X_KIND": datatypes.rtl_kind(self.in_dtype),
            "T_BITS": datatypes.bits(self.threshold_dtype), "T_KIND": datatypes.rtl_kind(self.threshold_dtype),
            "OUT_BITS": datatypes.bits(self.out_dtype), "OUT_KIND": datatypes.rtl_kind(self.out_dtype),
            "VALUE_BITS": datatypes.signed_bits(self.base, self.step, self.levels, self.base + self.step * self.levels),
            "BASE": self.base, "STEP": self.step, "SHARED": int(self.shared), "ANY_FALLING": int(self.any_falling),
        }  # fmt: skip

    def cost(self) -> Cost:
        comparator = datatypes.bits(self.threshold_dtype) * 0.6
        return Cost(lut=self.lanes * self.levels * comparator + 5, ff=self.lanes * (self.levels + 2) + 20)
