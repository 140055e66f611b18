"""Augmentation of log-mel crops on the fly, in the power-mel domain.

Reverberation is an exponential tail in power, noise adds in power; channel equalisation is left out because the
mean normalisation of the features removes it exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hwsv.host.features import FeatureSpec
from training.recipe import AugmentConfig


def augment(log_mels: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Float32 log-mels ``[N, T, F]`` to normalised (per-crop mean 0 in each bin), augmented ones."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    n, frames, mels = log_mels.shape
    # Relative to each crop's loudest bin: float32 stays in range.
    power = (log_mels - log_mels.amax((1, 2), keepdim=True)).exp()

    # Tail: RT60 of 0.15..0.8 s is a power decay by e in 1.1..5.8 frames of 10 ms.
    decay = 1.1 + 4.7 * uniform(n, 1, 1)
    gain = 0.6 * uniform(n, 1, 1) * (uniform(n, 1, 1) < config.tail)
    lag = torch.arange(frames)[:, None] - torch.arange(frames)
    kernel = torch.where(lag > 0, gain * torch.exp(-lag.clamp(min=0) / decay), (lag == 0).float())
    power = kernel @ power

    # Noise: stationary with a random tilt and smooth colour, or babble of three other crops.
    position = torch.linspace(-1, 1, mels)
    colour = torch.randn(n, 1, 4, generator=generator)
    harmonics = torch.stack([position, *(torch.cos(k * torch.pi * (position + 1) / 2) for k in (2, 3, 4))])
    spread = torch.linspace(0.9, 0.3, mels)  # narrow low bands fluctuate more
    stationary = (1.5 * colour @ harmonics + spread * torch.randn(log_mels.shape, generator=generator)).exp()
    babble = sum((power.roll(k, 0) / power.roll(k, 0).mean((1, 2), keepdim=True) for k in (1, 2, 3)), torch.zeros(()))
    noise = torch.where(uniform(n, 1, 1) < 0.5, stationary, babble)
    low, high = config.snr_db
    level = 10 ** (-(low + (high - low) * uniform(n, 1, 1)) / 10) * (uniform(n, 1, 1) < config.noise)
    noise = noise * (level * power.mean((1, 2), keepdim=True) / noise.mean((1, 2), keepdim=True))
    mels_out = (power + noise + 1e-10).log()
    mels_out = mels_out - mels_out.mean(1, keepdim=True)

    # Masks show the mean, i.e. 0.
    for axis, size, widest in ((1, frames, 24), (2, mels, 6)):
        width = (uniform(n, 1) * (widest + 1)).floor() * (uniform(n, 1) < config.mask)
        start = (uniform(n, 1) * (size - width)).floor()
        index = torch.arange(size)
        hidden = (index >= start) & (index < start + width)
        mels_out = mels_out.masked_fill(hidden.unsqueeze(3 - axis), 0.0)
    return mels_out


def normalise(log_mels: Tensor) -> Tensor:
    """Without augmentation: per-crop mean normalisation only."""
    return log_mels - log_mels.mean(1, keepdim=True)


def as_features(x: Tensor, spec: FeatureSpec) -> Tensor:
    """Round to what the host delivers, so that a float network hears the same."""
    top = 2 ** (spec.bits - 1)
    return (x / spec.scale).round().clamp(-top, top - 1) * spec.scale
