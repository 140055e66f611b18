"""What units share that turn each element into another one: one word in, one word out, a beat a word."""

from dataclasses import dataclass

from hwsv.units.base import Stream, Unit, check_divides
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class Elementwise(Unit):
    """Base of threshold, requantise and lookup. Subclasses add their parameters and ``lanes: int = 1``."""

    freq: int
    channels: int
    in_dtype: str
    out_dtype: str

    def check_lanes(self) -> None:
        """Refuse lanes that do not divide the channels."""
        check_divides(f"{self.kind}: lanes", self._lanes, self.channels, "channels")

    @property
    def _lanes(self) -> int:
        return self.lanes  # type: ignore[attr-defined, no-any-return]

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.in_dtype, self._lanes),)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.out_dtype, self._lanes),)

    def actors(self, frames: int) -> tuple[Actor, ...]:
        words = frames * self.inputs()[0].words_per_frame
        return (Actor(self.kind, self.latency, (periodic(1, [(0, 1, 1)], words),), (0,), (0,), beats=words),)
