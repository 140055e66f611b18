"""Recipes: the shipped ones load, bad ones end in one line that names file and field."""

from pathlib import Path

import pytest

from hwsv.errors import InputError
from tests.training.conftest import recipe_values, write_recipe
from training.recipe import RECIPES, load_recipe


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipe(path: Path) -> None:
    assert load_recipe(path.stem).name == path.stem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": {"channels": "many"}}, "network.channels"),
        ({"network": {"residual_step": 0.3}}, "powers of two"),
        ({"network": {"blocks": [2, 0]}}, "at least one block"),
        ({"surprise": 1}, "surprise"),
        ({"name": '../x"; rm'}, "name"),
        ({"binary": {"steps": 0}}, "binary.steps"),
        ({"data": None}, "data"),
        ({"init_from": {"binary": "nano"}}, "init_from.float_twin"),
    ],
)
def test_bad_value(tmp_path: Path, change: dict, message: str) -> None:
    path = write_recipe(tmp_path, {**recipe_values(), **change})
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"", b"just text", b"- a\n- b\n"])
def test_not_a_recipe(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="nano"):
        load_recipe("no-such-recipe")
