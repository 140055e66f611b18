"""Level ``rtl``: the generated SystemVerilog in Verilator."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from hwsv.units.base import Tensor
from hwsv.verify.level import Level

if TYPE_CHECKING:
    from hwsv.cosim import Rtl

BATCH = 4
"""Utterances of one run, back to back."""


class RtlLevel(Level):
    """Every register of the whole network; the words between the units come from a build with probes."""

    name = "rtl"
    place = 80

    @cached_property
    def _rtl(self) -> "Rtl":
        from hwsv.cosim import Rtl

        return Rtl(self.design)

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        self._rtl.compile("fast")
        batches = [features[start : start + BATCH] for start in range(0, len(features), BATCH)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # each run is a process
            for embeddings in pool.map(self._rtl.embeddings, batches):
                yield from embeddings

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        return self._rtl.tensors(features)
