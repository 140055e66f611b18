"""Requantise: a per-channel fixed-point multiply-add of one or two pieces, then saturation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.units.base import Cost, HlsConstant, Memory, Tensor, require
from hwsv.units.elementwise import Elementwise


@dataclass(frozen=True, eq=False)
class Requantise(Elementwise):
    """``out = step * clip((x * mult[c, p] + bias[c, p]) >> shift, low, high) + offset``, >> rounding down.

    Piece p is 0, or with two pieces (a function with a kink, such as PReLU) ``x >= split[c]``.
    mult, bias: int64 [channels or 1, pieces]; split: int64 [same rows] (zeros with one piece).
    The front-end has checked the agreement with the network's own function on every input that can occur.
    """

    mult: Tensor
    bias: Tensor
    split: Tensor
    shift: int
    low: int
    high: int
    step: int = 1
    offset: int = 0
    lanes: int = 1

    kind: ClassVar[str] = "requantise"
    latency: ClassVar[int] = 4
    """Multiplier read, piece select with bias read, multiply, add-shift-saturate."""

    def __post_init__(self) -> None:
        self.check_lanes()
        rows, pieces = self.mult.shape
        require(rows in (1, self.channels), "requantise: one row of parameters a channel, or one for all")
        require(pieces in (1, 2), "requantise: one or two pieces")
        require(self.bias.shape == self.mult.shape and self.split.shape == (rows,), "requantise: shapes differ")
        require(0 <= self.shift < 62, "requantise: shift out of range")
        ends = [self.step * v + self.offset for v in (self.low, self.high)]
        smallest, largest = datatypes.limits(self.out_dtype)
        require(smallest <= min(ends) and max(ends) <= largest, f"requantise: values exceed {self.out_dtype}")

    @property
    def pieces(self) -> int:
        return int(self.mult.shape[1])

    @property
    def shared(self) -> bool:
        return len(self.mult) == 1 and self.channels > 1

    @property
    def sum_dtype(self) -> str:
        """Holds every ``x * mult + bias``."""
        ends = [self.mult * v + self.bias for v in datatypes.limits(self.in_dtype)]
        return datatypes.smallest(min(int(e.min()) for e in ends), max(int(e.max()) for e in ends))

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (x,) = tensors
        return (self._apply(x, self.mult, self.bias, self.split),)

    def _apply(self, x: Tensor, mult: Tensor, bias: Tensor, split: Tensor) -> Tensor:
        """x [..., C]; mult, bias [C or 1, pieces]; split [C or 1]."""
        upper = (x >= split) & (self.pieces == 2)
        total = np.where(upper, x * mult[..., -1] + bias[..., -1], x * mult[..., 0] + bias[..., 0])
        return self.step * np.clip(total >> self.shift, self.low, self.high) + self.offset

    def memories(self) -> dict[str, Memory]:
        """``mult``, ``bias``: [fold, lane * pieces + p]; ``split``: [fold, lane], with two pieces only."""
        rows = 1 if self.shared else self.channels // self.lanes
        found = {
            name: Memory(array.reshape(rows, -1), datatypes.smallest(int(array.min()), int(array.max())), "tables")
            for name, array in (("mult", self.mult), ("bias", self.bias), ("split", self.split))
        }
        if self.pieces == 1:
            del found["split"]
        return found

    def from_words(self, inputs: list[Tensor], memories: dict[str, Tensor]) -> list[Tensor]:
        folds = len(memories["mult"])
        mult = memories["mult"].reshape(folds, -1, self.pieces)
        bias = memories["bias"].reshape(folds, -1, self.pieces)
        split = memories.get("split", np.zeros((folds, 1), np.int64))
        words = inputs[0].reshape(-1, folds, self.lanes)
        return [self._apply(words, mult, bias, split).reshape(-1, self.lanes)]

    def hls_memories(self) -> tuple[str, ...]:
        return ("mult", "bias", "split")

    def hls_constants(self) -> dict[str, HlsConstant]:
        low, high = datatypes.limits(self.sum_dtype)
        return {
            "sum_type": datatypes.smallest(min(low, self.low), max(high, self.high)),
            "pieces": self.pieces, "shared": self.shared, "shift": self.shift, "low": self.low, "high": self.high,
            "step": self.step, "offset": self.offset,
        }  # fmt: skip

    def rtl_parameters(self) -> dict[str, int]:
        low, high = datatypes.limits(self.sum_dtype)
        shifted = low >> self.shift, high >> self.shift
        ends = [self.step * v + self.offset for v in (self.low, self.high)]
        kinds = {f"{name.upper()}_KIND": datatypes.rtl_kind(m.dtype) for name, m in self.memories().items()}
        return {
            "LANES": self.lanes, "PIECES": self.pieces, "SHARED": int(self.shared), **kinds,
            "X_BITS": datatypes.bits(self.in_dtype), "X_KIND": datatypes.rtl_kind(self.in_dtype),
            "OUT_BITS": datatypes.bits(self.out_dtype), "OUT_KIND": datatypes.rtl_kind(self.out_dtype),
            "SUM_BITS": datatypes.signed_bits(low, high), "SHIFT": self.shift,
            "CLIP_BITS": datatypes.signed_bits(*shifted, self.low, self.high), "LOW": self.low, "HIGH": self.high,
            "STEP": self.step, "OFFSET": self.offset,
            "VALUE_BITS": datatypes.signed_bits(*ends, self.step, self.offset),
        }  # fmt: skip

    def cost(self) -> Cost:
        x, m = datatypes.bits(self.in_dtype), datatypes.bits(self.memories()["mult"].dtype)
        out = datatypes.bits(self.sum_dtype)
        # a multiplier of one or two bits is an adder, not a DSP
        dsp = self.lanes if m > 2 else 0
        return Cost(lut=self.lanes * (2.2 * out + 10) + 15, ff=self.lanes * (2 * out + x + m), dsp=dsp)
