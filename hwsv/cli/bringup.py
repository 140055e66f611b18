"""The command bringup."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from hwsv.cli.app import app
from hwsv.cli.output import Json, print_json, stages
from hwsv.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from hwsv.bringup.report import StepResult

STYLES = {"ok": "green", "failed": "bold red", "skipped": "dim", "not run": "dim"}


@app.command()
def bringup(
    board: Annotated[str, typer.Option(help="Board name (see 'hwsv boards') or a board file.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Design folder (build/nano-BOARD, that of 'make bringup').")
    ] = None,
    port: Annotated[str | None, typer.Option(metavar="PORT", help="Serial port of the board: /dev/ttyUSB0.")] = None,
    sim: Annotated[bool, typer.Option("--sim", help="A simulated board instead of a real one.")] = False,
    no_program: Annotated[bool, typer.Option("--no-program", help="The bitstream is on the board already.")] = False,
    wav: Annotated[
        list[Path] | None, typer.Option(metavar="F", help="Your recordings: the first is enrolled, the others claim.")
    ] = None,
    utterances: Annotated[int, typer.Option(min=0, metavar="N", help="Random utterances beside the voices.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random utterances.")] = 0,
    timeout: Annotated[
        float | None, typer.Option(min=0.01, metavar="S", help="Seconds that an answer may be late.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring up a board, step by step: program, identify, loopback, golden vectors, throughput, voices."""
    from hwsv.bringup.run import Request, bring_up, check
    from hwsv.design import Design

    if (port is None) != sim:
        raise InputError("give either --port PORT (a board) or --sim (a simulated one)")
    design = Design.open(folder or Path("build") / f"nano-{board}")
    request = Request(design, port, timeout, not no_program, wav or (), utterances, seed)
    check(request, board)
    with stages("bringup") as on_start:
        report = bring_up(request, (lambda step: None) if as_json else print_step, on_start)
    if as_json:
        print_json(report.to_json())
    else:
        print(f"report: {report.page}")
    if report.failed:
        raise CheckFailed(f"bring-up failed at step {report.failed.name!r}: {report.failed.message}")


def print_step(step: "StepResult") -> None:
    """One line, and what to try after a failure."""
    line = Text.assemble(f"{step.name:<11}", (f"{step.status:<8}", STYLES[step.status]), step.message)
    seconds = f"  [{step.seconds:.1f} s]" if step.status == "ok" else ""
    Console(soft_wrap=True).print(line, Text(seconds, "dim"), sep="", highlight=False)
    for advice in step.tries:
        print(f"    try: {advice}")
    sys.stdout.flush()  # steps may take minutes, and be read through a pipe
