"""What each choice brings: one small network, trained again with one thing changed, on several seeds.

    python -m training.ablation --root DATA -o runs/ablation [--readme training/README.md]

reads ``recipes/ablation/rows.yaml``. Every row starts from the same float twin (one a seed) and changes the binary
network or its training; figures are EERs on the held-out speakers, in percent. A killed run goes on where it was.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwsv.errors import HwsvError, InputError
from training.data import Crops
from training.evaluate import Heldout
from training.recipe import RECIPES, Recipe
from training.run import Run

ROWS = RECIPES / "ablation" / "rows.yaml"
BEGIN, END = "<!-- ablation: begin -->", "<!-- ablation: end -->"


class Row(BaseModel):
    """One line of the table: ``change`` is merged into the recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    change: dict[str, Any] = {}


class Ablation(BaseModel):
    """The first row is what the others are compared with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: list[int] = Field(min_length=1)
    recipe: dict[str, Any]
    rows: list[Row] = Field(min_length=1)


Figures = dict[str, dict[int, tuple[float, float]]]
"""Row -> seed -> (EER, noisy EER), fractions, on the held-out speakers."""


def load(path: Path) -> Ablation:
    """Raises `InputError`."""
    try:
        return Ablation.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: not an ablation ({' '.join(str(error).split())[:200]})") from error


def merged(values: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """``values`` with the leaves of ``change``."""
    return values | {
        key: merged(values[key], value) if isinstance(value, dict) and isinstance(values.get(key), dict) else value
        for key, value in change.items()
    }


def recipe_of(ablation: Ablation, row: Row, seed: int) -> Recipe:
    """Raises `InputError` for a change that is not one of the binary network or of its training."""
    try:
        base = Recipe.model_validate(ablation.recipe | {"seed": seed})
        recipe = Recipe.model_validate(merged(ablation.recipe | {"seed": seed}, row.change))
    except ValidationError as error:
        raise InputError(f"{row.name}: {error.errors()[0]['msg']}") from error
    if (recipe.data, recipe.features, recipe.float_twin) != (base.data, base.features, base.float_twin):
        raise InputError(f"{row.name}: a row changes the network, the augmentation or the binary stages only")
    return recipe


def run(ablation: Ablation, root: Path, out: Path) -> Figures:
    """Train what is missing under ``out`` and read the figures of every row."""
    figures: Figures = {row.name: {} for row in ablation.rows}
    for seed in ablation.seeds:
        base = recipe_of(ablation, Row(name="base"), seed)
        folder = out / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        shared = Run(base, Crops(base, root, out / "cache"), Heldout(base, root), folder)
        twin = shared.float_twin()
        for row in ablation.rows:
            place = folder / re.sub(r"[^a-z0-9]+", "-", row.name.lower()).strip("-")
            place.mkdir(exist_ok=True)
            one = replace(shared, recipe=recipe_of(ablation, row, seed), out=place)
            eer = shared.heldout.eer(one.binary(twin).net)
            figures[row.name][seed] = eer["clean"], eer["noisy"]
    return figures


def table(figures: Figures) -> str:
    """Markdown: means over the seeds, each seed's value in parentheses, differences to the first row."""
    base = next(iter(figures.values()))
    lines = ["| change | held-out | difference | held-out noisy | difference |", "|---|---|---|---|---|"]
    for name, found in figures.items():
        cells = [name]
        for kind in (0, 1):
            values = [100 * found[seed][kind] for seed in found]
            gains = [100 * (found[seed][kind] - base[seed][kind]) for seed in found]
            each = ", ".join(f"{value:.1f}" for value in values)
            cells += [f"{sum(values) / len(values):.1f} ({each})", "" if found is base else _signed(gains)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _signed(gains: list[float]) -> str:
    return f"{sum(gains) / len(gains):+.1f} ({', '.join(f'{gain:+.1f}' for gain in gains)})"


def write_between(path: Path, text: str) -> None:
    """Replace what stands between the two markers of a page. Raises `InputError`."""
    page = path.read_text(encoding="utf-8")
    if BEGIN not in page or END not in page:
        raise InputError(f"{path}: no {BEGIN} … {END}")
    head, tail = page.split(BEGIN)[0], page.split(END)[1]
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def main(
    root: Annotated[Path, typer.Option(metavar="DATA", help="Folder with lists and audio.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Checkpoints and logs.")],
    rows: Annotated[Path, typer.Option(metavar="F.yaml", help="Network, seeds and rows.")] = ROWS,
    readme: Annotated[Path | None, typer.Option(metavar="F.md", help="Write the table between its markers.")] = None,
) -> None:
    """Train every row on every seed and print the table."""
    try:
        text = table(run(load(rows), root, out))
        if readme:
            write_between(readme, text)
    except HwsvError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from error
    typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
