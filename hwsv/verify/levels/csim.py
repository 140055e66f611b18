"""Levels ``csim``, ``csim-strict`` and ``csim-bounded``: the generated HLS C++, compiled and run."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from hwsv.units.base import Tensor
from hwsv.verify.level import Level

if TYPE_CHECKING:
    from hwsv.csim import Csim

BATCH = 8
"""Utterances of one run: back to back through the design, and a sign of life between runs."""


class CsimLevel(Level):
    """Native integers, the fast mode."""

    name = "csim"
    place = 60
    mode: ClassVar[Literal["fast", "strict", "bounded"]] = "fast"

    @cached_property
    def _csim(self) -> "Csim":
        from hwsv.csim import Csim

        return Csim(self.design, mode=self.mode)

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        for start in range(0, len(features), BATCH):
            yield from self._csim.run(features[start : start + BATCH]).embeddings

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        return self._csim.run([features], trace=True).channels[0]


class CsimStrictLevel(CsimLevel):
    """Accumulators and words of exactly the declared width (``ap_int``)."""

    name = "csim-strict"
    place = 61
    mode = "strict"


class CsimBoundedLevel(CsimLevel):
    """FIFOs of the declared depths and all processes at once: a deadlock fails, and names who waits for whom."""

    name = "csim-bounded"
    place = 62
    mode = "bounded"
