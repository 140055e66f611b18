"""Concat: the channels of several streams one after the other (of one stream twice: channel duplication, by a fork)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv.units.base import Cost, HlsConstant, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class Concat(Unit):
    """Pixel by pixel: all channels of input 0, then of input 1, …  in_channels: channels of each input."""

    freq: int
    in_channels: tuple[int, ...]
    dtype: str
    lanes: int = 1

    kind: ClassVar[str] = "concat"
    latency: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require(len(self.in_channels) >= 2, "concat: needs two or more inputs")
        for channels in self.in_channels:
            check_divides("concat: lanes", self.lanes, channels, "channels of an input")

    def inputs(self) -> tuple[Stream, ...]:
        return tuple(Stream(self.freq, channels, self.dtype, self.lanes) for channels in self.in_channels)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, sum(self.in_channels), self.dtype, self.lanes),)

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return (np.concatenate(tensors, axis=2),)

    def hls_constants(self) -> dict[str, HlsConstant]:
        return {"in_words": self._in_words}

    def rtl_parameters(self) -> dict[str, int | tuple[int, ...]]:
        bits = self.outputs()[0].word_bits
        return {"PORTS": len(self.in_channels), "WIDTH": bits, "WORDS": self._in_words}

    @property
    def _in_words(self) -> tuple[int, ...]:
        """Words a pixel of each input."""
        return tuple(channels // self.lanes for channels in self.in_channels)

    def actors(self, frames: int) -> tuple[Actor, ...]:
        ports = [p for p, channels in enumerate(self.in_channels) for _ in range(channels // self.lanes)]
        ops = [(k, 1 << port, 1) for k, port in enumerate(ports)]
        segment = periodic(len(ports), ops, frames * self.freq)
        inputs = tuple(range(len(self.in_channels)))
        return (Actor("merge", self.latency, (segment,), inputs, (0,), beats=len(ports) * frames * self.freq),)

    def cost(self) -> Cost:
        bits = self.outputs()[0].word_bits
        return Cost(lut=bits * (len(self.in_channels) - 1) + 12, ff=bits + 10)
