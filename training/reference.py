"""The trained network in torch as a reference: the level ``torch`` of ``hwsv verify``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hwsv.errors import InputError
from hwsv.host.features import FeatureSpec
from training.export import load_checkpoint
from training.models import SpeakerNet


@dataclass
class TorchReference:
    """A network in evaluation mode. ``features`` says what it hears."""

    net: SpeakerNet
    features: FeatureSpec

    def accumulators(self, features: np.ndarray) -> np.ndarray:
        """Integer sums of the last layer, int64 ``[E]``, of int8 features ``[T, F]``."""
        x = torch.from_numpy(features.astype(np.float32) * np.float32(self.features.scale))[None, None]
        with torch.no_grad():
            sums = self.net.accumulate(x)[0] / self.net.fc_scale
        return torch.round(sums).to(torch.int64).numpy()

    def embedding(self, features: np.ndarray) -> np.ndarray:
        """What is compared by cosine, float32 ``[E]``."""
        x = torch.from_numpy(features.astype(np.float32) * np.float32(self.features.scale))[None, None]
        with torch.no_grad():
            return self.net(x)[0].numpy()


def load_torch(checkpoint: str | Path) -> TorchReference:
    """Load a slim checkpoint by path, or a shipped one by name. Raises `InputError`."""
    net, recipe = load_checkpoint(checkpoint)
    if not isinstance(net, SpeakerNet):
        raise InputError(f"{checkpoint}: a float twin has no integer accumulators")
    return TorchReference(net, recipe.features)
