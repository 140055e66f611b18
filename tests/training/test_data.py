"""Held-out speakers, crops, augmentation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hwsv.errors import InputError
from tests.training.conftest import SPEAKERS, recipe_values
from training.augment import augment
from training.data import Crops, split_heldout
from training.evaluate import all_pairs_eer, phrase
from training.recipe import AugmentConfig, Recipe


def test_heldout_speakers_are_a_function_of_the_seed() -> None:
    rows = [(f"{speaker}/{i}", f"s{speaker}") for speaker in range(10) for i in range(3)]
    kept, heldout = split_heldout(rows, 3, seed=1)
    assert len(heldout) == 9 and not {s for _, s in kept} & {s for _, s in heldout}
    assert split_heldout(rows[::-1], 3, seed=1)[1] == heldout[::-1]
    assert any(split_heldout(rows, 3, seed)[1] != heldout for seed in (2, 3))
    with pytest.raises(InputError, match="hold out"):
        split_heldout(rows, 10, seed=1)


def test_crops(corpus: Path, tmp_path: Path) -> None:
    values = recipe_values()
    values["data"] |= {"speeds": [0.9, 1.0], "crop_frames": 200}  # longer than the utterances
    recipe = Recipe.model_validate(values)
    crops = Crops(recipe, corpus, tmp_path)
    assert crops.classes == 2 * (SPEAKERS - 2)
    mels, classes = crops.batch(np.random.default_rng(1), 32)
    assert mels.shape == (32, 200, 40) and set(classes) <= set(range(crops.classes))
    again, _ = Crops(recipe, corpus, tmp_path).batch(np.random.default_rng(1), 32)
    assert np.array_equal(mels, again)


def test_augmentation() -> None:
    x = torch.randn(8, 50, 40, generator=torch.Generator().manual_seed(0)) * 2 + 5

    def run(config: AugmentConfig) -> torch.Tensor:
        return augment(x, config, torch.Generator().manual_seed(1))

    nothing = AugmentConfig(tail=0, noise=0, mask=0)
    torch.testing.assert_close(run(nothing), x - x.mean(1, keepdim=True), rtol=1e-3, atol=1e-3)
    for name in ("tail", "noise", "mask"):
        changed = run(nothing.model_copy(update={name: 1.0}))
        assert torch.isfinite(changed).all() and (changed - run(nothing)).abs().max() > 0.5
    assert torch.equal(run(AugmentConfig()), run(AugmentConfig()))


def test_phrases_choose_the_pairs() -> None:
    """Two voices whose phrases differ more than they do: text-dependent pairs are told apart, all pairs are not."""
    rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    speakers, phrases = ["a", "b", "a", "b"], ["yes", "yes", "no", "no"]
    near = np.repeat(rows, 2, axis=0) + 0.001 * np.arange(8)[:, None]
    who, said = np.repeat(speakers, 2).tolist(), np.repeat(phrases, 2).tolist()
    assert all_pairs_eer(near, who, said) == 0 and all_pairs_eer(near, who) > 0.2
    assert phrase("arabic/0001/volume_up_03.opus") == "volume_up"
