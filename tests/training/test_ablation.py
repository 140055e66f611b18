"""The ablation trains every row once, compares with the first, and refuses rows that change the twin."""

from pathlib import Path

import pytest
import yaml

from hwsv.errors import InputError
from tests.training.conftest import recipe_values
from training import ablation
from training.ablation import Ablation, Row


def small(**changes: object) -> Ablation:
    values = recipe_values(steps=4)
    values.pop("refinement")
    rows = [{"name": "as is"}, {"name": "real, first", "change": {"binary": {"real_weights": 2}}}]
    return Ablation.model_validate({"seeds": [1, 2], "recipe": values, "rows": rows, **changes})


def test_shipped_rows_are_recipes() -> None:
    shipped = ablation.load(ablation.ROWS)
    assert len(shipped.rows) >= 9 and len(shipped.seeds) >= 2
    recipes = [
        ablation.recipe_of(shipped, row, seed).model_dump_json() for row in shipped.rows for seed in shipped.seeds
    ]
    assert len(set(recipes)) == len(recipes)


def test_runs_once_and_writes_the_table(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = ablation.run(small(), corpus, tmp_path)
    assert list(figures) == ["as is", "real, first"] and all(set(found) == {1, 2} for found in figures.values())
    monkeypatch.setattr("training.run._train_step", lambda *_: pytest.fail("trained again"))
    assert ablation.run(small(), corpus, tmp_path) == figures
    page = tmp_path / "page.md"
    page.write_text(f"above\n{ablation.BEGIN}\nold\n{ablation.END}\nbelow\n")
    ablation.write_between(page, ablation.table(figures))
    assert page.read_text().startswith("above\n") and page.read_text().endswith("below\n")
    assert "old" not in page.read_text() and "| real, first |" in page.read_text()
    page.write_text("no markers")
    with pytest.raises(InputError, match="ablation: begin"):
        ablation.write_between(page, "x")


def test_table() -> None:
    figures = {"a": {1: (0.10, 0.20), 2: (0.12, 0.22)}, "b": {1: (0.09, 0.20), 2: (0.12, 0.23)}}
    *_, first, second = ablation.table(figures).splitlines()
    assert first == "| a | 11.0 (10.0, 12.0) |  | 21.0 (20.0, 22.0) |  |"
    assert second == "| b | 10.5 (9.0, 12.0) | -0.5 (-1.0, +0.0) | 21.5 (20.0, 23.0) | +0.5 (+0.0, +1.0) |"


@pytest.mark.parametrize(
    "change", [{"float_twin": {"steps": 9}}, {"data": {"crop_frames": 99}}, {"binary": {"lr": -1}}]
)
def test_refuses_a_row(change: dict) -> None:
    with pytest.raises(InputError, match="row"):
        ablation.recipe_of(small(), Row(name="row", change=change), 1)


@pytest.mark.parametrize("content", ["", "a: [", yaml.safe_dump({"seeds": [1], "recipe": {}, "rows": []})])
def test_not_an_ablation(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=r"rows\.yaml"):
        ablation.load(path)
