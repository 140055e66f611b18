"""Level ``torch``: the trained network in evaluation mode, from its checkpoint."""

from collections.abc import Iterator, Sequence

import numpy as np

from hwsv.errors import InputError
from hwsv.units.base import Tensor
from hwsv.verify.level import Level


class TorchLevel(Level):
    """Needs the training package and ``--checkpoint``."""

    name = "torch"
    place = 10

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        if self.options.checkpoint is None:
            raise InputError("level torch needs the trained network: --checkpoint FILE.pt")
        try:
            from training.reference import load_torch
        except ImportError as error:
            raise InputError(f"level torch needs the repository's training package ({error})") from error
        reference = load_torch(self.options.checkpoint)
        for utterance in features:
            yield np.asarray(reference.accumulators(utterance[:, :, 0].astype(np.int8)), np.int64).reshape(-1)
