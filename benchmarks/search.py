"""Design-space search: ``python -m benchmarks.search [MODEL.onnx BOARD]… [--points N] [--jobs N]``.

For each pair: designs tried, seconds, the fastest that fits, and beside it what ``hwsv compile --fps max`` would take
(the same bisection, FIFOs sized, simulated). Without pairs: the shipped nano on an ULX3S-25F, a few points.
"""

import argparse
import os
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from hwsv.boards import load_board
from hwsv.errors import InputError
from hwsv.estimate import estimate
from hwsv.fifo_sizing import least, size
from hwsv.folding import fold_fastest
from hwsv.frontend import import_model
from hwsv.graph import UnitGraph
from hwsv.search.explore import explore
from hwsv.search.point import Problem
from hwsv.search.workers import workers
from hwsv.simulator.timing import run
from hwsv.wiring import wire

DEFAULT = ["training/zoo/nano.onnx", "ulx3s-25f"]
COLUMNS = ("network", "board", "designs", "fit", "front", "s", "designs/s", "fastest that fits", "compile --fps max")


def main() -> None:
    """One row a network and board."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="MODEL.onnx BOARD")
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    pairs = options.pairs or DEFAULT
    if len(pairs) % 2:
        parser.error("every MODEL.onnx needs a BOARD")
    console = Console(width=170)
    console.print(describe())
    table = Table(*COLUMNS, title=f"hwsv search, {options.jobs} processes", title_justify="left")
    for model, board in zip(pairs[::2], pairs[1::2], strict=True):
        table.add_row(*row(Path(model), board, options.points, options.jobs))
    console.print(table)


def row(model: Path, board: str, budget: int, jobs: int) -> tuple[str, ...]:
    """Cells of a pair; the time holds the start of the processes, but not the front-end."""
    imported = import_model(model)
    problem = Problem(imported.graph, imported.input.frames_example, load_board(board))
    head = (model.stem, board)
    started = time.perf_counter()
    try:
        with workers(problem, jobs) as call:
            found = explore(problem, call, budget, None, lambda what, done, total: None)
    except InputError as error:
        seconds = time.perf_counter() - started
        return (*head, "", "0", "", f"{seconds:.0f}", "", str(error), compiled(problem))
    seconds = time.perf_counter() - started
    best = found.points[found.chosen]
    return (
        *head, str(len(found.points)), str(sum(p.fits for p in found.points)), str(len(found.pareto)), f"{seconds:.0f}",
        f"{len(found.points) / seconds:.2f}", figures(problem, best.interval, best.lut, best.bram, best.dsp),
        compiled(problem),
    )  # fmt: skip


def compiled(problem: Problem) -> str:
    """What the compiler's own bisection finds, with the same figures."""
    frames = problem.frames

    def finish(folded: UnitGraph) -> UnitGraph:
        graph = wire(folded)
        graph.channels = least(graph, frames)
        return graph

    try:
        graph = fold_fastest(problem.graph, frames, problem.board, None, finish).graph
    except InputError as error:
        return str(error)
    graph.channels = size(graph, frames)
    found = estimate(graph, problem.board)
    return figures(problem, run(graph, [frames] * 4).interval, found.lut, found.bram_blocks, found.dsp)


def figures(problem: Problem, interval: int, lut: int, bram: int, dsp: int) -> str:
    """Rate, interval and resources in words."""
    return f"{problem.board.clock_hz / interval:.2f}/s ({interval:,} cycles), {lut:,} LUT, {bram} BRAM, {dsp} DSP"


if __name__ == "__main__":
    main()
