"""The command that prints what choices are made by."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from tests.training.conftest import recipe_values
from training import heldout
from training.export import randomise, save_checkpoint
from training.models import SpeakerNet
from training.recipe import Recipe


def test_prints_every_way(corpus: Path, tmp_path: Path) -> None:
    recipe = Recipe.model_validate(recipe_values())
    net = SpeakerNet(recipe.network, recipe.features)
    randomise(net, 1)
    save_checkpoint(net, recipe, tmp_path / "net.pt")
    app = typer.Typer()
    app.command()(heldout.main)
    arguments = [str(tmp_path / "net.pt"), "--root", str(corpus), "--cache", str(tmp_path), "--shrink", "3", "--snorm"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    rows = [line for line in result.stdout.splitlines() if "noisy" in line]
    assert [row.partition(":")[0] for row in rows] == ["cosine", "s-norm", "whitened, shrink 3"]
    missing = CliRunner().invoke(app, ["no-such-name", *arguments[1:]])
    assert missing.exit_code == 2 and "no-such-name" in missing.stderr


def test_cohort_holds_no_heldout_speaker(corpus: Path) -> None:
    recipe = Recipe.model_validate(recipe_values())
    names = {path.parent.name for path in heldout.cohort(recipe, corpus)}
    assert len(names) == 4 and all(path.is_file() for path in heldout.cohort(recipe, corpus))
