"""Width converter: narrow words to wide ones, or wide to narrow; one lane count divides the other."""

from dataclasses import dataclass
from typing import ClassVar

from hwsv.units.base import Cost, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class WidthConverter(Unit):
    """The same elements in words of `out_lanes` instead of `in_lanes` elements."""

    freq: int
    channels: int
    dtype: str
    in_lanes: int
    out_lanes: int

    kind: ClassVar[str] = "width_converter"
    latency: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_divides("width_converter: in_lanes", self.in_lanes, self.channels, "channels")
        check_divides("width_converter: out_lanes", self.out_lanes, self.channels, "channels")
        wide, narrow = max(self.in_lanes, self.out_lanes), min(self.in_lanes, self.out_lanes)
        require(wide % narrow == 0, f"width_converter: {narrow} lanes do not divide {wide}")

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.dtype, self.in_lanes),)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.dtype, self.out_lanes),)

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tensors

    def rtl_parameters(self) -> dict[str, int]:
        return {"IN_BITS": self.inputs()[0].word_bits, "OUT_BITS": self.outputs()[0].word_bits}

    def actors(self, frames: int) -> tuple[Actor, ...]:
        ratio = max(self.in_lanes, self.out_lanes) // min(self.in_lanes, self.out_lanes)
        if self.in_lanes < self.out_lanes:
            ops = [(k, 1, int(k == ratio - 1)) for k in range(ratio)]
        else:
            ops = [(k, int(k == 0), 1) for k in range(ratio)]
        wide_words = frames * self.freq * self.channels // max(self.in_lanes, self.out_lanes)
        segment = periodic(ratio, ops, wide_words)
        return (Actor("convert", self.latency, (segment,), (0,), (0,), beats=ratio * wide_words),)

    def cost(self) -> Cost:
        wide = max(self.inputs()[0].word_bits, self.outputs()[0].word_bits)
        return Cost(lut=0.2 * wide + 3, ff=wide + 4)
