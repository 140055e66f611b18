"""The command that prints what choices are made by."""

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.training.conftest import recipe_values
from training import evaluate, heldout
from training.data import read_rows, split_heldout
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
    fitted = CliRunner().invoke(app, [*arguments[:5], "--fit", "lists/all.utt2spk"])
    assert fitted.exit_code == 0 and "training speakers of lists/all.utt2spk: clean " in fitted.stdout
    itself = CliRunner().invoke(app, [*arguments[:5], "--twin", arguments[0]])
    assert "1 - cosine to the twin: clean 0.0000, noisy 0.0000" in itself.stdout.replace("-0.0", "0.0")
    missing = CliRunner().invoke(app, ["no-such-name", *arguments[1:]])
    assert missing.exit_code == 2 and "no-such-name" in missing.stderr


def test_cosine_pairs() -> None:
    left = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(
        evaluate.cosine_pairs(left, np.array([[2.0, 0.0], [1.0, 0.0], [-3.0, -4.0]])), [1, 0, -1]
    )


def test_training_speakers_only(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The EER of what is fitted sees no held-out speaker, and with ``same_phrase`` only pairs of one phrase."""
    recipe = Recipe.model_validate(recipe_values())
    seen: list[tuple[list[str], list[str] | None]] = []

    def spy(_: object, speakers: list[str], phrases: list[str] | None, cohort: None) -> float:
        seen.append((speakers, phrases))
        return 0.25

    monkeypatch.setattr(evaluate, "all_pairs_eer", spy)
    net = SpeakerNet(recipe.network, recipe.features)
    for same in (False, True):
        assert evaluate.training_eer(net, recipe, corpus, "lists/all.utt2spk", same) == 0.25
    (speakers, none), (_, phrases) = seen
    held = {speaker for _, speaker in split_heldout(read_rows(corpus / "lists/all.utt2spk"), 2, recipe.seed)[1]}
    assert len(speakers) == 16 and not held & set(speakers)
    assert none is None and phrases is not None and len(phrases) == 16


def test_cohort_holds_no_heldout_speaker(corpus: Path) -> None:
    recipe = Recipe.model_validate(recipe_values())
    names = {path.parent.name for path in heldout.cohort(recipe, corpus)}
    assert len(names) == 4 and all(path.is_file() for path in heldout.cohort(recipe, corpus))
