"""Warm starts: a network's weights from a trained one with fewer blocks, a classifier's from its embeddings."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsv.errors import InputError
from hwsv.host.features import FeatureSpec
from training.augment import as_features, normalise
from training.data import Crops
from training.export import load_checkpoint
from training.models import BinaryUnit, FloatNet, FloatUnit, SpeakerNet
from training.recipe import NetworkConfig

_CROPS_PER_CLASS = 4


def warm_start(net: SpeakerNet | FloatNet, config: NetworkConfig, checkpoint: str) -> None:
    """Set the weights of ``net`` so that it computes what the checkpoint's network does.

    Units that the source lacks are appended to their stage with a gain of 0, which leaves the residual stream as it
    is. Raises `InputError` where the two do not fit.
    """
    source, recipe = load_checkpoint(checkpoint)
    if type(source) is not type(net):
        raise InputError(f"{checkpoint}: init_from needs a {type(net).__name__} here, not a {type(source).__name__}")
    known = dict(zip(_places(recipe.network), source.body, strict=True))
    for place, unit in zip(_places(config), net.body, strict=True):
        if place not in known:
            _silence(unit)
    source.body = nn.Sequential(
        *(known.get(place, unit) for place, unit in zip(_places(config), net.body, strict=True))
    )
    try:
        net.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise InputError(f"{checkpoint}: init_from does not fit this network: {str(error).splitlines()[-1]}") from error


def _places(config: NetworkConfig) -> list[tuple[int, int]]:
    """(stage, position in it) of every unit of the body."""
    return [(stage, i) for stage, blocks in enumerate(config.blocks) for i in range(2 * blocks)]


def _silence(unit: nn.Module) -> None:
    if isinstance(unit, BinaryUnit | FloatUnit):
        nn.init.zeros_(unit.norm.get_parameter("weight"))


def class_centres(net: nn.Module, crops: Crops, spec: FeatureSpec, seed: int) -> Tensor:
    """Mean directions of the embeddings of a few crops of each class ``[classes, E]``, to start a classifier from."""
    rng = np.random.default_rng([seed, 4])
    net.eval()
    rows = []
    with torch.no_grad():
        for classes in np.array_split(np.arange(crops.classes), max(crops.classes // 32, 1)):
            mels = torch.from_numpy(crops.of_classes(rng, classes.repeat(_CROPS_PER_CLASS), crops.crop_frames))
            embeddings = functional.normalize(net(as_features(normalise(mels), spec)[:, None]))
            rows.append(embeddings.view(len(classes), _CROPS_PER_CLASS, -1).mean(1))
    return functional.normalize(torch.cat(rows))
