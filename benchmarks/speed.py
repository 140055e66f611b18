"""Speed: emulator against onnxruntime, compile, csim, cycle simulator. Batch 1, one thread each, best of several."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hwsv.csim import Csim
from hwsv.design import Design
from hwsv.emulator import Emulator
from hwsv.simulator.tables import build
from hwsv.simulator.timing import play

Row = tuple[str, str, str]

_COMPILE = """
import sys, time; started = time.perf_counter()
from pathlib import Path
from hwsv.compile import compile_model
compile_model(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
assert "torch" not in sys.modules, "compile imported torch"
print(time.perf_counter() - started)
"""


def all_rows(design: Design, model: Path, float_twin: Path) -> Iterator[Row]:
    """(benchmark, figure, detail) of every speed benchmark."""
    yield emulator(design, float_twin)
    yield compiling(design, model)
    yield csim(design)
    yield simulator(design)


def best(function: Callable[[], object], repeats: int = 7) -> float:
    """Seconds of the fastest of several runs, the first (compiling, caching) one not counted."""
    function()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def best_of_both(one: Callable[[], object], other: Callable[[], object], rounds: int = 10) -> tuple[float, float]:
    """Seconds of the fastest run of each, in turns of 20 runs, so that what else the machine does meets both."""
    pairs = [(best(one, repeats=20), best(other, repeats=20)) for _ in range(rounds)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def random_features(design: Design, frames: int, seed: int = 0) -> np.ndarray:
    """int64 [T, F, C] over the range of speech features."""
    spec = design.manifest.input
    values = np.random.default_rng(seed).normal(0, 30, (frames, spec.freq, spec.channels))
    return np.clip(np.rint(values), -128, 127).astype(np.int64)


def emulator(design: Design, float_twin: Path) -> Row:
    """The emulator against onnxruntime's float kernels on the float twin, same features, by turns in one run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(float_twin), options, providers=["CPUExecutionProvider"])
    features = random_features(design, 200)
    floats = (features.transpose(2, 0, 1)[None] * design.manifest.input.scale).astype(np.float32)
    name = session.get_inputs()[0].name
    engine = Emulator(design.folder / "network.packed")
    ours, theirs = best_of_both(lambda: engine.run(features), lambda: session.run(None, {name: floats}))
    detail = f"T=200: emulator {ours * 1e3:.2f} ms, onnxruntime {onnxruntime.__version__} float {theirs * 1e3:.2f} ms"
    return "emulator / onnxruntime", f"{theirs / ours:.1f}x faster", detail


def compiling(design: Design, model: Path) -> Row:
    """`hwsv compile` in a fresh process, caches warm; fails if torch was imported."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _COMPILE, str(model), design.manifest.board.name, f"{folder}/design"]
        seconds = [
            float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
            for _ in range(2)
        ]
    return "compile", f"{min(seconds):.1f} s", f"{model.name} for {design.manifest.board.name}, no torch imported"


def csim(design: Design) -> Row:
    """The generated C++, native integers, without its g++ run."""
    engine = Csim(design, mode="fast")
    features = [random_features(design, 200, seed) for seed in range(4)]
    seconds = best(lambda: engine.run(features), repeats=3) / len(features)
    return "csim (fast)", f"{seconds:.2f} s an utterance", "T=200, 4 utterances a run, g++ not counted"


def simulator(design: Design) -> Row:
    """Timing only, tables included, after the first call of the process."""
    frames = [200] * 3
    handshakes = 0

    def once() -> None:
        nonlocal handshakes
        handshakes = play(build(design.graph, frames)).handshakes

    seconds = best(once)
    detail = f"{handshakes / 1e6:.1f} M pushes and pops in {seconds * 1e3:.0f} ms, tables included"
    return "cycle simulator", f"{handshakes / seconds / 1e6:.0f} M handshakes/s", detail
