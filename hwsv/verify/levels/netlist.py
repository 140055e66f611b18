"""Level ``netlist``: the synthesised netlist in Verilator, for boards with an ECP5."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from hwsv.units.base import Tensor
from hwsv.verify.level import Level

if TYPE_CHECKING:
    from hwsv.cosim.netlist import Netlist


class NetlistLevel(Level):
    """Every LUT, flip-flop, block RAM and multiplier that place and route gets. Names between the units are gone, so a
    difference is found in the embedding only; level rtl tells where."""

    name = "netlist"
    place = 90

    @cached_property
    def _netlist(self) -> "Netlist":
        from hwsv.cosim.netlist import Netlist

        progress = self.options.progress
        return Netlist(self.design, lambda stage: progress(f"netlist: {stage}", 0, 1) if progress else None)

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        netlist = self._netlist
        netlist.compile()
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # each run is a process
            for embeddings in pool.map(netlist.embeddings, [[utterance] for utterance in features]):
                yield from embeddings
