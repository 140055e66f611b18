"""Add: two integer streams, each times a small constant, with saturation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.units.base import Cost, HlsConstant, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class Add(Unit):
    """``out = clip(mult[0] * a + mult[1] * b, low, high)``.

    The multipliers bring streams whose scales have an integer ratio to one scale.
    """

    freq: int
    channels: int
    in_dtypes: tuple[str, str]
    out_dtype: str
    low: int
    high: int
    mult: tuple[int, int] = (1, 1)
    lanes: int = 1

    kind: ClassVar[str] = "add"
    latency: ClassVar[int] = 2
    """Add, saturate."""

    def __post_init__(self) -> None:
        check_divides("add: lanes", self.lanes, self.channels, "channels")
        low, high = datatypes.limits(self.out_dtype)
        require(low <= self.low <= self.high <= high, f"add: saturation exceeds {self.out_dtype}")

    def inputs(self) -> tuple[Stream, ...]:
        return tuple(Stream(self.freq, self.channels, dtype, self.lanes) for dtype in self.in_dtypes)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.out_dtype, self.lanes),)

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        a, b = tensors
        return (np.clip(self.mult[0] * a + self.mult[1] * b, self.low, self.high),)

    def hls_constants(self) -> dict[str, HlsConstant]:
        ends = [[m * v for v in datatypes.limits(dtype)] for m, dtype in zip(self.mult, self.in_dtypes, strict=True)]
        low, high = (sum(end(e) for e in ends) for end in (min, max))
        sum_type = datatypes.smallest(min(low, self.low), max(high, self.high))
        return {
            "sum_type": sum_type, "mult0": self.mult[0], "mult1": self.mult[1], "low": self.low, "high": self.high,
        }  # fmt: skip

    def rtl_parameters(self) -> dict[str, int]:
        a, b = (datatypes.limits(dtype) for dtype in self.in_dtypes)
        products = [[m * v for v in (*ends, 0)] for m, ends in zip(self.mult, (a, b), strict=True)]
        low, high = (sum(end(p) for p in products) for end in (min, max))
        parameters = {"LANES": self.lanes, "OUT_BITS": datatypes.bits(self.out_dtype)}
        for name, dtype in zip("AB", self.in_dtypes, strict=True):
            parameters |= {f"{name}_BITS": datatypes.bits(dtype), f"{name}_KIND": datatypes.rtl_kind(dtype)}
        return parameters | {
            "SUM_BITS": datatypes.signed_bits(low, high, self.low, self.high, *a, *b, *self.mult),
            "MULT0": self.mult[0], "MULT1": self.mult[1], "LOW": self.low, "HIGH": self.high,
        }  # fmt: skip

    def actors(self, frames: int) -> tuple[Actor, ...]:
        words = frames * self.inputs()[0].words_per_frame
        return (Actor("add", self.latency, (periodic(1, [(0, 3, 1)], words),), (0, 1), (0,), beats=words),)

    def cost(self) -> Cost:
        bits = max(datatypes.bits(d) for d in self.in_dtypes) + 1
        return Cost(lut=self.lanes * 2.5 * bits + 8, ff=self.lanes * 2 * bits)
