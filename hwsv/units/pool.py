"""Pool: the maximum or the sum over the taps of each window."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from hwsv import datatypes
from hwsv.bits import PAD
from hwsv.units.base import Cost, HlsConstant, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class Pool(Unit):
    """Reduces a window stream of `taps` taps x `channels`; padded taps add 0 to a sum and never win a maximum."""

    freq: int
    channels: int
    taps: int
    operation: Literal["max", "sum"]
    in_dtype: str
    out_dtype: str
    pad_mark: bool = False
    lanes: int = 1

    kind: ClassVar[str] = "pool"
    latency: ClassVar[int] = 3
    """Partial result read (two cycles), combined."""

    def __post_init__(self) -> None:
        check_divides("pool: lanes", self.lanes, self.channels, "channels")
        require(self.operation in ("max", "sum"), "pool: operation must be max or sum")
        low, high = self.result_limits()
        smallest, largest = datatypes.limits(self.out_dtype)
        require(smallest <= low and high <= largest, f"pool: results exceed {self.out_dtype}")

    def result_limits(self) -> tuple[int, int]:
        """Smallest and largest result that the input type allows."""
        low, high = datatypes.limits(self.in_dtype)
        if self.operation == "max":
            return low, high
        return (min(0, low) if self.pad_mark else low) * self.taps, high * self.taps

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.taps * self.channels, self.in_dtype, self.lanes, self.pad_mark),)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.out_dtype, self.lanes),)

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (x,) = tensors
        taps = x.reshape(len(x), self.freq, self.taps, self.channels)
        if self.operation == "max":  # PAD is smaller than any value
            return (taps.max(axis=2),)
        return (np.where(taps == PAD, 0, taps).sum(axis=2),)

    def hls_constants(self) -> dict[str, HlsConstant]:
        return {"taps": self.taps, "maximum": self.operation == "max"}

    def rtl_parameters(self) -> dict[str, int]:
        return {
            "LANES": self.lanes, "FOLDS": self.channels // self.lanes, "TAPS": self.taps,
            "MAXIMUM": int(self.operation == "max"), "MARKS": int(self.pad_mark),
            "IN_BITS": datatypes.bits(self.in_dtype), "IN_KIND": datatypes.rtl_kind(self.in_dtype),
            "OUT_BITS": datatypes.bits(self.out_dtype), "OUT_KIND": datatypes.rtl_kind(self.out_dtype),
            "VALUE_BITS": datatypes.signed_bits(*datatypes.limits(self.in_dtype), *datatypes.limits(self.out_dtype)),
        }  # fmt: skip

    def actors(self, frames: int) -> tuple[Actor, ...]:
        folds = self.channels // self.lanes
        ops = [(k, 1, int(k >= (self.taps - 1) * folds)) for k in range(self.taps * folds)]
        segment = periodic(len(ops), ops, frames * self.freq)
        return (Actor("reduce", self.latency, (segment,), (0,), (0,), beats=len(ops) * frames * self.freq),)

    def cost(self) -> Cost:
        bits = datatypes.bits(self.out_dtype)
        state = self.channels // self.lanes, self.lanes * bits
        return Cost(lut=self.lanes * 2 * bits + 20, ff=self.lanes * 2 * bits + 20, rams={"accumulators": state})
