"""The cycle simulator against Verilator on the same RTL: same utterances, same cycles, one thread each."""

import resource
import time
from collections.abc import Iterator

from benchmarks.speed import Row, random_features
from hwsv.cosim import Rtl
from hwsv.design import Design
from hwsv.simulator.tables import build
from hwsv.simulator.timing import play

FRAMES = [200, 200]
"""Two utterances back to back."""


def all_rows(design: Design) -> Iterator[Row]:
    """(benchmark, figure, detail) of every benchmark on the RTL of `design`."""
    yield simulator(design)


def simulator(design: Design, frames: list[int] = FRAMES) -> Row:
    """Processor time of timing the utterances (tables included) and of clocking them through Verilator's model.

    The model is built with -O3 and without probes; building it is not counted. The runs alternate, best of each.
    """
    features = [random_features(design, t, seed) for seed, t in enumerate(frames)]
    model = Rtl(design)
    model.compile("fast")
    play(build(design.graph, frames))
    ours, theirs, cycles = [], [], 0
    for _ in range(3):
        for _ in range(5):
            started = time.process_time()
            cycles = play(build(design.graph, frames)).cycles
            ours.append(time.process_time() - started)
        started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        model.embeddings(features)
        theirs.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - started)
    detail = (
        f"{cycles / 1e6:.2f} M cycles, T={'+'.join(map(str, frames))}: simulator {min(ours) * 1e3:.0f} ms with tables, "
        f"Verilator -O3 "
        f"{min(theirs):.1f} s without its build ({cycles / min(theirs) / 1e3:.0f} kHz); processor time, one thread each"
    )
    return "cycle simulator / Verilator", f"{min(theirs) / min(ours):.0f}x faster", detail
