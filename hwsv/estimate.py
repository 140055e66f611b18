"""Estimated resources of a wired graph: the units' cost models, memory by kind, and the home of every memory."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from hwsv.boards import Board, Resources
from hwsv.graph import Channel, UnitGraph
from hwsv.memory_home import REGISTER_DEPTH, Home, block_count, block_multiplexers, lut_memory, memory_home
from hwsv.units.base import Unit

UTILISATION = {"LUT": 0.8, "flip-flops": 0.8, "block RAM": 1.0, "DSP": 1.0}
"""Shares of a board that a design may take: fuller ones do not route at their clock."""

ROM_KINDS = ("weights", "thresholds", "tables")
"""Kinds of memory that are never written."""
SHELL = {"LUT": 900, "flip-flops": 550, "block RAM": 1, "DSP": 0}
"""What a board's shell takes beside the accelerator (the UART shell on an ECP5)."""


@dataclass
class MemoryUse:
    """A memory, and what it takes in each home: `lut` LUTs, or `blocks` with `block_lut` LUTs behind them.

    `fixed`: a FIFO whose latency has decided its home.
    """

    name: str
    kind: str
    depth: int
    width: int
    home: Home
    lut: float
    blocks: int
    block_lut: float
    fixed: bool = False

    @property
    def bits(self) -> int:
        return self.depth * self.width


@dataclass
class UnitEstimate:
    """One line of `hwsv estimate`: a unit (`lut`: its logic), its memories and the FIFOs at its outputs."""

    node: str
    kind: str
    folding: str
    lut: float
    ff: float
    dsp: int
    memories: list[MemoryUse] = field(default_factory=list)

    @property
    def memory_bits(self) -> int:
        return sum(m.bits for m in self.memories)

    @property
    def memory_lut(self) -> float:
        """LUTs that hold memory, or stand behind the blocks that do."""
        return sum(m.lut if m.home == "lut" else m.block_lut for m in self.memories)

    @property
    def bram_blocks(self) -> int:
        return sum(m.blocks for m in self.memories if m.home == "bram")

    def price(self, resources: Resources) -> float:
        """All that the unit takes as one number: LUTs, and for a block or a multiplier as many LUTs as there are to one
        on the board. The only one of a kind, and any of a kind that the board lacks, costs as much as all its LUTs."""
        block = resources.lut / max(1, resources.bram_blocks)
        multiplier = resources.lut / max(1, resources.dsp)
        return self.lut + self.memory_lut + self.bram_blocks * block + self.dsp * multiplier

    def to_json(self) -> dict[str, Any]:
        totals = {k: getattr(self, k) for k in ("memory_bits", "memory_lut", "bram_blocks")}
        return asdict(self) | totals


@dataclass
class Estimate:
    """All units, and their sums."""

    units: list[UnitEstimate]
    resources: Resources

    @property
    def memory(self) -> dict[str, int]:
        """Bits by kind."""
        total: dict[str, int] = {}
        for memory in (m for unit in self.units for m in unit.memories):
            total[memory.kind] = total.get(memory.kind, 0) + memory.bits
        return dict(sorted(total.items()))

    @property
    def memory_bits(self) -> int:
        return sum(self.memory.values())

    @property
    def lut(self) -> int:
        """Logic and memories in LUTs."""
        return round(sum(u.lut + u.memory_lut for u in self.units))

    @property
    def ff(self) -> int:
        return round(sum(u.ff for u in self.units))

    @property
    def dsp(self) -> int:
        return sum(u.dsp for u in self.units)

    @property
    def bram_blocks(self) -> int:
        """Blocks, with what is lost to port widths and block sizes; no two memories share one."""
        return sum(u.bram_blocks for u in self.units)

    @property
    def bram_kbit(self) -> int:
        """Capacity of these blocks."""
        return self.bram_blocks * self.resources.bram_block_kbit

    def use(self) -> dict[str, tuple[int, int]]:
        """resource -> (used, there are on the board)."""
        has = self.resources
        return {
            f"LUT{has.lut_inputs}": (self.lut, has.lut),
            "flip-flops": (self.ff, has.ff),
            "block RAM": (self.bram_blocks, has.bram_blocks),
            "DSP": (self.dsp, has.dsp),
        }

    def exceeded(self) -> str:
        """What the design takes beyond `UTILISATION` of the board, in words; empty when it fits."""
        parts = []
        for what, (used, there) in self.use().items():
            name = next(name for name in UTILISATION if what.startswith(name))
            share = UTILISATION[name]
            if used + SHELL[name] > share * there:
                parts.append(f"{used} {what} of {there}" + (f" ({share:.0%} may be used)" if share < 1 else ""))
        return ", ".join(parts)


def estimate(graph: UnitGraph, board: Board) -> Estimate:
    """Cost models over a wired graph. Estimates, not synthesis results."""
    rows = [estimate_unit(n.name, n.unit, [graph.channels[t] for t in n.outputs], board.resources) for n in graph]
    found = Estimate(rows, board.resources)
    _balance(found)
    return found


def estimate_unit(name: str, unit: Unit, channels: Iterable[Channel], resources: Resources) -> UnitEstimate:
    """The row of `unit` with these FIFOs at its outputs."""
    cost = unit.cost()
    row = UnitEstimate(name, unit.kind, _folding(unit), cost.lut, cost.ff, cost.dsp)
    for memory, (kind, depth, width) in unit.memory_shapes().items():
        row.memories.append(_memory(memory, kind, depth, width, resources))
    for kind, (depth, width) in cost.rams.items():
        row.memories.append(_memory(kind, kind, depth, width, resources, banks=cost.banks.get(kind, 1)))
    for port, (channel, stream) in enumerate(zip(channels, unit.outputs(), strict=True)):
        # a word that is visible after one cycle cannot come out of block RAM; after two it can come out of either home
        home: Home | None = "lut" if channel.latency == 1 else None
        row.memories.append(_memory(f"out{port}", "fifos", channel.depth, stream.word_bits, resources, home))
        lut, ff = _fifo(channel, stream.word_bits)
        row.lut += lut
        row.ff += ff
    return row


def _fifo(channel: Channel, width: int) -> tuple[float, float]:
    """LUTs and flip-flops of a FIFO without its memory: credits, count and two addresses; words that are registers."""
    bits = channel.depth.bit_length()
    words = channel.depth if channel.depth <= REGISTER_DEPTH else channel.latency - 1
    return 7 * bits - 2, 4 * bits - 2 + words * width


def _memory(
    name: str, kind: str, depth: int, width: int, resources: Resources, home: Home | None = None, banks: int = 1
) -> MemoryUse:
    writable = kind not in ROM_KINDS
    lut, blocks = lut_memory(depth, width, resources, writable), block_count(depth, width, resources)
    chosen = home or memory_home(depth, width, resources, writable)[0]
    behind = block_multiplexers(depth, width, resources)
    return MemoryUse(name, kind, depth, banks * width, chosen, banks * lut, banks * blocks, banks * behind, bool(home))


def _balance(found: Estimate) -> None:
    """Memories move where one home is too small and the other has room: those first that take least there."""
    movable = sorted(
        (m for u in found.units for m in u.memories if not m.fixed), key=lambda m: (m.lut - m.block_lut) / m.blocks
    )
    has = found.resources
    surplus = found.bram_blocks + SHELL["block RAM"] - int(UTILISATION["block RAM"] * has.bram_blocks)
    for memory in movable:
        if surplus > 0 and memory.home == "bram":
            memory.home = "lut"
            surplus -= memory.blocks
    beyond = found.lut + SHELL["LUT"] - UTILISATION["LUT"] * has.lut
    for memory in reversed(movable):
        if beyond > 0 and memory.home == "lut" and memory.blocks <= -surplus:
            memory.home = "bram"
            surplus += memory.blocks
            beyond -= memory.lut - memory.block_lut


def _folding(unit: object) -> str:
    names = [n for n in ("pe", "simd", "lanes") if hasattr(unit, n)]
    return " ".join(f"{n}={getattr(unit, n)}" for n in names)
