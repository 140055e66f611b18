"""The test bench: what it is generated from, what is played into it, what it records."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv import __version__, bits
from hwsv.codegen.rtl_model import RtlModel
from hwsv.codegen.templates import templates
from hwsv.errors import CheckFailed
from hwsv.graph import INPUT, LENGTH, OUTPUT, UnitGraph
from hwsv.simulator.tables import LENGTH_SOURCE, SINK, SOURCE
from hwsv.units.base import Stream, Tensor
from hwsv.units.length_fork import LENGTH_DTYPE

Words = NDArray[np.uint64]
"""Words as they are on the wires: ``[n, limbs]``, `hwsv.bits`."""
Cycles = NDArray[np.int64]

LENGTHS = Stream(1, 1, LENGTH_DTYPE)
_ENDS = {INPUT: SOURCE, LENGTH: LENGTH_SOURCE, OUTPUT: SINK}


@dataclass(frozen=True)
class Stimulus:
    """What is played into one design.

    features: int64 [T, F, C] of each utterance; enables: as `hwsv.simulator.timing.run` takes them; quiet: cycles
    without a handshake after which nothing will move any more; last: cycle with which the run ends in any case.
    """

    graph: UnitGraph
    features: Sequence[Tensor]
    enables: Mapping[str, NDArray[np.bool_]]
    quiet: int
    last: int


@dataclass
class Channel:
    """What passed one channel: the cycle of every push and pop, and the pushed words."""

    pushes: Cycles
    pops: Cycles
    words: Words


@dataclass
class Recording:
    """One design's run. cycles: until its end; outputs: words of the embeddings; channels: by tensor, where probed."""

    cycles: int
    outputs: Words
    channels: dict[str, Channel] = field(default_factory=dict)


def texts(models: Sequence[RtlModel]) -> dict[str, str]:
    """``bench.sv`` and ``ports.hpp`` for the designs `models` side by side."""
    cases = [{"name": f"c{i}", "model": model} for i, model in enumerate(models)]
    return {
        name: templates("rtl_templates", "sim").get_template(f"{name}.j2").render(cases=cases, version=__version__)
        for name in ("bench.sv", "ports.hpp")
    }


def play(executable: Path, rtl: Path, models: Sequence[RtlModel], stimuli: Sequence[Stimulus]) -> list[Recording]:
    """Run the bench in the folder `rtl` (memories are read from ``../mem``). Raises CheckFailed when it crashes."""
    numbers = [part for m, s in zip(models, stimuli, strict=True) for part in _numbers(m, s)]
    with tempfile.TemporaryDirectory(prefix="hwsv-rtl-") as name:
        folder = Path(name)
        np.concatenate(numbers).tofile(folder / "input.bin")
        command = [str(executable.resolve()), str(folder / "input.bin"), str(folder)]
        done = subprocess.run(command, cwd=rtl, capture_output=True, text=True)
        # a memory file that cannot be read is a warning for Verilator
        complaints = [line for line in (done.stderr + done.stdout).splitlines() if "%" in line or "readmem" in line]
        if done.returncode or complaints:
            said = complaints[0] if complaints else (done.stderr or done.stdout).strip()
            raise CheckFailed(f"rtl: the simulation ended with code {done.returncode}: {said[:200]}")
        return _read(folder, models)


def stream_of(graph: UnitGraph, tensor: str) -> Stream:
    """The stream of a channel, those of lengths included."""
    return graph.streams().get(tensor, LENGTHS)


def pack(stream: Stream, words: Tensor) -> Words:
    """Folded words ``[n, lanes]`` as they are on the wires."""
    return bits.pack(words.reshape(-1, stream.lanes), stream.dtype, stream.pad_mark)


def unpack(stream: Stream, words: Words) -> Tensor:
    """The inverse of `pack`."""
    return bits.unpack(words, stream.lanes, stream.dtype, stream.pad_mark)


def output_words(graph: UnitGraph, features: Sequence[Tensor]) -> list[int]:
    """Words of each utterance's embedding."""
    return [graph.frames(len(x))[OUTPUT] * graph.stream(OUTPUT).words_per_frame for x in features]


def embeddings(graph: UnitGraph, outputs: Words, counts: list[int]) -> list[Tensor]:
    """Embeddings ``[E]`` of utterances from all their output words; counts: as `output_words` gives them."""
    words = unpack(graph.stream(OUTPUT), outputs)
    return [part.reshape(-1) for part in np.split(words, np.cumsum(counts)[:-1])]


def _numbers(model: RtlModel, stimulus: Stimulus) -> list[Cycles]:
    """The case's part of the input file (``rtl_templates/sim/harness.hpp``)."""
    graph, features = stimulus.graph, stimulus.features
    found = [np.array([stimulus.quiet, stimulus.last])]
    for port in model.sources:
        stream = stream_of(graph, port.tensor)
        if port.tensor == INPUT:
            words = np.concatenate([pack(stream, x) for x in features])
        else:
            words = pack(stream, np.array([len(x) for x in features], np.int64))
        found += [_port(port.tensor, words.shape[0], words.shape[1], stimulus), words.view(np.int64).reshape(-1)]
    for port in model.sinks:
        stream = stream_of(graph, port.tensor)
        count = sum(graph.frames(len(x))[port.tensor] for x in features) * stream.words_per_frame
        found.append(_port(port.tensor, count, bits.limbs(stream.word_bits), stimulus))
    return found


def _port(tensor: str, words: int, limbs: int, stimulus: Stimulus) -> Cycles:
    pattern = np.asarray(stimulus.enables.get(_ENDS[tensor], ()), np.int64)
    return np.concatenate([np.array([words, limbs, len(pattern)], np.int64), pattern])


def _read(folder: Path, models: Sequence[RtlModel]) -> list[Recording]:
    """What the bench wrote (``rtl_templates/sim/harness.hpp``)."""
    data, at = np.fromfile(folder / "data.bin", np.int64), 0
    tensors = [{f"{c.name}_fifo": c.tensor for c in model.channels} for model in models]
    found: list[Recording] = []

    def take(n: int) -> Cycles:
        nonlocal at
        at += n
        return data[at - n : at]

    def take_words(n: int, limbs: int) -> Words:
        return take(n * limbs).view(np.uint64).reshape(n, limbs)

    for line in (folder / "index.txt").read_text().splitlines():
        kind, what, *numbers = line.split()
        counts = [int(number) for number in numbers]
        if kind == "case":
            found.append(Recording(counts[0], np.zeros((0, 1), np.uint64)))
        elif kind == "sink":
            take(counts[0])  # its cycles are those of the channel's pops
            found[int(what)].outputs = take_words(*counts)
        else:
            pushes, pops, limbs = counts
            times, words, popped = take(pushes), take_words(pushes, limbs), take(pops)
            case, instance, *inner = what.split("bench.c", 1)[1].split(".")
            if inner == ["probe"]:  # else a FIFO inside a unit, which is no channel
                found[int(case)].channels[tensors[int(case)][instance]] = Channel(times, popped, words)
    return found
