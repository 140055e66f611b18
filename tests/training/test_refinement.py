"""Refinements follow each other, and a distance after whitening is measured after whitening."""

import json
from pathlib import Path

import pytest
import torch

from hwsv.errors import InputError
from tests.training.conftest import recipe_values, write_recipe
from training import run
from training.data import Crops
from training.evaluate import Heldout
from training.recipe import Recipe, load_recipe
from training.whiten import whitening_matrix, within_class_covariance


def two_refinements() -> dict:
    values = recipe_values(steps=4)
    still = {**values["refinement"], "lr": 1e-12, "distil_whitened": True}
    return {**values, "refinement": [values["refinement"], still], "whiten": {"classes": 4, "crops": 3}}


def test_each_goes_on_from_the_last_ones_end(corpus: Path, tmp_path: Path) -> None:
    """The second one's rate moves nothing, so it ends with the parameters and the classifier of the first."""
    slim = run.train(write_recipe(tmp_path, two_refinements()), corpus, tmp_path / "out")
    rows = [json.loads(line) for line in slim.with_name("tiny.log.jsonl").read_text().splitlines()]
    assert list(dict.fromkeys(row["stage"] for row in rows)) == ["float_twin", "binary", "refinement", "refinement2"]
    binary, first, second = (
        torch.load(slim.with_name(f"{name}.ckpt"), weights_only=True)
        for name in ("binary", "refinement", "refinement2")
    )
    weight = "body.0.conv.weight"
    assert not torch.allclose(first["net"][weight], binary["net"][weight])
    torch.testing.assert_close(second["net"][weight], first["net"][weight])
    torch.testing.assert_close(second["loss"], first["loss"])


def test_distance_after_whitening(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets are the teacher's embeddings times its whitening matrix; so are the student's, or a matrix that leaves
    nothing of them would not make every distance 1.
    """
    recipe = Recipe.model_validate(two_refinements())
    crops = Crops(recipe, corpus, tmp_path)
    whole = run.Run(recipe, crops, Heldout(recipe, corpus), tmp_path)
    stages: list[run.Stage] = []
    monkeypatch.setattr(run, "_optimise", lambda stage, _: stages.append(stage))
    whole.binary(whole.float_twin())
    assert [stage.metric is None for stage in stages] == [True, True, True, False]
    last = stages[-1]
    assert last.metric is not None and last.teacher is not None and recipe.whiten is not None
    covariance = within_class_covariance(last.teacher, recipe, recipe.whiten, crops)
    torch.testing.assert_close(last.metric, whitening_matrix(covariance, recipe.whiten.shrink).float())
    assert last.metric.std() > 0

    batch = run._batch(last, recipe, crops, 0)
    metric, last.metric = last.metric, None
    plain = run._batch(last, recipe, crops, 0)
    assert batch.target is not None and plain.target is not None
    torch.testing.assert_close(batch.target, plain.target @ metric)
    margin_only = run._train_step(last, run._Batch(batch.x, batch.classes, None))
    last.metric = torch.zeros_like(metric)
    assert run._train_step(last, batch) == pytest.approx(margin_only + last.config.distil, rel=1e-3)


def test_one_or_several(tmp_path: Path) -> None:
    values = recipe_values()
    assert len(load_recipe(write_recipe(tmp_path, values)).refinement) == 1
    assert load_recipe(write_recipe(tmp_path, {**values, "refinement": None})).refinement == []
    assert [stage.distil_whitened for stage in Recipe.model_validate(two_refinements()).refinement] == [False, True]


def test_whitened_distance_needs_the_whitening(tmp_path: Path) -> None:
    values = two_refinements()
    del values["whiten"]
    with pytest.raises(InputError, match="needs the section whiten"):
        load_recipe(write_recipe(tmp_path, values))
