"""Length fork: tells every frame-aware unit how many frames of the utterance will reach it."""

from dataclasses import dataclass
from typing import ClassVar

from hwsv.units.base import Cost, Stream, Tensor, Unit, require
from hwsv.units.beats import Actor, periodic

LENGTH_DTYPE = "UINT16"
"""Frames of an utterance: 1 … 65535 (11 minutes at 10 ms)."""


@dataclass(frozen=True, eq=False)
class LengthFork(Unit):
    """One word an utterance in (its frames T), one out for each frame-aware unit: T after the windows before it.

    chains: for each output the flattened list of (kernel, stride, padding of both ends) of the windows on its way, in
    stream order; each turns T into ``(T + padding - kernel) // stride + 1``. chain_lengths: windows in each chain.
    """

    chains: tuple[int, ...]
    chain_lengths: tuple[int, ...]

    kind: ClassVar[str] = "length_fork"
    latency: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require(len(self.chains) == 3 * sum(self.chain_lengths), "length_fork: three numbers a window")

    def stages(self) -> list[list[tuple[int, int, int]]]:
        """(kernel, stride, padding) of the windows before each output."""
        triples = [tuple(self.chains[i : i + 3]) for i in range(0, len(self.chains), 3)]
        found, at = [], 0
        for length in self.chain_lengths:
            found.append(triples[at : at + length])
            at += length
        return found  # type: ignore[return-value]

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(1, 1, LENGTH_DTYPE),)

    def outputs(self) -> tuple[Stream, ...]:
        return self.inputs() * len(self.chain_lengths)

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        outputs = []
        for stages in self.stages():
            frames = tensors[0]
            for kernel, stride, padding in stages:
                frames = (frames + padding - kernel) // stride + 1
            outputs.append(frames)
        return tuple(outputs)

    def rtl_parameters(self) -> dict[str, int | tuple[int, ...]]:
        divisions = [_division(stages) for stages in self.stages()]
        adds, strides, biases = zip(*divisions, strict=True)
        return {"COPIES": len(divisions), "ADDS": adds, "STRIDES": strides, "BIASES": biases}

    def actors(self, frames: int) -> tuple[Actor, ...]:
        copies = len(self.chain_lengths)
        segment = periodic(1, [(0, 1, 2**copies - 1)], 1)
        return (Actor("copy", self.latency, (segment,), (0,), tuple(range(copies)), beats=1),)

    def cost(self) -> Cost:
        return Cost(lut=16 + 16 * len(self.chain_lengths), ff=16 * len(self.chain_lengths))


def _division(stages: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """(add, stride, bias) with ``(T + add) // stride + bias`` frames behind the windows `stages`.

    From ``((x // a) + n) // b == (x + a * n) // (a * b)`` for whole numbers.
    """
    add, stride, bias = 0, 1, 0
    for kernel, step, padding in stages:
        add, stride, bias = add + stride * (bias + padding - kernel), stride * step, 1
    return add, stride, bias
