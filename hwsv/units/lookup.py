"""Lookup: any per-channel function of a small integer, as a ROM."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.units.base import Cost, HlsConstant, Memory, Tensor, require
from hwsv.units.elementwise import Elementwise

MAX_ENTRIES = 2**12
"""Largest table of one channel."""


@dataclass(frozen=True, eq=False)
class Lookup(Elementwise):
    """``out = table[c, x - first]``; x outside the table cannot occur (the front-end bounded it).

    table: int64 [channels or 1, entries].
    """

    table: Tensor
    first: int
    lanes: int = 1

    kind: ClassVar[str] = "lookup"
    latency: ClassVar[int] = 3
    """Address, ROM read, output register."""

    def __post_init__(self) -> None:
        self.check_lanes()
        require(self.table.shape[0] in (1, self.channels), "lookup: one table a channel, or one for all")
        require(self.entries <= MAX_ENTRIES, f"lookup: {self.entries} entries exceed {MAX_ENTRIES}")
        low, high = datatypes.limits(self.out_dtype)
        require(low <= self.table.min() and self.table.max() <= high, f"lookup: values exceed {self.out_dtype}")

    @property
    def entries(self) -> int:
        return int(self.table.shape[1])

    @property
    def shared(self) -> bool:
        return len(self.table) == 1 and self.channels > 1

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (x,) = tensors
        rows = np.zeros(self.channels, np.int64) if self.shared else np.arange(self.channels)
        return (self.table[rows, x - self.first],)

    def memories(self) -> dict[str, Memory]:
        """``table[fold * entries + entry, lane]``: lanes read side by side; a shared table has one lane."""
        lanes = 1 if self.shared else self.lanes
        folded = self.table.reshape(-1, lanes, self.entries).transpose(0, 2, 1)
        return {"table": Memory(folded.reshape(-1, lanes), self.out_dtype, "tables")}

    def from_words(self, inputs: list[Tensor], memories: dict[str, Tensor]) -> list[Tensor]:
        table = memories["table"].reshape(-1, self.entries, memories["table"].shape[1])
        words = inputs[0].reshape(-1, len(table), self.lanes)
        fold = np.arange(len(table))[None, :, None]
        lane = np.zeros(self.lanes, np.int64) if self.shared else np.arange(self.lanes)
        return [table[fold, words - self.first, lane].reshape(-1, self.lanes)]

    def hls_constants(self) -> dict[str, HlsConstant]:
        return {"entries": self.entries, "first": self.first, "shared": self.shared}

    def rtl_parameters(self) -> dict[str, int]:
        return {
            "LANES": self.lanes, "ENTRIES": self.entries, "FIRST": self.first, "SHARED": int(self.shared),
            "X_BITS": datatypes.bits(self.in_dtype), "X_KIND": datatypes.rtl_kind(self.in_dtype),
            "OUT_BITS": datatypes.bits(self.out_dtype),
        }  # fmt: skip

    def cost(self) -> Cost:
        bits = datatypes.bits(self.out_dtype)
        return Cost(lut=self.lanes * datatypes.bits(self.in_dtype) + 15, ff=self.lanes * 2 * bits + 15)
