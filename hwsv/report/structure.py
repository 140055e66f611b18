"""The pipeline as rows that a person can read: a residual block a row, what lies between blocks in rows of its own."""

from dataclasses import dataclass

from hwsv import datatypes
from hwsv.graph import Node, UnitGraph
from hwsv.regions import parts
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.stats_pool import StatsPool

CHAIN = 6
"""Most units in a row of a network without blocks."""


@dataclass
class Row:
    """Neighbouring units, in dataflow order. `block`: paths part and join in it."""

    nodes: list[Node]
    block: bool

    @property
    def title(self) -> str:
        """Its convolutions by name, else its first unit."""
        products = [n.name.removesuffix("_mvtu") for n in self.nodes if isinstance(n.unit, Mvtu)]
        return ", ".join(products) or self.nodes[0].name


def rows(graph: UnitGraph) -> list[Row]:
    """All units of a wired graph but the length fork."""
    found: list[Row] = []
    chain: list[Node] = []

    def flush() -> None:
        heavy = any(isinstance(n.unit, Mvtu | SlidingWindow | StatsPool) for n in chain)
        if chain and not heavy and found and found[-1].block:
            found[-1].nodes.extend(chain)  # what ends a block, such as a clip behind its sum
        elif chain:
            found.append(Row(list(chain), False))
        chain.clear()

    for _, part in parts(graph):
        if len(part) > 1:
            flush()
            found.append(Row(part, True))
            continue
        if len(chain) >= CHAIN or (chain and isinstance(part[0].unit, SlidingWindow | StatsPool)):
            flush()
        chain.append(part[0])
    flush()
    return found


def describe(row: Row) -> str:
    """Its products in words: "3×3 convolution, 16 → 32, stride 2, 1-bit"."""
    windows = {n.outputs[0]: n.unit for n in row.nodes if isinstance(n.unit, SlidingWindow)}
    said = []
    for node in row.nodes:
        if not isinstance(node.unit, Mvtu):
            continue
        unit, what = node.unit, "matrix"
        stride = ""
        if window := windows.get(node.inputs[0]):
            what = f"{window.kernel[0]}×{window.kernel[1]} convolution"
            stride = f", stride {_pair(window.stride)}" if max(window.stride) > 1 else ""
        inputs = unit.tap_channels if window else unit.synapses
        bits = datatypes.bits(unit.weight_dtype)
        said.append(f"{what}, {inputs} → {unit.out_channels}{stride}, {bits}-bit")
    return "; ".join(said)


def _pair(sides: tuple[int, int]) -> str:
    return f"{sides[0]}" if sides[0] == sides[1] else f"{sides[0]}×{sides[1]}"
