"""Level ``emulator``: the bit-packed kernels on ``network.packed``."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from hwsv.units.base import Tensor
from hwsv.verify.level import Level

if TYPE_CHECKING:
    from hwsv.emulator import Emulator


class EmulatorLevel(Level):
    """Fast enough for error rates over thousands of utterances."""

    name = "emulator"
    place = 50

    @cached_property
    def _emulator(self) -> "Emulator":
        from hwsv.emulator import Emulator

        return Emulator(self.design.folder / "network.packed")

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # its kernels release the GIL
            yield from pool.map(self._emulator.run, features)

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        return self._emulator.tensors(features)
