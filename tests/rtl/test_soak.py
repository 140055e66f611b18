"""Random configurations in Verilator: every push and pop, word and cycle, is the simulator's; hangs included.

HWSV_SOAK=N plays N // 3 of them (300 at least), others every time, and whole nano (``make soak``).
"""

import os
import secrets
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from hwsv.cosim import Case, Comparison, Rtl, cosimulate
from hwsv.graph import UnitGraph
from hwsv.simulator.timing import Deadlock, run
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.rtl import configurations
from tests.simulator import networks

SOAK = int(os.environ.get("HWSV_SOAK", 0))
CONFIGURATIONS, BATCH = (max(300, SOAK // 3), 30) if SOAK else (36, 18)
HANGS, HANG_BATCH = (24, 8) if SOAK else (6, 6)
SEED = secrets.randbelow(2**32) if SOAK else 0
NANO = Path(__file__).parents[2] / "training" / "zoo" / "nano.onnx"


def check(cases: list[Case], seeds: list[str], folder: Path) -> list[Comparison]:
    results = cosimulate(cases, folder)
    for seed, result in zip(seeds, results, strict=True):
        assert result.equal and result.rtl_hangs == result.simulator_hangs, f"Random({seed!r}): {result.first}"
        assert result.handshakes > 0
    return results


@pytest.fixture
def say(capsys):
    """Print a line of figures where somebody waits for them."""

    def call(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}" if SOAK else "", end="", flush=True)

    return call


@pytest.mark.parametrize("first", range(0, CONFIGURATIONS, BATCH))
def test_random_configurations(first, tmp_path, say):
    seeds = [f"{SEED}/{number}" for number in range(first, min(first + BATCH, CONFIGURATIONS))]
    results = check([configurations.random_case(Random(seed)) for seed in seeds], seeds, tmp_path)
    count, hang = sum(r.handshakes for r in results), sum(r.rtl_hangs for r in results)
    say(f"{len(results)} configurations, {hang} of which hang: {count:,} handshakes, 0 words and 0 cycles differ")


def cliff(r: Random) -> tuple[UnitGraph, list[int], str, int]:
    """A residual network, its utterances, a bypass, and the greatest depth of it that hangs."""
    while True:
        graph = wire(networks.random_fold(r, resnet(r.randint(3, 6), r.randint(1, 2), (1,), 2, r.randrange(99))))
        frames = [r.randint(3, 8), r.randint(1, 8)]
        bypass = next(node for node in graph if node.unit.kind == "add").inputs[1]
        for depth in range(graph.channels[bypass].depth - 1, 0, -1):
            try:
                run(with_depth(graph, bypass, depth), frames)
            except Deadlock:
                return graph, frames, bypass, depth


def with_depth(graph: UnitGraph, tensor: str, depth: int) -> UnitGraph:
    channels = graph.channels | {tensor: replace(graph.channels[tensor], depth=depth)}
    return UnitGraph(graph.name, graph.nodes, channels)


@pytest.mark.parametrize("first", range(0, HANGS, HANG_BATCH))
def test_a_word_too_few_hangs_where_the_simulator_says(first, tmp_path, say):
    """Networks on both sides of the cliff: one hangs after the same handshakes as in the simulator, one does not."""
    cases, seeds = [], []
    for number in range(first, first + HANG_BATCH):
        r = Random(f"{SEED}/hang/{number}")
        graph, frames, bypass, depth = cliff(r)
        features = configurations.features(r, graph, frames)
        stalls = networks.random_stalls(r)
        cases += [Case(with_depth(graph, bypass, d), features, stalls) for d in (depth, depth + 1)]
        seeds += [f"{SEED}/hang/{number}"] * 2
    results = check(cases, seeds, tmp_path)
    assert [r.rtl_hangs for r in results] == [True, False] * HANG_BATCH
    count = sum(r.handshakes for r in results)
    say(f"{HANG_BATCH} networks at the least depth and below: {count:,} handshakes, hangs as in the simulator")


@pytest.mark.skipif(not SOAK, reason="minutes; make soak runs it")
def test_whole_nano(tmp_path, say):
    """Two utterances back to back, then three with stalls at all ends."""
    from hwsv.compile import compile_model
    from hwsv.verify.inputs import random_features

    design = compile_model(NANO, "ulx3s-25f", tmp_path / "nano", backend="rtl")
    rtl, r = Rtl(design), Random(SEED)
    for count, enables in ((2, {}), (3, networks.random_stalls(r))):
        result = rtl.check(random_features(design, count, r.randrange(2**32)), enables)
        assert result.equal and not result.rtl_hangs, result.first
        say(f"nano, {count} utterances{' with stalls' * bool(enables)}: {result.handshakes:,} handshakes, 0 differ")
