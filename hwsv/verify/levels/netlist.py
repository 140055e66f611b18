"""Level ``netlist``: the synthesised netlist in Verilator, for boards with an ECP5."""

from collections.abc import Iterator, Sequence
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
        for utterance in features:
            yield from self._netlist.embeddings([utterance])
