"""Estimated resources of a wired graph: LUTs by the units' cost models, memory by kind and by home (LUT, block RAM)."""

from dataclasses import dataclass, field

from hwsv.boards import Board
from hwsv.graph import UnitGraph

LUT_ROM_DEPTH = 64
"""Memories up to this depth cost less as LUTs (a 4-input LUT holds 16 bits) than as a part of a block RAM."""


@dataclass
class UnitEstimate:
    """One line of `hwsv estimate`: resources of a unit, its memories and the FIFOs at its outputs, in bits by kind."""

    node: str
    kind: str
    folding: str
    lut: float
    ff: float
    dsp: int
    memory: dict[str, int] = field(default_factory=dict)
    lut_memory_bits: int = 0

    @property
    def memory_bits(self) -> int:
        return sum(self.memory.values())


@dataclass
class Estimate:
    """All units, and their sums. LUTs include memories that are too shallow for block RAM."""

    units: list[UnitEstimate]
    lut_inputs: int

    @property
    def memory(self) -> dict[str, int]:
        """Bits by kind."""
        total: dict[str, int] = {}
        for unit in self.units:
            for kind, bits in unit.memory.items():
                total[kind] = total.get(kind, 0) + bits
        return dict(sorted(total.items()))

    @property
    def memory_bits(self) -> int:
        return sum(self.memory.values())

    @property
    def lut(self) -> int:
        # a LUT with n inputs holds 2^n bits of ROM
        return round(sum(u.lut + u.lut_memory_bits / 2**self.lut_inputs for u in self.units))

    @property
    def ff(self) -> int:
        return round(sum(u.ff for u in self.units))

    @property
    def dsp(self) -> int:
        return sum(u.dsp for u in self.units)

    @property
    def bram_kbit(self) -> float:
        """Bits that ask for block RAM, without the loss to port widths and block sizes."""
        return (self.memory_bits - sum(u.lut_memory_bits for u in self.units)) / 1024


def estimate(graph: UnitGraph, board: Board) -> Estimate:
    """Cost models over a wired graph. Estimates, not synthesis results."""
    streams = graph.streams()
    rows = []
    for node in graph:
        cost = node.unit.cost()
        row = UnitEstimate(node.name, node.unit.kind, _folding(node.unit), cost.lut, cost.ff, cost.dsp)
        for memory in node.unit.memories().values():
            row.memory[memory.kind] = row.memory.get(memory.kind, 0) + memory.total_bits
            row.lut_memory_bits += memory.total_bits if memory.depth <= LUT_ROM_DEPTH else 0
        for kind, bits in cost.ram_bits.items():
            row.memory[kind] = row.memory.get(kind, 0) + bits
        for tensor in node.outputs:
            channel = graph.channels[tensor]
            bits = channel.depth * streams[tensor].word_bits
            row.memory["fifos"] = row.memory.get("fifos", 0) + bits
            row.lut_memory_bits += bits if channel.latency == 1 else 0
            row.lut += 10  # counters of count and credits
            row.ff += 12
        rows.append(row)
    return Estimate(rows, board.resources.lut_inputs)


def _folding(unit: object) -> str:
    names = [n for n in ("pe", "simd", "lanes") if hasattr(unit, n)]
    return " ".join(f"{n}={getattr(unit, n)}" for n in names)
