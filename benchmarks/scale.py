"""ResNet34 at scale: ``python -m benchmarks.scale [--rtl] [--long]``; the models are exported with random weights.

Compile time and memory, FIFO sizing, cycle simulator, emulator, csim, mixed lengths, efficiency. --rtl adds what needs
Verilator's model of ResNet34 (its build takes minutes); --long adds every length and the longest utterance.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.machine import describe
from benchmarks.rtl import simulator as simulator_against_verilator
from benchmarks.speed import Row, best, emulator, random_features
from hwsv.cosim import Rtl
from hwsv.csim import Csim
from hwsv.design import Design
from hwsv.emulator import Emulator
from hwsv.fifo_sizing import AMPLE, size
from hwsv.graph import Channel, UnitGraph
from hwsv.simulator import simulate
from hwsv.simulator.tables import build
from hwsv.simulator.timing import play, run
from hwsv.units.base import Tensor
from hwsv.units.sliding_window import SlidingWindow
from hwsv.wiring import depths

BOARDS = {"resnet34-c16": "ulx3s-85f", "resnet34-c32": "zcu104"}
MIXED = (1, 200, 2, 160, 3, 127, 4, 100, 5, 81, 7, 64, 9, 50, 12, 40, 16, 31, 17, 23)
"""Lengths of twenty utterances in one stream, in frames."""


def all_rows(folder: Path, rtl: bool, long: bool) -> Iterator[Row]:
    """(benchmark, figure, detail). folder: where models and designs are kept; a design that is there is used again."""
    designs = {}
    for name, board in BOARDS.items():
        model = folder / f"{name}.onnx"
        if not model.is_file():
            command = [sys.executable, "-m", "hwsv", "export", name, "--random", "-o", str(model)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if not (folder / name).is_dir():
            yield compiling(name, model, board, folder / name)
        designs[name] = Design.open(folder / name)
    c16, c32 = designs.values()
    yield sizing(c16)
    yield inference(c16)
    if rtl:
        yield simulator_against_verilator(c16, [200])
    yield emulator(c32, float_twin("resnet34-c32", folder / "resnet34-c32_float.onnx"))
    for design in (c16, c32):
        yield csim(design)
    yield mixed(c16, rtl)
    for design in (c16, c32):
        yield efficiency(design)
    yield lengths(c16, long)
    if long:
        yield longest(c16)


def compiling(name: str, model: Path, board: str, folder: Path) -> Row:
    """Wall-clock time and peak resident memory of ``hwsv compile`` in a process of its own."""
    command = [sys.executable, "-m", "hwsv", "compile", str(model), "--board", board, "-o", str(folder)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"hwsv compile {model} ended with code {process.returncode}")
    processor = usage.ru_utime + usage.ru_stime
    detail = f"for {board}, FIFO sizing included; {processor:.1f} s of CPU, {usage.ru_maxrss / 1024:.0f} MB at most"
    return f"compile {name}", f"{seconds:.1f} s", detail


def sizing(design: Design) -> Row:
    """FIFO depths, all checks included, after the first call of the process."""
    frames = design.manifest.input.frames_example
    size(design.graph, frames)
    started, processor = time.perf_counter(), time.process_time()
    found = size(design.graph, frames)
    detail = f"{len(found)} channels, T={frames}; {time.process_time() - processor:.1f} s of CPU"
    return f"FIFO sizing {design.manifest.name}", f"{time.perf_counter() - started:.1f} s", detail


def inference(design: Design) -> Row:
    """Exact cycles of one utterance, tables included; processor time, which other work on the machine changes least."""
    seconds, timing = [], run(design.graph, [200])
    for _ in range(10):
        started = time.process_time()
        play(build(design.graph, [200]))
        seconds.append(time.process_time() - started)
    detail = f"one inference, T=200: {timing.cycles:,} cycles, {timing.handshakes / 1e6:.1f} M pushes and pops"
    return f"cycle simulator {design.manifest.name}", f"{min(seconds) * 1e3:.0f} ms", f"{detail}, tables included"


def float_twin(recipe: str, path: Path) -> Path:
    """Plain ONNX of the float network of the same shape, with random weights: its speed does not depend on them."""
    if not path.is_file():
        from training.export import write_float
        from training.models import FloatNet
        from training.recipe import load_recipe

        loaded = load_recipe(recipe)
        write_float(FloatNet(loaded.network, loaded.features), loaded, path)
    return path


def csim(design: Design) -> Row:
    """The generated C++ of the whole network: its process from features to embedding, g++ apart."""
    engine = Csim(design, mode="fast")
    started = time.perf_counter()
    engine.compile()
    built = time.perf_counter() - started
    seconds = best(lambda: engine.run([random_features(design, 200)]), repeats=3)
    detail = f"one utterance, T=200, process and files included; g++ {built:.1f} s (0 if it is there) not counted"
    return f"csim {design.manifest.name}", f"{seconds:.2f} s", detail


def mixed(design: Design, rtl: bool) -> Row:
    """Twenty utterances of twenty lengths in one stream: values of embeddings that differ from the emulator's."""
    features = [random_features(design, t, seed) for seed, t in enumerate(MIXED)]
    engine = Emulator(design.folder / "network.packed")
    expected = [engine.run(x).reshape(-1) for x in features]
    levels = {"csim": Csim(design).run(features).embeddings, "cycle": simulate(design, features).embeddings}
    if rtl:
        levels["rtl"] = Rtl(design).embeddings(features)
    wrong = {level: _differences(expected, found) for level, found in levels.items()}
    detail = f"{len(MIXED)} utterances of {len(set(MIXED))} lengths ({min(MIXED)} to {max(MIXED)} frames) in one stream"
    values = sum(map(len, expected))
    counts = ", ".join(f"{level} {n}" for level, n in wrong.items())
    return (
        f"mixed lengths {design.manifest.name}",
        f"{sum(wrong.values())} differ",
        f"{detail}; {values} values: {counts}",
    )


def _differences(expected: list[Tensor], found: list[Tensor]) -> int:
    return sum(
        len(a) if a.shape != b.reshape(-1).shape else int((a != b.reshape(-1)).sum())
        for a, b in zip(expected, found, strict=True)
    )


def efficiency(design: Design) -> Row:
    """Share of the interval's cycles in which the bottleneck issues a beat, and of its beats that are not padding.

    Four utterances back to back; the interval is that of the last two. A beat on a padded tap is issued like any other
    and adds 0.
    """
    frames = [design.manifest.input.frames_example] * 4
    timing = run(design.graph, frames)
    unit = timing.bottleneck
    lost = timing.interval - unit.beats // len(frames)
    padding = padded(design.graph, unit.node, frames[0])
    detail = (
        f"{unit.node}: {unit.beats // len(frames):,} beats in an interval of {timing.interval:,} cycles, {lost} cycles "
        f"between utterances lost; {100 * padding:.1f} % of the beats are on padded taps"
    )
    return f"bottleneck busy {design.manifest.name}", f"{100 * unit.utilisation:.2f} %", detail


def padded(graph: UnitGraph, name: str, frames: int) -> float:
    """Share of the window words that unit `name` gets which are padding, for an utterance of `frames` frames."""
    producers, tensor = graph.producers(), graph.node(name).inputs[0]
    while tensor in producers:
        node = producers[tensor][0]
        if isinstance(node.unit, SlidingWindow):
            stream, entering = node.unit.inputs()[0], graph.frames(frames)[node.inputs[0]]
            real = np.ones((entering, stream.freq, stream.channels), np.int64)
            return float((node.unit.golden(real)[0] != 1).mean())
        tensor = node.inputs[0]
    return 0.0


def receptive_field(graph: UnitGraph) -> int:
    """Input frames that one frame of the deepest window stream depends on."""
    found: dict[str, tuple[int, int]] = {}  # tensor: frames it sees, input frames from one of its frames to the next
    for node in graph:
        field, step = max((found[t] for t in node.inputs if t in found), default=(1, 1))
        if isinstance(node.unit, SlidingWindow):
            field, step = field + (node.unit.kernel[0] - 1) * step, step * node.unit.stride[0]
        found |= dict.fromkeys(node.outputs, (field, step))
    return max(field for field, _ in found.values())


def ample(graph: UnitGraph) -> dict[str, Channel]:
    """FIFOs in which nothing waits that need not, with the latencies that the design's have."""
    return {
        t: Channel(max(AMPLE * c.depth, graph.channels[t].depth), graph.channels[t].latency)
        for t, c in depths(graph).items()
    }


def lengths(design: Design, every: bool) -> Row:
    """Utterances from one frame to twice the receptive field and random mixes, each back to back; a hang raises."""
    graph, spec = design.graph, design.manifest.input
    field = receptive_field(graph)
    top = 2 * field
    rng = np.random.default_rng(0)
    step = 1 if every else 37
    short, tall = range(spec.frames_min, 64), range(64, top + 1, step)
    mixes = [rng.integers(spec.frames_min, 2 * field, 12).tolist() for _ in range(8 if every else 2)]
    streams = [[t] * 2 for t in short] + [[t] * 2 for t in [*tall, top]] + mixes
    started, lost, cycles = time.perf_counter(), 0, 0
    late: list[list[int]] = []
    for frames in streams:
        finish, ideal = (np.array(run(graph, frames, channels).finish) for channels in (None, ample(graph)))
        cycles += int(finish[-1]) + 1
        lost += int(finish[-1] - ideal[-1])
        late += [frames] if (finish > ideal).any() else []
    seconds = time.perf_counter() - started
    equal = [frames[0] for frames in late if len(frames) == 2]
    which = f"T = 1 … 63, {'every' if every else f'each {step}th'} to {top} (twice the receptive field), twice each"
    detail = (
        f"{which}, {len(mixes)} random mixes of 12: no hang; {lost:,} of {cycles:,} cycles lost against ample FIFOs, "
        f"{len(late)} of {len(streams)} streams later (T up to {max(equal, default=0)}, "
        f"{len(late) - len(equal)} mixes); {seconds:.0f} s"
    )
    return f"lengths {design.manifest.name}", f"{100 * lost / cycles:.3f} % lost", detail


def longest(design: Design) -> Row:
    """One utterance of as many frames as a length word can say."""
    frames = design.manifest.input.frames_max
    started = time.perf_counter()
    timing = run(design.graph, [frames, 1])
    seconds = time.perf_counter() - started
    lost = timing.cycles - run(design.graph, [frames, 1], ample(design.graph)).cycles
    detail = f"T={frames}, then T=1: {timing.cycles:,} cycles, {timing.handshakes / 1e9:.2f} G pushes and pops, no hang"
    return f"longest utterance {design.manifest.name}", f"{lost} cycles lost", f"{detail}; {seconds:.0f} s"


def main() -> None:
    """Print one table of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/scale"), help="models and designs are kept here")
    parser.add_argument("--rtl", action="store_true", help="also what needs Verilator's model of ResNet34")
    parser.add_argument("--long", action="store_true", help="also every length, and the longest utterance")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    console.print(describe())
    table = Table("benchmark", "figure", "detail", title="ResNet34")
    for row in all_rows(options.folder, options.rtl, options.long):
        print(*row, sep=" | ", file=sys.stderr, flush=True)  # minutes pass between some
        table.add_row(*map(escape, row))
    console.print(table)


if __name__ == "__main__":
    main()
