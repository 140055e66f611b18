"""Commands that wrap the repository's ``training`` package: train, export."""

from pathlib import Path
from typing import Annotated

import typer

from hwsv.cli.app import app
from hwsv.cli.output import Json, print_json
from hwsv.errors import InputError

HINT = "needs the repository's training package and its libraries (make setup-train)"


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Recipe file, or the name of a shipped one.")],
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder that the recipe's lists and audio are in.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Checkpoints and log go here.")] = Path(
        "build/train"
    ),
    resume: Annotated[bool, typer.Option(help="Go on where a killed run stopped.")] = True,
    as_json: Json = False,
) -> None:
    """Train a network from a recipe."""
    try:
        from training.run import train as run
    except ImportError as error:
        raise InputError(f"train {HINT}: {error}") from error
    checkpoint = run(recipe, root, out, resume)
    print_json({"checkpoint": str(checkpoint)}) if as_json else print(checkpoint)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="Checkpoint file or shipped name; with --random a recipe.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.onnx", help="QONNX file to write.")],
    random: Annotated[bool, typer.Option("--random", help="An untrained network with seeded random values.")] = False,
    as_json: Json = False,
) -> None:
    """Export a network as QONNX."""
    try:
        from training.export import export as run
    except ImportError as error:
        raise InputError(f"export {HINT}: {error}") from error
    written = run(name, out, random)
    print_json({"model": str(written)}) if as_json else print(written)
