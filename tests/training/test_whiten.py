"""Whitening: the matrix shrinks what varies within speakers, and folding it changes nothing but that."""

from pathlib import Path

import pytest
import torch

from tests.training.conftest import recipe_values, write_recipe
from training.export import load_checkpoint, randomise
from training.models import FloatNet, SpeakerNet
from training.recipe import Recipe
from training.run import train
from training.whiten import fold, whitening_matrix


def test_matrix() -> None:
    """Axes with variances 8 and 0 and a shrinkage of one mean: the roots of 1 / (8 + 4) and 1 / (0 + 4), rescaled."""
    matrix = whitening_matrix(torch.diag(torch.tensor([8.0, 0.0], dtype=torch.float64)), shrink=1.0)
    torch.testing.assert_close(matrix, torch.diag(torch.tensor([3.0**-0.5, 1.0], dtype=torch.float64)))


@pytest.mark.parametrize(
    ("kind", "bits", "tolerance"), [(FloatNet, 4, 1e-4), (SpeakerNet, 8, 0.02), (SpeakerNet, 4, 0.2)]
)
def test_fold(kind: type[FloatNet] | type[SpeakerNet], bits: int, tolerance: float) -> None:
    """The folded network gives the matrix times the embedding: exactly in float, within the rounding of the FC."""
    values = recipe_values()
    values["network"]["fc_bits"] = bits
    recipe = Recipe.model_validate(values)
    torch.manual_seed(0)
    net = kind(recipe.network, recipe.features)
    randomise(net, 5)
    net.eval()
    x = torch.randn(6, 1, 60, 40, generator=torch.Generator().manual_seed(1))
    square = torch.randn(8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    matrix = whitening_matrix(square @ square.T, shrink=0.3)
    with torch.no_grad():
        expected = net(x) @ matrix.float().T
        fold(net, matrix, bits)
        got = net(x)
    # Binary features are large integers with a large common part: errors are judged against the whole output.
    assert (got - expected).norm() < tolerance * expected.norm()


def test_a_recipe_whitens_both_networks(corpus: Path, tmp_path: Path) -> None:
    values = recipe_values(steps=2)
    plain = train(write_recipe(tmp_path, values), corpus, tmp_path / "out")
    before = {name: load_checkpoint(plain.with_name(name))[0] for name in ("tiny.pt", "tiny_float.pt")}
    values["whiten"] = {"classes": 4, "crops": 3}
    train(write_recipe(tmp_path, values), corpus, tmp_path / "out")  # stages are complete: nothing but the end is new
    for name, net in before.items():
        after = load_checkpoint(plain.with_name(name))[0]
        assert all(torch.equal(a, b) for a, b in zip(net.body.parameters(), after.body.parameters(), strict=True))
        assert not torch.equal(net.fc.get_parameter("weight"), after.fc.get_parameter("weight"))
