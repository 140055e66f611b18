"""Everything that the page shows of a design, gathered from the simulator, the estimates and what the folder keeps."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pydantic

from hwsv.design import Design, Manifest
from hwsv.errors import InputError
from hwsv.estimate import Estimate, UnitEstimate, estimate
from hwsv.fifo_sizing import limiting
from hwsv.flows.build import FOLDER, BuildReport
from hwsv.graph import INPUT, Node
from hwsv.report import evaluation, structure
from hwsv.report.activity import REASONS, SETTLED, Activity, ActorActivity, observe
from hwsv.report.drawing import Picture, draw, same_width
from hwsv.report.evaluation import Evaluation
from hwsv.report.fifos import Fifo, fifos
from hwsv.units.base import Stream

BINS = (0.02, 0.10, 0.30, 0.60, 0.90)
"""Shares of busy cycles at which the colour of a unit changes."""


@dataclass(frozen=True)
class UnitView:
    """A unit: figures of the steady state, when it is active, what it should take. `row`: 0 beside all rows."""

    node: Node
    row: int
    actors: list[ActorActivity]
    interval: int
    spans: list[tuple[int, int]]
    cost: UnitEstimate

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def actor(self) -> ActorActivity:
        return max(self.actors, key=lambda a: a.beats)

    @property
    def busy(self) -> float:
        """Share of cycles in which its busiest actor issues a beat."""
        return self.actor.busy

    @property
    def colour(self) -> int:
        return sum(self.busy >= edge for edge in BINS)

    @property
    def waits(self) -> dict[str, float]:
        """Share of cycles by kind of stall (`REASONS`) of that actor."""
        found = self.actor.waits()
        return {kind: found.get(kind, 0) / self.interval for kind in REASONS}

    @property
    def worst(self) -> str:
        """Its greatest stall in words; empty where it hardly waits."""
        kind, share = max(self.waits.items(), key=lambda item: item[1])
        return f"{REASONS[kind]} {100 * share:.0f} %" if share >= 0.005 else ""

    @property
    def folding(self) -> str:
        """As short as a box takes it: PE x SIMD, or lanes."""
        unit = self.node.unit
        if hasattr(unit, "pe"):
            return f"{unit.pe} × {unit.simd}"  # type: ignore[attr-defined]
        if hasattr(unit, "lanes"):
            return f"× {unit.lanes}"
        return f"{unit.inputs()[0].lanes} → {unit.outputs()[0].lanes}" if unit.kind == "width_converter" else ""


@dataclass(frozen=True)
class RowView:
    """A row of the picture. stage: heading above it where the shape of the tensors changes, else empty."""

    number: int
    title: str
    description: str
    stage: str
    block: bool
    picture: Picture
    units: list[UnitView]

    @property
    def spans(self) -> list[tuple[int, int]]:
        return _around(unit.spans for unit in self.units)

    @property
    def boxes(self) -> list[UnitView]:
        """Units that are more than a symbol in the picture, from its top left on."""
        placed = sorted(zip(self.picture.shapes, self.units, strict=True), key=lambda pair: (pair[0].y, pair[0].x))
        return [unit for shape, unit in placed if shape.symbol == "box"]


@dataclass(frozen=True)
class Report:
    """What `hwsv.report.page` renders."""

    design: Design
    activity: Activity
    estimate: Estimate
    units: list[UnitView]
    rows: list[RowView]
    fifos: list[Fifo]
    slow: list[str]
    """FIFOs that cost cycles: deeper ones would make an embedding earlier."""
    built: BuildReport | None = None
    evaluation: Evaluation | None = None
    loose: list[UnitView] = field(default_factory=list)
    """Units in no row: the length fork."""

    @property
    def manifest(self) -> Manifest:
        return self.design.manifest

    @property
    def rate(self) -> float:
        """Embeddings a second at the board's clock."""
        return self.manifest.board.clock_hz / self.activity.interval

    @property
    def seconds(self) -> float | None:
        """Of audio in an utterance; None for a network without audio."""
        features = self.manifest.input.features
        return self.activity.frames * features.hop_ms / 1e3 if features else None

    @property
    def end(self) -> int:
        """Cycle after the last word of two utterances."""
        return 1 + max(last for unit in self.units for _, last in unit.spans)

    @cached_property
    def bottleneck(self) -> UnitView:
        """The unit that sets the rate."""
        return next(u for u in self.units if u.name == self.activity.bottleneck)

    @cached_property
    def equals(self) -> list[str]:
        """All units with as many beats as that one."""
        return [u.name for u in self.units if u.actor.beats == self.bottleneck.actor.beats]

    @property
    def input_shape(self) -> str:
        return shape(self.activity.frames, self.design.graph.streams()[INPUT])

    @property
    def rule_bits(self) -> int:
        """Of all FIFOs with the depths of the rule."""
        return sum(fifo.rule * fifo.word_bits for fifo in self.fifos)

    def milliseconds(self, cycles: int) -> float:
        return 1e3 * cycles / self.manifest.board.clock_hz


def gather(design: Design, given: Path | None = None) -> Report:
    """Simulate and estimate `design`. given: a result of `hwsv evaluate`, instead of the one kept in the folder.

    Raises InputError, and Deadlock for a design that hangs.
    """
    graph, frames = design.graph, design.manifest.input.frames_example
    activity, cost = observe(design), estimate(graph, design.manifest.board)
    costs = {row.node: row for row in cost.units}
    rows = structure.rows(graph)
    row_of = {node.name: i for i, row in enumerate(rows, 1) for node in row.nodes}
    units = [
        UnitView(n, row_of.get(name, 0), activity.units[name], activity.interval, activity.spans[name], costs[name])
        for n in graph
        if (name := n.name)
    ]
    return Report(
        design=design,
        activity=activity,
        estimate=cost,
        units=units,
        rows=_rows(design, rows, {u.name: u for u in units}),
        fifos=fifos(graph, frames, cost, activity.peak),
        slow=limiting(graph, [frames] * SETTLED, graph.channels),
        built=_built(design),
        evaluation=evaluation.read(given) if given else evaluation.of_design(design),
        loose=[unit for unit in units if not unit.row],
    )


def _rows(design: Design, rows: list[structure.Row], units: dict[str, UnitView]) -> list[RowView]:
    streams, frames = design.graph.streams(), design.graph.frames(design.manifest.input.frames_example)
    pictures = same_width([draw(row) for row in rows])
    found, before = [], ""
    for number, (row, picture) in enumerate(zip(rows, pictures, strict=True), 1):
        leaving = row.nodes[-1].outputs[0]
        made = shape(frames[leaving], streams[leaving])
        stage, before = made if made != before else "", made
        views = [units[node.name] for node in row.nodes]
        found.append(RowView(number, row.title, structure.describe(row), stage, row.block, picture, views))
    return found


def shape(frames: int, stream: Stream) -> str:
    """Of a tensor, in words."""
    named = ((frames, "frame"), (stream.freq, "band"), (stream.channels, "channel"))
    return " × ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in named)


def _around(spans: Iterable[list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """From the first to the last of several units, for each utterance."""
    return [(min(s[0] for s in of), max(s[1] for s in of)) for of in zip(*spans, strict=True)]


def _built(design: Design) -> BuildReport | None:
    """What `hwsv build` left. Raises InputError where that is damaged."""
    path = design.folder / FOLDER / "report.json"
    if not path.is_file():
        return None
    try:
        return BuildReport.model_validate_json(path.read_bytes())
    except (pydantic.ValidationError, OSError) as error:
        raise InputError(f"{path}: damaged; remove it or run 'hwsv build' again") from error
