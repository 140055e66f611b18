"""Within-class covariance normalisation (Hatch et al., Interspeech 2006), folded into the last layer: it costs nothing.

Directions in which crops of one training speaker differ most are shrunk. Embeddings ``y = gain * (F x) + offset``
become ``M y``; for the binary network the rows of ``M diag(gain) F`` are quantised again, each with its own scale,
which the host's gain undoes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.augment import as_features, augment
from training.data import Crops
from training.layers import weight_scale
from training.models import FloatNet, SpeakerNet
from training.recipe import Recipe, WhitenConfig

_CROP_FRAMES = 200


def whiten(net: SpeakerNet | FloatNet, recipe: Recipe, config: WhitenConfig, crops: Crops) -> None:
    """Fold the matrix that belongs to the network's embeddings of augmented training crops into it."""
    covariance = within_class_covariance(net, recipe, config, crops)
    fold(net, whitening_matrix(covariance, config.shrink), recipe.network.fc_bits)


def within_class_covariance(net: nn.Module, recipe: Recipe, config: WhitenConfig, crops: Crops) -> Tensor:
    """Mean covariance ``[E, E]`` of unit embeddings within classes, drawn by their shares."""
    rng = np.random.default_rng([recipe.seed, 6])
    generator = torch.Generator().manual_seed(recipe.seed)
    unmasked = recipe.augment.model_copy(update={"mask": 0.0})
    net.eval()
    total = torch.zeros(recipe.network.embedding, recipe.network.embedding, dtype=torch.float64)
    with torch.no_grad():
        for number in crops.draw(rng, config.classes):
            mels = crops.of_classes(rng, np.full(config.crops, number), _CROP_FRAMES)
            x = as_features(augment(torch.from_numpy(mels), unmasked, generator), recipe.features)
            total += torch.cov(functional.normalize(net(x[:, None])).T.double())
    return total / config.classes


def whitening_matrix(covariance: Tensor, shrink: float) -> Tensor:
    """Symmetric ``(C + shrink * mean eigenvalue * I)^(-1/2)``, scaled so that its largest eigenvalue is 1."""
    values, vectors = torch.linalg.eigh(covariance)
    roots = (values.clamp(min=0) + shrink * values.mean()).rsqrt()
    return vectors @ torch.diag(roots / roots.max()) @ vectors.T


def fold(net: SpeakerNet | FloatNet, matrix: Tensor, fc_bits: int) -> None:
    """Make ``net`` compute ``matrix @ embedding``: exactly for the float twin, with rounded weights for the other."""
    norm = net.fc_norm
    assert isinstance(norm, nn.BatchNorm1d)
    mean, variance = norm.get_buffer("running_mean").double(), norm.get_buffer("running_var").double()
    gain = norm.weight.detach().double() / (variance + norm.eps).sqrt()
    offset = matrix @ (norm.bias.detach().double() - mean * gain)
    latent = net.fc.get_parameter("weight")
    weight = latent.detach().double()
    rows = torch.ones(len(weight), 1, dtype=torch.float64)
    if isinstance(net, SpeakerNet):
        top, step = 2 ** (fc_bits - 1) - 1, weight_scale(fc_bits)
        weight = (weight / step).round().clamp(-top, top) * step
        wanted = (matrix * gain) @ weight
        rows = _row_scales(wanted / step, top)
        weight = (wanted / step / rows).round().clamp(-top, top) * step
    else:
        weight = (matrix * gain) @ weight
    latent.data = weight.float()
    norm.weight.data, norm.bias.data = rows.flatten().float(), offset.float()
    norm.get_buffer("running_mean").zero_()
    norm.get_buffer("running_var").fill_(1 - norm.eps)


def _row_scales(rows: Tensor, top: int) -> Tensor:
    """Scale ``[E, 1]`` of each row of ``[E, N]`` that loses least when the row is rounded and clipped to +-top."""
    candidates = rows.abs().amax(1, keepdim=True).clamp(min=1e-12) / top * torch.linspace(0.4, 1.0, 25)[:, None, None]
    rounded = (rows / candidates).round().clamp(-top, top) * candidates
    best = (rounded - rows).square().sum(2).argmin(0)
    return candidates[best, torch.arange(len(rows))]
