"""Fork: copies every word to several consumers."""

from dataclasses import dataclass
from typing import ClassVar

from hwsv.units.base import Cost, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class Fork(Unit):
    """Every output repeats the input; a beat needs a credit of every output."""

    freq: int
    channels: int
    dtype: str
    copies: int = 2
    lanes: int = 1

    kind: ClassVar[str] = "fork"
    latency: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_divides("fork: lanes", self.lanes, self.channels, "channels")
        require(self.copies >= 2, "fork: needs two or more outputs")

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.dtype, self.lanes),)

    def outputs(self) -> tuple[Stream, ...]:
        return self.inputs() * self.copies

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tensors * self.copies

    def rtl_parameters(self) -> dict[str, int]:
        return {"COPIES": self.copies, "WIDTH": self.inputs()[0].word_bits}

    def actors(self, frames: int) -> tuple[Actor, ...]:
        words = frames * self.inputs()[0].words_per_frame
        segment = periodic(1, [(0, 1, 2**self.copies - 1)], words)
        return (Actor("copy", self.latency, (segment,), (0,), tuple(range(self.copies)), beats=words),)

    def cost(self) -> Cost:
        return Cost(lut=6 + 2 * self.copies, ff=self.inputs()[0].word_bits + 4 * self.copies)
