"""Beat schedules: when an actor pops, pushes and touches shared buffers (docs/timing.md).

A beat without any operation never stalls, so only *operation beats* are listed, each with its delay from the last:

    t(k) = max(t(k-1) + delay(k), every condition of beat k)

An actor's schedule for one utterance is a list of `Segment`: a table of operation beats that is repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]


def _zeros(n: int) -> Array:
    return np.zeros(n, dtype=np.int64)


@dataclass(frozen=True)
class Segment:
    """`n` operation beats, played `repeats` times.

    delay  [n] cycles since the previous operation beat of the actor (>= 1).
    pops   [n] bit i set: pop one word of the actor's input port i.
    pushes [n] bit j set: push one word to the actor's output port j, D cycles later.
    Shared buffer (counts in buffer items, relative to the items of earlier utterances):
    writes [n] 1: write one item (visible to the reader one cycle later); space [n] 1: wait for a free item first.
    needs  [n] items of this utterance that must have been written (0: none);
    frees  [n] the release count of this utterance is raised to this (0: none), visible one cycle later.
    needs_step, frees_step: added to the non-zero entries of `needs` and `frees` at each repeat.
    tail: idle beats after the last operation beat of each repeat.
    """

    delay: Array
    pops: Array
    pushes: Array
    repeats: int = 1
    writes: Array | None = None
    space: Array | None = None
    needs: Array | None = None
    frees: Array | None = None
    needs_step: int = 0
    frees_step: int = 0
    tail: int = 0

    def column(self, name: str) -> Array:
        """A column as an array, zeros where it was left out."""
        value = getattr(self, name)
        return _zeros(len(self.delay)) if value is None else np.asarray(value, dtype=np.int64)


@dataclass(frozen=True)
class SharedBuffer:
    """Items shared between the two actors of a unit: `name`, capacity in items, items written per utterance."""

    name: str
    items: int
    per_utterance: int


@dataclass(frozen=True)
class Actor:
    """A counter-driven machine: at most one beat a cycle, pushes `latency` cycles after the issue.

    `inputs`/`outputs`: the unit's port numbers that bits 0, 1, … of pops/pushes stand for (the length channel is input
    number ``len(unit.inputs())``). `buffer`: the shared buffer it writes and waits for space in, or waits for items of
    and frees.
    """

    name: str
    latency: int
    segments: tuple[Segment, ...]
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    buffer: SharedBuffer | None = None
    beats: int = field(default=0)
    """All beats of the utterance, those without an operation included: the least cycles it can take."""


def periodic(beats: int, ops: Sequence[tuple[int, int, int]], repeats: int) -> Segment:
    """A period of `beats` cycles, `ops` = (beat number, pops, pushes) in ascending order, played `repeats` times."""
    at = [op[0] for op in ops]
    return Segment(
        delay=np.array([b - a for a, b in zip([-1, *at], at, strict=False)], dtype=np.int64),
        pops=np.array([op[1] for op in ops], dtype=np.int64),
        pushes=np.array([op[2] for op in ops], dtype=np.int64),
        repeats=repeats,
        tail=beats - 1 - at[-1],
    )
