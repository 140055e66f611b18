"""Compile: model file in, design folder out."""

import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import onnx

from hwsv import __version__, graph_onnx
from hwsv.boards import load_board
from hwsv.codegen import hls, rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.design import MANIFEST, Design, InputSpec, Manifest
from hwsv.emulator.packed import write_packed
from hwsv.errors import InputError
from hwsv.fifo_sizing import least, size
from hwsv.folding import fold, fold_fastest, read_overrides
from hwsv.frontend import import_model
from hwsv.graph import OUTPUT, UnitGraph
from hwsv.host.calibration import CALIBRATION
from hwsv.simulator.timing import run
from hwsv.wiring import wire

DEFAULT_FPS = 30.0
"""Utterances a second where none is asked for: enough for 30 microphones at one utterance a second each."""

Backend = Literal["hls", "rtl", "both"]


def compile_model(
    model: Path,
    board: str,
    out: Path,
    fps: float | Literal["max"] = DEFAULT_FPS,
    backend: Backend = "both",
    folding: Path | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> Design:
    """Compile `model` (QONNX) for `board` into the folder `out`, and return the design.

    The folder appears whole or not at all: it is made beside its place and renamed. An older design there is replaced;
    any other folder that is not empty is refused. progress: called with the name of each stage.
    Raises InputError; Deadlock if the wired design hangs (checked with three utterances before anything is kept).
    """
    if fps != "max" and not 0 < fps < 1e9:
        raise InputError(f"--fps must be max or a number above 0 and below 1e9, not {fps:g}")
    chosen = load_board(board)
    overrides = read_overrides(folding) if folding else {}
    with _appearing(out) as folder:
        progress("front-end")
        imported = import_model(model)
        progress("folding")
        frames = imported.input.frames_example
        limit = ""
        if fps == "max":
            fastest = fold_fastest(imported.graph, frames, chosen, overrides, lambda folded: _wired(folded, frames))
            graph, limit, target_fps = fastest.graph, fastest.limit, chosen.clock_hz / fastest.cycles
        else:
            target_fps = fps
            folded = fold(imported.graph, frames, chosen.clock_hz / target_fps, overrides, chosen.resources)
            graph = wire(folded)
        progress("FIFO sizing")
        graph.channels = size(graph, frames)
        progress("cycle check")
        run(graph, _check_lengths(imported.input))
        progress("writing")
        (folder / "stages").mkdir()
        onnx.save_model(imported.raw, str(folder / "model.onnx"))  # external data, if any, comes along
        if (shipped := model.with_suffix(f".{CALIBRATION}")).is_file():
            shutil.copyfile(shipped, folder / CALIBRATION)
        for name, stage in imported.stages.items():
            onnx.save_model(stage, str(folder / "stages" / f"{name}.onnx"))
        if imported.host_post is not None:
            onnx.save_model(imported.host_post, str(folder / "host_post.onnx"))
        graph_onnx.save(graph, folder / "unit_graph.onnx")
        write_packed(graph, folder / "network.packed")
        write_memories(graph, folder / "mem")
        if backend in ("hls", "both"):
            hls.generate(graph, graph.name, folder / "hls", chosen)
            hls.write_random_vectors(graph, folder / "hls" / "data", _vector_lengths(imported.input))
        if backend in ("rtl", "both"):
            rtl.generate(graph, graph.name, folder / "rtl", chosen)
        manifest = Manifest(
            name=graph.name,
            hwsv_version=__version__,
            hash=graph_hash(graph),
            model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
            board=chosen,
            target_fps=target_fps,
            limit=limit,
            input=imported.input,
            outputs=_outputs(graph, frames),
            tensor_map=imported.tensor_map,
        )
        (folder / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    return Design.open(out)


def parse_fps(text: str | None) -> float | Literal["max"]:
    """The option ``--fps``: a number, ``max``, or the default. Raises InputError."""
    if text is None:
        return DEFAULT_FPS
    if text == "max":
        return "max"
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"--fps must be a positive number or max, not {text!r}") from error


def _wired(folded: UnitGraph, frames: int) -> UnitGraph:
    """For the estimate of one of many foldings: FIFOs within a few words of their size."""
    graph = wire(folded)
    graph.channels = least(graph, frames)
    return graph


def graph_hash(graph: UnitGraph) -> str:
    """SHA-256 of the unit graph as it is saved."""
    return hashlib.sha256(graph_onnx.to_model(graph).SerializeToString(deterministic=True)).hexdigest()


def _outputs(graph: UnitGraph, frames: int) -> int:
    return graph.frames(frames)[OUTPUT] * graph.stream(OUTPUT).words_per_frame * graph.stream(OUTPUT).lanes


def _vector_lengths(spec: InputSpec) -> list[int]:
    """Two utterances for the test bench of the HLS project, as short as may be: the golden model computes them."""
    shortest = spec.frames_min if spec.frames_fixed is None else spec.frames_fixed
    return [shortest, shortest if spec.frames_fixed else min(shortest + 15, spec.frames_max)]


def _check_lengths(spec: InputSpec) -> list[int]:
    """Three utterances, the shortest one in the middle where the length is free."""
    example = spec.frames_example
    return [example, spec.frames_min if spec.frames_fixed is None else example, example]


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A folder that takes the place of `out` when the block ends well, and vanishes when it does not.

    It is made in a hidden folder beside `out`, which its process holds a lock on. A killed process leaves that folder
    and nothing else; the next one for the same `out` finds it unlocked and removes it.
    """
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / MANIFEST).is_file())):
        raise InputError(f"{out} exists and is not a design: choose another folder or remove it")
    out = out.absolute()
    prefix = f".{out.name}.hwsv-"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for stale in out.parent.glob(f"{glob.escape(prefix)}*"):
            with _lock(stale) as locked:
                if locked:
                    shutil.rmtree(stale, ignore_errors=True)
        workshop = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {error.strerror}") from error
    with _lock(workshop):
        try:
            made = workshop / "new"
            made.mkdir(mode=0o755)
            yield made
            if out.exists():
                out.rename(workshop / "old")
            made.rename(out)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Hold the lock on `folder` (the kernel frees it with the process); False where another process holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(handle)
