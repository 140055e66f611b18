"""The command that explores the design space: search."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from hwsv.cli.app import app
from hwsv.cli.output import Json, print_json, print_table, progress
from hwsv.errors import InputError


@app.command()
def search(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="QONNX file of the network.")],
    board: Annotated[str, typer.Option(help="Board name (see 'hwsv boards') or a board file.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write.")],
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Look for the smallest design of this many utterances/s.")
    ] = None,
    fastest: Annotated[
        bool, typer.Option("--fastest", help="Look for the fastest design that fits (default).")
    ] = False,
    points: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Designs to try at most.")] = 48,
    jobs: Annotated[int | None, typer.Option(min=1, max=1024, metavar="N", help="Processes (all cores).")] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers try the points.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search the foldings of a network for a board: exact cycles, estimated resources, Pareto-optimal set."""
    if fps is not None and fastest:
        raise InputError("--fps and --fastest exclude each other: the smallest for a rate, or the fastest that fits")
    if fps is not None and not 0 < fps < 1e9:
        raise InputError(f"--fps must be a number above 0 and below 1e9, not {fps:g}")
    if cluster is not None and jobs is not None:
        raise InputError("--jobs counts processes of this machine, --cluster uses another's: give one of them")
    from hwsv.boards import load_board
    from hwsv.frontend import import_model
    from hwsv.search.explore import explore
    from hwsv.search.output import check_place, write
    from hwsv.search.point import Problem
    from hwsv.search.workers import workers

    chosen = load_board(board)
    check_place(out)
    started = time.perf_counter()
    imported = import_model(model)
    problem = Problem(imported.graph, imported.input.frames_example, chosen)
    wanted = None if fps is None else chosen.clock_hz / fps
    with progress() as bar, workers(problem, jobs or len(os.sched_getaffinity(0)), cluster) as call:
        found = explore(problem, call, points, wanted, bar or (lambda what, done, total: None))
    facts = write(found, problem, model, fps, out)
    seconds = time.perf_counter() - started
    if as_json:
        return print_json(facts | {"folder": str(out), "seconds": round(seconds, 2)})
    print_points(facts, chosen.resources.lut_inputs)
    fitting = sum(row["fits"] for row in facts["points"])
    print(
        f"{out}: {len(facts['points'])} designs in {seconds:.0f} s, {fitting} fit {chosen.name}, "
        f"{len(found.pareto)} are Pareto-optimal; pareto.png shows them"
    )
    best = facts["points"][facts["chosen"]]
    print(f"hwsv compile {model} --board {board} --folding {out / best['file']} -o DIR   # the chosen one (*)")


def print_points(facts: dict[str, Any], lut_inputs: int) -> None:
    """The Pareto-optimal points, from the fastest on."""
    there = [limit["board"] for limit in facts["limits"].values()]

    def cells(row: dict[str, Any]) -> list[str]:
        used = (row["lut"], row["ff"], row["bram_blocks"], row["dsp"])
        return [
            "*" if row["chosen"] else "", f"{row['fps']:.2f}", f"{row['interval_cycles']:,}",
            f"{row['latency_cycles'] / facts['clock_mhz'] / 1000:.2f}",
            *(f"{n:,} ({n / has:.0%})" if has else f"{n:,}" for n, has in zip(used, there, strict=True)),
            row["bottleneck"], row["file"],
        ]  # fmt: skip

    columns = ["", ">utterances/s", ">interval", ">latency ms", f">LUT{lut_inputs}", ">FF", ">block RAM", ">DSP"]
    rows = [cells(row) for row in facts["points"] if row["pareto"]]
    title = f"Pareto-optimal designs of {facts['name']} on {facts['board']} (cycles exact, resources estimated)"
    print_table(title, [*columns, "bottleneck", "folding file"], rows)
