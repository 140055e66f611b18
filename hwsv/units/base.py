"""What every unit declares: streams, golden model, beats, memories, cost, and what the back-ends need.

A unit is one hardware block. Subclasses are frozen dataclasses; their fields are the typed parameters. Defining the
subclass registers it (`__init_subclass__`), so a new unit edits no list: put ``hwsv/units/<kind>.py`` there.

Order of every stream is time-major: frame t, frequency f, then channels in words of `lanes` elements. A tensor
``[T, F, C]`` in C order *is* its stream: ``tensor.reshape(-1, lanes)`` are the words.
"""

import dataclasses
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

import hwsv.units
from hwsv import bits, datatypes
from hwsv.errors import InputError
from hwsv.units.beats import Actor

Tensor = NDArray[np.int64]
"""One utterance on one stream: ``[T, F, C]`` int64, `hwsv.bits.PAD` where a window stream is padded."""


HlsConstant = int | bool | str | tuple[int, ...]
"""A member of an HLS configuration struct: a number, a data type by name, or one number a port."""


@dataclass(frozen=True)
class Stream:
    """The shape of what a port carries.

    `freq` pixels a frame, `channels` elements a pixel (a window stream: taps * C, tap-major), `lanes` elements a word,
    `pad_mark`: words carry a padding mark.
    """

    freq: int
    channels: int
    dtype: str
    lanes: int = 1
    pad_mark: bool = False

    def __post_init__(self) -> None:
        datatypes.bits(self.dtype)  # refuses an unknown type
        if self.lanes < 1 or self.channels % self.lanes:
            raise InputError(
                f"{self.lanes} lanes do not divide {self.channels} channels; legal values: {divisors(self.channels)}"
            )

    @property
    def words_per_pixel(self) -> int:
        return self.channels // self.lanes

    @property
    def words_per_frame(self) -> int:
        return self.freq * self.words_per_pixel

    @property
    def word_bits(self) -> int:
        return self.lanes * datatypes.bits(self.dtype) + self.pad_mark

    def words(self, tensor: Tensor) -> Tensor:
        """``[T, F, C]`` to folded words ``[n, lanes]`` (a view)."""
        return tensor.reshape(-1, self.lanes)

    def tensor(self, words: Tensor) -> Tensor:
        """Folded words ``[n, lanes]`` to ``[T, F, C]`` (a view)."""
        return words.reshape(-1, self.freq, self.channels)


@dataclass(frozen=True)
class Memory:
    """Content that a unit reads at run time: ``data[address, element]``, packed by `hwsv.bits`.

    `kind` is the line of the memory budget it counts for.
    """

    data: Tensor
    dtype: str
    kind: Literal["weights", "thresholds", "tables"]

    @property
    def depth(self) -> int:
        return int(self.data.shape[0])

    @property
    def word_bits(self) -> int:
        return int(self.data.shape[1]) * datatypes.bits(self.dtype)

    @property
    def total_bits(self) -> int:
        return self.depth * self.word_bits


@dataclass(frozen=True)
class Cost:
    """Estimated resources: 4-input LUTs, flip-flops, DSP multipliers, and by kind the RAM that is not a `Memory`.

    rams: kind -> (words, bits a word); `banks`: of a kind of which there are several, each a RAM of its own.
    """

    lut: float = 0
    ff: float = 0
    dsp: int = 0
    rams: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    banks: dict[str, int] = dataclasses.field(default_factory=dict)


class Unit(ABC):
    """One hardware block. Public fields of the dataclass are its parameters, saved as ONNX attributes/initialisers."""

    kind: ClassVar[str] = ""
    latency: ClassVar[int] = 1
    """D: cycles from the issue of a beat to its pushes. One constant, used by RTL and simulator."""
    frame_aware: ClassVar[bool] = False
    """Pops the number of its input frames from a length channel (last input port of its actor) at each utterance."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _REGISTRY[cls.kind] = cls

    @abstractmethod
    def inputs(self) -> tuple[Stream, ...]:
        """Data inputs in port order (without the length channel)."""

    @abstractmethod
    def outputs(self) -> tuple[Stream, ...]:
        """Data outputs in port order."""

    @abstractmethod
    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The operation on one utterance: readable numpy, int64, unfolded. The reference for everything else."""

    @abstractmethod
    def actors(self, frames: int) -> tuple[Actor, ...]:
        """Beat schedule for one utterance of `frames` input frames."""

    def beats(self, frames: int) -> int:
        """Cycles for an utterance of `frames` input frames if it never waits: the beats of its slowest actor."""
        return max(actor.beats for actor in self.actors(frames))

    @abstractmethod
    def cost(self) -> Cost:
        """Estimated resources, memories of `memories` not counted."""

    def memories(self) -> dict[str, Memory]:
        """Contents to emit, by name (an identifier)."""
        return {}

    def memory_shapes(self) -> dict[str, tuple[str, int, int]]:
        """(kind, words, bits a word) of each of `memories`; overridden where it is known without folding the data."""
        return {name: (m.kind, m.depth, m.word_bits) for name, m in self.memories().items()}

    def from_words(self, inputs: list[Tensor], memories: dict[str, Tensor]) -> list[Tensor]:
        """Word-level model for the cycle simulator: folded words ``[n, lanes]`` in and out, one utterance.

        `memories` holds what was read back from the emitted files (``data`` of each `Memory`); a unit with memories
        overrides this and addresses them in hardware order, so that a wrong file or fold shows.
        """
        tensors = [stream.tensor(words) for stream, words in zip(self.inputs(), inputs, strict=True)]
        return [s.words(t) for s, t in zip(self.outputs(), self.golden(*tensors), strict=True)]

    def out_frames(self, frames: int) -> int:
        """Frames that leave for `frames` frames that enter."""
        return frames

    def min_frames(self) -> int:
        """Shortest utterance (in input frames) that gives an output."""
        return 1

    def hls_constants(self) -> dict[str, HlsConstant]:
        """Members of the unit's HLS configuration struct beside those that its streams and memories give."""
        return {}

    def hls_memories(self) -> tuple[str, ...]:
        """Memories that the HLS template takes, in its order; one that `memories` lacks is a single 0."""
        return tuple(self.memories())

    def rtl_parameters(self) -> Mapping[str, int | tuple[int, ...]]:
        """Parameters of ``rtl_templates/<kind>.sv`` beside those of its memories; a tuple has one number a port."""
        raise InputError(f"unit kind {self.kind!r} has no RTL yet; compile with --backend hls")

    def with_lanes(self, **folding: int) -> "Unit":
        """A copy with other folding parameters (`lanes`, or `pe` and `simd`). Raises InputError with legal values."""
        return dataclasses.replace(self, **folding)  # type: ignore[type-var]


_REGISTRY: dict[str, type[Unit]] = {}


@cache
def registry() -> dict[str, type[Unit]]:
    """All units by kind; imports every module of `hwsv.units` once."""
    for module in pkgutil.iter_modules(hwsv.units.__path__):
        importlib.import_module(f"hwsv.units.{module.name}")
    return dict(_REGISTRY)


def divisors(n: int) -> list[int]:
    """Legal values of a folding parameter that must divide `n`."""
    return [d for d in range(1, n + 1) if n % d == 0]


def require(condition: bool, message: str) -> None:
    """Raise InputError(message) unless `condition`."""
    if not condition:
        raise InputError(message)


def check_divides(what: str, value: int, n: int, of: str) -> None:
    """Refuse a folding value that does not divide `n`, listing the legal ones."""
    require(value >= 1 and n % value == 0, f"{what}={value} does not divide {n} {of}; legal values: {divisors(n)}")


def read_words(memory: Memory, words: NDArray[np.uint64]) -> Tensor:
    """Elements of a memory from the packed words of an emitted file."""
    return bits.unpack(words, memory.data.shape[1], memory.dtype)
