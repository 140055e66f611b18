"""Level ``cycle``: the cycle simulator, which reads the emitted memory files and moves the folded words."""

from collections.abc import Iterator, Sequence

from hwsv.units.base import Tensor
from hwsv.verify.level import Level

BATCH = 4
"""Utterances of one simulation, back to back."""


class CycleLevel(Level):
    """Words and cycles; only the words are compared here."""

    name = "cycle"
    place = 70

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        from hwsv.simulator import simulate

        for start in range(0, len(features), BATCH):
            yield from simulate(self.design, list(features[start : start + BATCH])).embeddings

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        from hwsv.simulator import simulate

        (words,) = simulate(self.design, [features], keep_words=True).words
        streams = self.design.graph.streams()
        return {tensor: streams[tensor].tensor(folded) for tensor, folded in words.items()}
