"""Where things are in the picture of a row: symbols on lanes, wires between them. Units: pixels of the picture.

The longest path is the lowest lane; what leaves and joins it again runs above. A bypass without a unit is a wire of
its own level.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hwsv.graph import Node
from hwsv.report.structure import Row
from hwsv.units.mvtu import Mvtu

BOX_HEIGHT = 58
GAP = 6
MARGIN = 8
"""Left and right of a row: the wires in and out. A block of the shipped networks is as wide as a phone."""
LANE = BOX_HEIGHT + 18
LEVEL = 24
TOP = 8

LABELS = {
    "sliding_window": "window", "mvtu": "mvtu", "threshold": "thresh", "requantise": "requant", "pool": "pool",
    "stats_pool": "stats", "lookup": "lookup",
}  # fmt: skip
SMALL = {"fork": ("dot", 10), "length_fork": ("dot", 10), "width_converter": ("width", 14), "add": ("add", 20)}
"""Kinds that are drawn as a symbol without text: shape, width."""
NARROW = 54
WIDE = 66


@dataclass(frozen=True)
class Shape:
    """A unit: `symbol` box, dot, add or width; (x, y) its upper left corner."""

    node: Node
    symbol: str
    label: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(frozen=True)
class Wire:
    """A channel: SVG path data, and where the depth of its FIFO is written (None: nowhere). `arrow`: it has a head."""

    tensor: str
    path: str
    label_at: tuple[float, float] | None = None
    arrow: bool = True


@dataclass
class Picture:
    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)


@dataclass(frozen=True)
class _Edge:
    """From node number `start` to `end` of a row."""

    tensor: str
    start: int
    end: int


def draw(row: Row) -> Picture:
    """The picture of a row."""
    edges = _edges(row.nodes)
    lanes = _lanes(row.nodes, edges)
    follows = {pair for lane in lanes for pair in pairwise(lane)}
    lane_of = {number: k for k, lane in enumerate(lanes) for number in lane}
    over = sorted({(e.start, e.end) for e in edges if lane_of[e.start] == lane_of[e.end]} - follows)
    x = _columns(row.nodes, edges, lanes)
    base = TOP + LEVEL * len(over) + LANE * (len(lanes) - 1)
    shapes = [_shape(node, x[i], base - LANE * lane_of[i]) for i, node in enumerate(row.nodes)]
    width = max(s.right for s in shapes) + MARGIN
    picture = Picture(width, base + BOX_HEIGHT + TOP, shapes)
    levels = {pair: TOP + LEVEL * (i + 0.75) for i, pair in enumerate(over)}
    _wires(picture, row.nodes, edges, lane_of, levels)
    return picture


def _edges(nodes: Sequence[Node]) -> list[_Edge]:
    number = {tensor: i for i, node in enumerate(nodes) for tensor in node.outputs}
    return [_Edge(t, number[t], i) for i, node in enumerate(nodes) for t in node.inputs if t in number]


def _lanes(nodes: Sequence[Node], edges: list[_Edge]) -> list[list[int]]:
    """Paths that cover all nodes: the longest first, among equals the one with the products."""
    left = set(range(len(nodes)))
    found = []
    while left:
        best: dict[int, tuple[float, list[int]]] = {}
        for i in sorted(left):
            before = [best[e.start] for e in edges if e.end == i and e.start in left]
            length, path = max(before, default=(0.0, []), key=lambda entry: entry[0])
            best[i] = length + 1 + (len(nodes) if isinstance(nodes[i].unit, Mvtu) else 0), [*path, i]
        path = max(best.values(), key=lambda entry: entry[0])[1]
        found.append(path)
        left -= set(path)
    return found


def _columns(nodes: Sequence[Node], edges: list[_Edge], lanes: list[list[int]]) -> dict[int, float]:
    """Left edge of every node. Where an upper lane needs more room than there is below it, the lower ones stretch."""
    x: dict[int, float] = {}
    at: float = MARGIN
    for i in lanes[0]:
        x[i] = at
        at += _size(nodes[i])[1] + GAP
    for lane in lanes[1:]:
        begin = max(
            (x[e.start] + _size(nodes[e.start])[1] for e in edges if e.end == lane[0] and e.start in x), default=0
        )
        ends = [x[e.end] for e in edges if e.start == lane[-1] and e.end in x]
        width = sum(_size(nodes[i])[1] for i in lane)
        end = min(ends, default=begin + width + GAP * (len(lane) + 1))
        if (missing := width + GAP * (len(lane) + 1) - (end - begin)) > 0:
            x = {i: value + missing * (value >= end) for i, value in x.items()}
            end += missing
        gap = (end - begin - width) / (len(lane) + 1)
        at = begin + gap
        for i in lane:
            x[i] = at
            at += _size(nodes[i])[1] + gap
    return x


def _size(node: Node) -> tuple[str, float]:
    """Symbol and width."""
    return SMALL.get(node.unit.kind) or ("box", WIDE if isinstance(node.unit, Mvtu) else NARROW)


def _shape(node: Node, x: float, y: float) -> Shape:
    symbol, width = _size(node)
    height = {"box": BOX_HEIGHT, "width": 26}.get(symbol, width)
    label = LABELS.get(node.unit.kind, node.unit.kind[:8])
    return Shape(node, symbol, label, x, y + (BOX_HEIGHT - height) / 2, width, height)


def _wires(
    picture: Picture, nodes: Sequence[Node], edges: list[_Edge], lane_of: dict[int, int],
    levels: dict[tuple[int, int], float],
) -> None:  # fmt: skip
    shapes, wires = picture.shapes, picture.wires
    twins: dict[tuple[int, int], int] = {}
    for edge in edges:
        a, b = shapes[edge.start], shapes[edge.end]
        pair = edge.start, edge.end
        twin = twins[pair] = twins.get(pair, -1) + 1
        if pair in levels:
            y = levels[pair]
            path = f"M{a.centre:g} {a.y:g}V{y:g}H{b.centre:g}V{b.y:g}"
            wires.append(Wire(edge.tensor, path, ((a.centre + b.centre) / 2, y - 5)))
        elif lane_of[edge.start] == lane_of[edge.end]:
            several = sum(e.start == edge.start and e.end == edge.end for e in edges)
            y = a.middle + (twin - (several - 1) / 2) * 7
            wires.append(Wire(edge.tensor, f"M{a.right:g} {y:g}H{b.x:g}", arrow=several == 1))
        elif lane_of[edge.start] < lane_of[edge.end]:
            wires.append(Wire(edge.tensor, f"M{a.centre:g} {a.y:g}V{b.middle:g}H{b.x:g}"))
        else:
            wires.append(Wire(edge.tensor, f"M{a.right:g} {a.middle:g}H{b.centre:g}V{b.y:g}"))
    made = {t for node in nodes for t in node.outputs}
    used = {t for node in nodes for t in node.inputs}
    for shape, node in zip(shapes, nodes, strict=True):
        wires += [Wire(t, f"M0 {shape.middle:g}H{shape.x:g}") for t in node.inputs if t not in made]
        out = [t for t in node.outputs if t not in used]
        wires += [Wire(t, f"M{shape.right:g} {shape.middle:g}H{picture.width:g}") for t in out]


def same_width(pictures: list[Picture]) -> list[Picture]:
    """Rows under each other begin and end at the same place: the last wire of the narrower ones is longer."""
    widest = max(p.width for p in pictures)
    return [_widened(p, widest) for p in pictures]


def _widened(picture: Picture, width: float) -> Picture:
    end = f"H{picture.width:g}"
    wires = [
        replace(w, path=w.path.removesuffix(end) + f"H{width:g}") if w.path.endswith(end) else w for w in picture.wires
    ]
    return Picture(width, picture.height, picture.shapes, wires)
