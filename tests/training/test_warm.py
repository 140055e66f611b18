"""A warm start computes what its source does; a grown network too."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hwsv.errors import InputError
from tests.training.conftest import SPEAKERS, recipe_values, write_recipe
from training.data import Crops
from training.export import load_checkpoint, randomise, save_checkpoint
from training.models import FloatNet, SpeakerNet
from training.recipe import Recipe
from training.run import train
from training.warm import class_centres, warm_start


def source(folder: Path, kind: type[SpeakerNet] | type[FloatNet]) -> tuple[SpeakerNet | FloatNet, Path]:
    recipe = Recipe.model_validate(recipe_values())
    torch.manual_seed(0)
    net = kind(recipe.network, recipe.features)
    randomise(net, 5)
    path = folder / f"{kind.__name__}.pt"
    save_checkpoint(net, recipe, path)
    return net.eval(), path


@pytest.mark.parametrize("kind", [SpeakerNet, FloatNet])
@pytest.mark.parametrize("blocks", [[1, 1], [2, 3]])
def test_equals_its_source(tmp_path: Path, kind: type, blocks: list[int]) -> None:
    expected, path = source(tmp_path, kind)
    values = recipe_values()
    values["network"]["blocks"] = blocks
    recipe = Recipe.model_validate(values)
    net = kind(recipe.network, recipe.features)
    warm_start(net, recipe.network, str(path))
    net.eval()
    x = torch.randn(3, 1, 50, 40, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        # Appended units see the last unit's output, so float sums are the same as well.
        assert torch.equal(net(x), expected(x))
    assert len(net.body) == 2 * sum(blocks)


def test_wrong_sources(tmp_path: Path) -> None:
    _, binary = source(tmp_path, SpeakerNet)
    recipe = Recipe.model_validate(recipe_values())
    with pytest.raises(InputError, match="FloatNet"):
        warm_start(FloatNet(recipe.network, recipe.features), recipe.network, str(binary))
    wider = recipe.network.model_copy(update={"channels": 8})
    with pytest.raises(InputError, match="does not fit") as caught:
        warm_start(SpeakerNet(wider, recipe.features), wider, str(binary))
    assert "\n" not in str(caught.value)


class Spread(torch.nn.Module):
    """The deviation of each mel bin over time as an embedding ``[N, F]``."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.std(2)[:, 0]


def test_class_centres(corpus: Path, tmp_path: Path) -> None:
    """Unit rows, the same each time; other crops of a class lie closest to its own centre."""
    recipe = Recipe.model_validate(recipe_values())
    crops = Crops(recipe, corpus, tmp_path)
    centres = class_centres(Spread(), crops, recipe.features, seed=1)
    assert centres.shape == (SPEAKERS - 2, 40)
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(len(centres)))
    assert torch.equal(centres, class_centres(Spread(), crops, recipe.features, seed=1))
    similar = class_centres(Spread(), crops, recipe.features, seed=2) @ centres.T
    assert similar.argmax(1).tolist() == list(range(len(centres)))


def test_trains_from_a_smaller_network(corpus: Path, tmp_path: Path) -> None:
    (_, binary), (_, twin) = source(tmp_path, SpeakerNet), source(tmp_path, FloatNet)
    values = recipe_values(steps=2)
    values["network"]["blocks"] = [1, 2]
    values["init_from"] = {"float_twin": str(twin), "binary": str(binary)}
    values["refinement"]["crop_frames"] = 64
    net, recipe = load_checkpoint(train(write_recipe(tmp_path, values), corpus, tmp_path / "out"))
    assert len(net.body) == 6 and recipe.init_from is not None
    assert np.isfinite(net.fc.get_parameter("weight").detach().numpy()).all()
