"""What a network decides after training in bfloat16 is what it decided while it was trained."""

from pathlib import Path

import pytest
import torch

from tests.training.conftest import recipe_values, write_recipe
from training import run
from training.export import load_checkpoint
from training.layers import FastSign
from training.models import SpeakerNet
from training.recipe import Recipe


def test_signs_are_those_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shift a hair below 1/4 meets the stream's -1/4: bfloat16 rounds the shift to 1/4, so it sees +1."""
    monkeypatch.setattr(run, "bfloat16_is_fast", lambda: True)
    recipe = Recipe.model_validate(recipe_values())
    net = SpeakerNet(recipe.network, recipe.features)
    unit = net.body[0]
    shifts = torch.linspace(0.2495, 0.2505, 4).reshape(1, 4, 1, 1)
    unit.shift.data = shifts
    r = torch.tensor([-0.75, -0.25, 0.25]).reshape(1, 1, 3, 1).repeat(1, 4, 1, 1)
    sign = FastSign()
    trained = sign(r.bfloat16(), unit.shift).float()
    assert not torch.equal(sign(r, unit.shift), trained)
    run.settle_shifts(net)
    assert torch.equal(sign(r, unit.shift), trained)
    settled = unit.shift.data.clone()
    run.settle_shifts(net)
    assert torch.equal(unit.shift.data, settled)

    unit.shift.data = shifts
    monkeypatch.setattr(run, "bfloat16_is_fast", lambda: False)
    run.settle_shifts(net)
    assert torch.equal(unit.shift.data, shifts)


@pytest.mark.skipif(not run.bfloat16_is_fast(), reason="trains in float32 on this CPU")
def test_a_trained_network_is_settled(corpus: Path, tmp_path: Path) -> None:
    net, _ = load_checkpoint(run.train(write_recipe(tmp_path, recipe_values(steps=3)), corpus, tmp_path / "out"))
    shifts = torch.cat([value.detach().flatten() for name, value in net.named_parameters() if name.endswith(".shift")])
    assert shifts.abs().sum() > 0
    assert torch.equal(shifts, shifts.bfloat16().float())
