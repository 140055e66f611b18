"""Cycle simulator: when every word moves (`timing`) and what it holds (`words`)."""

from dataclasses import dataclass, field

from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.graph import OUTPUT, Node
from hwsv.simulator.timing import Deadlock, Timing, run
from hwsv.simulator.words import move
from hwsv.units.base import Tensor

__all__ = ["Deadlock", "SimResult", "Timing", "simulate"]


@dataclass
class SimResult:
    """frames: the utterances' lengths; timing: cycles of the run.

    words: for each utterance, the words ``[n, lanes]`` of every data channel.

    embeddings: int64 [E] of each utterance. Both are empty when only lengths were given.
    """

    frames: list[int]
    timing: Timing
    words: list[dict[str, Tensor]] = field(default_factory=list)
    embeddings: list[Tensor] = field(default_factory=list)


def simulate(
    design: Design,
    features: list[Tensor] | None = None,
    frames: list[int] | None = None,
    record: bool = False,
    keep_words: bool = False,
) -> SimResult:
    """Play utterances back to back through the design: `features` (int64 [T, F, C] each), or only their `frames`.

    The words come from the emitted memory files. record: keep the times of all pushes and pops (and so the peak
    occupancy of every FIFO); keep_words: keep the words of every channel. Raises Deadlock, InputError.
    """
    if features is None:
        lengths = frames or [design.manifest.input.frames_example] * 2
        spec = design.manifest.input
        for length in lengths:
            if not spec.frames_min <= length <= spec.frames_max or (spec.frames_fixed or length) != length:
                allowed = spec.frames_fixed or f"{spec.frames_min} to {spec.frames_max}"
                raise InputError(f"an utterance of {length} frames: this design takes {allowed}")
        return SimResult(lengths, run(design.graph, lengths, record=record))
    if not features:
        raise InputError("nothing to simulate: give at least one utterance")
    utterances = [design.check_features(f) for f in features]
    lengths = [len(f) for f in utterances]
    result = SimResult(lengths, run(design.graph, lengths, record=record))
    cache: dict[str, dict[str, Tensor]] = {}

    def memories(node: Node) -> dict[str, Tensor]:
        if node.name not in cache:
            cache[node.name] = design.memories(node)
        return cache[node.name]

    for utterance in utterances:
        words = move(design.graph, utterance, memories)
        result.embeddings.append(words[OUTPUT].reshape(-1))
        if keep_words:
            result.words.append(words)
    return result
