"""C simulation: the generated HLS C++ of a design, compiled with g++ and run on whole utterances.

*strict* computes with ``ap_int``/``ap_uint`` of exactly the declared widths (*sanitized*: under UBSan too); *fast* with
native integers and hardware popcount; *bounded* does so with every FIFO as deep as declared and all processes at once,
and so sees deadlocks. Reading an empty stream and words left over in one are errors that name the stream and its
processes.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from hwsv.codegen import bounded, hls, hls_model, shards
from hwsv.codegen.gxx import Mode, build
from hwsv.codegen.hls_model import HlsModel, Port
from hwsv.codegen.identifiers import design_identifier
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.base import Stream, Tensor, Unit
from hwsv.units.length_fork import LENGTH_DTYPE

ERROR = "hwsv-csim-error: "
BLOCKED = "hwsv-csim-blocked: "
LENGTH_SOURCE = "distribute_lengths"
"""The generated process that every length comes from."""
TEST_BENCH = "the test bench"
LENGTHS = Stream(1, 1, LENGTH_DTYPE)


@dataclass(frozen=True)
class CsimResult:
    """embeddings: int64 [E] an utterance; channels: an utterance's tensors, int64 [T, F, C], when traced."""

    embeddings: list[Tensor]
    channels: list[dict[str, Tensor]] = field(default_factory=list)


class HlsDeadlock(CheckFailed):
    """The generated dataflow region hangs. `cycle`: processes that wait for each other; `blocked`: all that wait."""

    def __init__(self, cycle: list[str], blocked: list[str]) -> None:
        self.cycle, self.blocked = cycle, blocked
        others = [text for text in blocked if text not in cycle]
        more = f"; {len(others)} more wait: {', '.join(others)}" if others else ""
        super().__init__(f"csim: deadlock: {' -> '.join(cycle)}{more}")


class Csim:
    """The C simulation of a design folder: compiled at first use, once per content of ``DIR/hls``."""

    def __init__(self, design: Design, mode: Mode = "fast") -> None:
        self.design, self.mode = design, mode

    @cached_property
    def _model(self) -> HlsModel:
        return hls_model.build(self.design.graph, design_identifier(self.design.manifest.name))

    def compile(self) -> Path:
        """The executable for the C++ as it is in the folder now. Raises InputError when it cannot be compiled."""
        return _build_network(self._model, self.design.folder / "hls", self.mode)

    def run(self, features: Sequence[Tensor], trace: bool = False) -> CsimResult:
        """All utterances back to back in one stream. features: int64 [T, F, C] each.

        Raises CheckFailed for a read on an empty stream, for words left over, and for a crash.
        """
        return _run_network(self.compile(), self._model, self.design.graph, features, trace)


def run_graph(
    graph: UnitGraph, features: Sequence[Tensor], folder: Path, mode: Mode, trace: bool = False
) -> CsimResult:
    """Generate, compile and run a graph without a design; `folder`: where to."""
    model = hls_model.build(graph, design_identifier(graph.name))
    hls.write_sources(model, folder)
    return _run_network(_build_network(model, folder, mode), model, graph, features, trace)


def run_units(
    cases: Sequence[tuple[Unit, Sequence[tuple[Tensor, ...]]]], folder: Path, modes: Sequence[Mode] = ("fast", "strict")
) -> dict[Mode, list[list[tuple[Tensor, ...]]]]:
    """Each unit alone, by its own top, all in one build a mode.

    cases: (unit, its input tensors for each utterance). Returns per mode, unit and utterance the output tensors.
    """
    graph = UnitGraph("units", [_lone_node(f"unit{i}", unit) for i, (unit, _) in enumerate(cases)])
    model = hls_model.build(graph, graph.name)
    hls.write_sources(model, folder)
    hls.write_units_bench(model, folder)
    found: dict[Mode, list[list[tuple[Tensor, ...]]]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        executables = list(
            pool.map(lambda mode: build(folder, ["units_tb.cpp"], hls.compile_flags(model), mode), modes)
        )
    for mode, executable in zip(modes, executables, strict=True):
        with tempfile.TemporaryDirectory(prefix="hwsv-csim-") as data:
            for node, (unit, utterances) in zip(graph, cases, strict=True):
                _write_unit_inputs(Path(data), node.name, unit, utterances)
            _execute(executable, Path(data), graph, model)
            found[mode] = [
                _read_unit_outputs(Path(data), node.name, unit, utterances)
                for node, (unit, utterances) in zip(graph, cases, strict=True)
            ]
    return found


def run_unit(
    unit: Unit, inputs: Sequence[tuple[Tensor, ...]], folder: Path, mode: Mode = "strict"
) -> list[tuple[Tensor, ...]]:
    """One unit alone; see `run_units`, which builds many at once."""
    return run_units([(unit, inputs)], folder, (mode,))[mode][0]


def _build_network(model: HlsModel, project: Path, mode: Mode) -> Path:
    top = f"{model.name}.cpp"
    if not (project / top).is_file():
        raise InputError(f"{project}: no HLS project here; compile the design with --backend hls")
    text = (project / top).read_text()
    texts = shards.split(model, bounded.instrument(text) if mode == "bounded" else text)
    cold = ["tb.cpp", *([top] if len(texts) > 1 else [])]
    return build(project, ["tb.cpp"], hls.compile_flags(model), mode, texts, cold)


def _run_network(
    executable: Path, model: HlsModel, graph: UnitGraph, features: Sequence[Tensor], trace: bool
) -> CsimResult:
    if not features:
        return CsimResult([])
    frames = [graph.frames(len(x)) for x in features]
    with tempfile.TemporaryDirectory(prefix="hwsv-csim-") as folder:
        data = Path(folder)
        hls.write_vectors(graph, data, features)
        _execute(executable, data, graph, model, trace)
        embeddings = _utterances(data / f"{OUTPUT}.out.bin", graph.stream(OUTPUT), [f[OUTPUT] for f in frames])
        channels: list[dict[str, Tensor]] = [{} for _ in features]
        for port in model.channels if trace else ():
            tensors = _utterances(data / f"{port.name}.bin", port.stream, [f[port.tensor] for f in frames])
            for found, tensor in zip(channels, tensors, strict=True):
                found[port.tensor] = tensor
    if trace:
        for found, x, embedding in zip(channels, features, embeddings, strict=True):
            found |= {INPUT: np.asarray(x, np.int64), OUTPUT: embedding}
    return CsimResult([e.reshape(-1) for e in embeddings], channels if trace else [])


def _utterances(path: Path, stream: Stream, frames: Sequence[int]) -> list[Tensor]:
    """A file's words as one tensor [T, F, C] an utterance."""
    words = hls.read_words(path, stream)
    counts = [n * stream.words_per_frame for n in frames]
    if len(words) != sum(counts):
        raise CheckFailed(f"csim: {len(words)} words on {path.stem!r}, {sum(counts)} expected")
    parts = np.split(words, np.cumsum(counts)[:-1])
    return [stream.tensor(part) for part in parts]


def _execute(executable: Path, data: Path, graph: UnitGraph, model: HlsModel, trace: bool = False) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "HWSV_CSIM_TRACE"}
    if trace:
        environment["HWSV_CSIM_TRACE"] = str(data)
    done = subprocess.run([str(executable), str(data)], env=environment, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    if blocked := [line.removeprefix(BLOCKED) for line in lines if line.startswith(BLOCKED)]:
        raise _deadlock(blocked, _ends(graph, model))
    for line in lines:
        if line.startswith(ERROR):
            message = line.removeprefix(ERROR)
            writer, reader = _ends(graph, model).get(message.rpartition(": ")[2], ("", ""))
            raise CheckFailed(f"csim: {message}" + (f" (written by {writer!r}, read by {reader!r})" if reader else ""))
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise CheckFailed(f"csim: ended with code {done.returncode}: {said[:200]}")


def _ends(graph: UnitGraph, model: HlsModel) -> dict[str, tuple[str, str]]:
    """stream -> (process that writes it, process that reads it)."""
    writers = {tensor: node.name for node in graph for tensor in node.outputs}
    readers = {tensor: node.name for node in graph for tensor in node.inputs}
    ports: list[Port] = [*model.inputs, *model.channels, *model.outputs]
    ends = {p.name: (writers.get(p.tensor, TEST_BENCH), readers.get(p.tensor, TEST_BENCH)) for p in ports}
    lengths = {process.length: (LENGTH_SOURCE, process.name) for process in model.processes}
    return {"length": (TEST_BENCH, LENGTH_SOURCE), **lengths, **ends}


def _deadlock(blocked: list[str], ends: dict[str, tuple[str, str]]) -> HlsDeadlock:
    """From the lines of the stand-in (depth 0: unbounded): follow what each process waits for until one repeats."""
    waits: dict[str, str] = {}
    texts: dict[str, str] = {}
    busy = []
    for line in blocked:
        process, stream, state, depth, activity = line.split()
        waits[process] = ends[stream][0 if state == "empty" else 1]
        texts[process] = f"{process}: {stream!r} is {state}" + (f" (depth {depth})" if int(depth) else "")
        busy += [process] if activity == "busy" else []
    for start in busy:
        path = [start]
        while (following := waits[path[-1]]) in waits and following not in path:
            path.append(following)
        if following in path:
            cycle = path[path.index(following) :]
            return HlsDeadlock([texts[p] for p in cycle], [texts[p] for p in waits if p in busy or p in cycle])
    return HlsDeadlock([texts[p] for p in busy], [texts[p] for p in busy])


def _lone_node(name: str, unit: Unit) -> Node:
    inputs = tuple(f"{name}_from{i}" for i in range(len(unit.inputs())))
    outputs = tuple(f"{name}_to{i}" for i in range(len(unit.outputs())))
    return Node(name, unit, inputs, outputs)


def _port_names(side: str, streams: Sequence[Stream]) -> list[str]:
    return [f"{side}{i}" if len(streams) > 1 else side for i in range(len(streams))]


def _write_unit_inputs(data: Path, name: str, unit: Unit, utterances: Sequence[tuple[Tensor, ...]]) -> None:
    hls.write_words(data / f"{name}_length.bin", LENGTHS, [np.array([len(tensors[0])]) for tensors in utterances])
    for i, (port, stream) in enumerate(zip(_port_names("in", unit.inputs()), unit.inputs(), strict=True)):
        hls.write_words(data / f"{name}_{port}.bin", stream, [tensors[i] for tensors in utterances])


def _read_unit_outputs(
    data: Path, name: str, unit: Unit, utterances: Sequence[tuple[Tensor, ...]]
) -> list[tuple[Tensor, ...]]:
    frames = [unit.out_frames(len(tensors[0])) for tensors in utterances]
    streams = unit.outputs()
    ports = [
        _utterances(data / f"{name}_{port}.out.bin", stream, frames)
        for port, stream in zip(_port_names("out", streams), streams, strict=True)
    ]
    return list(zip(*ports, strict=True))
