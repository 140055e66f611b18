"""Commands that prove equality: verify, demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hwsv.cli.app import app
from hwsv.cli.board import Port
from hwsv.cli.design import DesignFolder, print_cycles, print_resources
from hwsv.cli.output import Json, print_json, print_table, progress
from hwsv.errors import CheckFailed

if TYPE_CHECKING:
    from hwsv.verify.chain import VerifyResult

LEVELS_HELP = (
    "Levels: torch, qonnx-raw, qonnx, golden, emulator, csim, csim-strict, csim-bounded, cycle, rtl, netlist, board."
)
DEFAULT_LEVELS = "qonnx-raw,qonnx,golden,emulator,csim,cycle,rtl"


@app.command()
def verify(
    folder: DesignFolder,
    levels: Annotated[str, typer.Option(help=LEVELS_HELP)] = DEFAULT_LEVELS,
    utterances: Annotated[int | None, typer.Option(metavar="N", help="How many utterances (without audio: 4).")] = None,
    inside: Annotated[
        int, typer.Option(min=0, metavar="N", help="Utterances to compare inside too: every value between the units.")
    ] = 4,
    root: Annotated[Path | None, typer.Option(metavar="AUDIO", help="Folder that --list's paths are under.")] = None,
    listing: Annotated[Path | None, typer.Option("--list", metavar="FILE", help="utt2spk or trial list.")] = None,
    wav: Annotated[list[Path] | None, typer.Option(metavar="F", help="Audio file; repeatable.")] = None,
    features: Annotated[list[Path] | None, typer.Option(metavar="F.npy", help="Integer features; repeatable.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(metavar="F.pt", help="Trained network, for level torch.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of random inputs.")] = 0,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Prove that levels compute the same integer embeddings; exit code 1 when they do not."""
    from hwsv.design import Design
    from hwsv.verify.chain import parse_levels
    from hwsv.verify.chain import verify as run
    from hwsv.verify.inputs import Source, load
    from hwsv.verify.level import Options

    design, names = Design.open(folder), parse_levels(levels)
    with progress() as report:
        source = Source(wav or (), features or (), root, listing, utterances, seed)
        inputs, described = load(design, source, report)
        result = run(design, names, inputs, Options(checkpoint, report, port or ""), report, inside)
    if as_json:
        print_json(result.to_json())
    else:
        print_levels(result, f"{design.manifest.name}: {described}")
    fail_unless_equal(result)


def print_levels(result: "VerifyResult", title: str) -> None:
    """The table of levels, and for each difference the place where it starts."""
    rows = []
    for row in result.rows:
        style = "" if not row.against else "green" if not row.mismatches else "red" if row.binding else "yellow"
        counts = (f"{row.values:,}", Text(f"{row.mismatches:,}", style)) if row.against else ("", "")
        inside = row.inside if row.against else ""
        rows.append((row.name, row.against or "(first)", row.utterances, inside, *counts, f"{row.seconds:.2f}"))
    columns = ["level", "compared with", ">utterances", ">inside", ">values compared", ">mismatches", ">time (s)"]
    print_table(title, columns, rows)
    for row in result.rows:
        if row.first:
            print(f"{row.name}: first difference from {row.against}: {row.first}")


def fail_unless_equal(result: "VerifyResult") -> None:
    """Raises CheckFailed that names the first unit to differ."""
    wrong = [row for row in result.rows if row.binding and row.mismatches]
    if wrong:
        raise CheckFailed(f"{wrong[0].name} differs from {wrong[0].against}: {wrong[0].first}")


@app.command()
def demo(
    folder: DesignFolder,
    wav: Annotated[list[Path] | None, typer.Argument(metavar="[WAV]...", help="Audio; bundled if none.")] = None,
    as_json: Json = False,
) -> None:
    """Two voices back to back through every level, and what the accelerator would cost and do."""
    from hwsv.demo import demo as run
    from hwsv.design import Design

    design = Design.open(folder)
    with progress() as report:
        result = run(design, wav or [], report)
    if as_json:
        print_json(result.to_json())
        return fail_unless_equal(result.verification)
    print_resources(design)
    print_cycles(design, result.simulation)
    print(result.speed_line())
    print(result.cosine_line())
    print()
    print_levels(result.verification, f"{design.manifest.name} on {design.manifest.board.name}")
    fail_unless_equal(result.verification)
