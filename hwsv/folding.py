"""Folding: PE, SIMD and lanes of every unit from a target rate, or from a file.

The rule: every unit gets the smallest parallelism whose beats for one utterance fit into clock / rate cycles. A
sliding window has the lanes that its matrix or pool unit reads.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pydantic

from hwsv import yaml_file
from hwsv.errors import HwsvError, InputError
from hwsv.graph import Node, UnitGraph
from hwsv.units.base import Unit, divisors
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow


class Override(pydantic.BaseModel, extra="forbid"):
    """Folding of one unit in a folding file: ``pe`` and ``simd`` of an mvtu, ``lanes`` of any other unit."""

    pe: pydantic.PositiveInt | None = None
    simd: pydantic.PositiveInt | None = None
    lanes: pydantic.PositiveInt | None = None


def fold(graph: UnitGraph, frames: int, cycles: float, overrides: Mapping[str, Override] | None = None) -> UnitGraph:
    """Fold `graph` so that no unit takes more than `cycles` cycles for an utterance of `frames` frames.

    overrides: folding of single units by node name. Raises InputError for a rate that the largest parallelism misses,
    an unknown unit, or a folding that is not legal (with the legal values).
    """
    overrides = dict(overrides or {})
    windows = {n.outputs[0]: n for n in graph if isinstance(n.unit, SlidingWindow)}
    for name in overrides:
        node = graph.node(name)
        if node.outputs[0] in windows:
            readers = ", ".join(repr(n.name) for n in graph if node.outputs[0] in n.inputs)
            raise InputError(f"unit {name!r} (sliding_window) follows its reader: fold {readers} instead")
    local = graph.frames(frames)
    folded: dict[str, Unit] = {}
    for node in graph:
        if node.outputs[0] in windows:
            continue  # follows its reader
        feeding = [windows[t] for t in node.inputs if t in windows]
        for name, unit in _fold_node(node, feeding, local, cycles, overrides.get(node.name)).items():
            if name in folded and folded[name].inputs() != unit.inputs():
                raise InputError(
                    f"unit {name!r} feeds two units of different folding; give both the same simd or lanes"
                )
            folded[name] = unit
    return UnitGraph(graph.name, [replace(n, unit=folded[n.name]) for n in graph])


def beats(unit: Unit, frames: int) -> int:
    """Cycles that the unit needs for an utterance that enters with `frames` frames, never waiting."""
    return max(actor.beats for actor in unit.actors(frames))


def _fold_node(
    node: Node, feeding: list[Node], local: dict[str, int], cycles: float, override: Override | None
) -> dict[str, Unit]:
    """Folded units by name: `node`, and the windows that feed it with the lanes that it reads."""

    def with_windows(unit: Unit) -> dict[str, Unit]:
        lanes = {n.name: n.unit.with_lanes(lanes=unit.inputs()[node.inputs.index(n.outputs[0])].lanes) for n in feeding}
        return {node.name: unit, **lanes}

    chosen = override.model_dump(exclude_none=True) if override else {}
    if chosen:
        try:
            return with_windows(node.unit.with_lanes(**chosen))
        except TypeError as error:
            raise InputError(f"unit {node.name!r} ({node.unit.kind}) has no folding {', '.join(chosen)}") from error
        except HwsvError as error:
            raise InputError(f"unit {node.name!r}: {error}") from error
    entering = {n.name: local[n.inputs[0]] for n in (node, *feeding)}
    slowest, needed = node.name, 0
    for unit in _candidates(node.unit):
        slowest, needed = node.name, beats(unit, entering[node.name])
        if needed > cycles:
            continue
        units = with_windows(unit)
        slowest, needed = max(((n, beats(u, entering[n])) for n, u in units.items()), key=lambda pair: pair[1])
        if needed <= cycles:
            return units
    raise InputError(
        f"unit {slowest!r} needs {needed} cycles an utterance even with its largest folding, the target rate allows "
        f"{int(cycles)}; lower --fps or raise the clock"
    )


def _candidates(unit: Unit) -> list[Unit]:
    """Foldings in the order in which they are tried: less hardware first."""
    if isinstance(unit, Mvtu):
        pairs = [(pe, simd) for pe in divisors(unit.out_channels) for simd in divisors(unit.tap_channels)]
        # of equal size, more SIMD: a popcount tree is cheaper than one more accumulator
        pairs.sort(key=lambda p: (p[0] * p[1], p[0]))
        return [unit.with_lanes(pe=pe, simd=simd) for pe, simd in pairs]
    if hasattr(unit, "in_channels"):
        legal = [d for d in divisors(unit.in_channels[0]) if all(c % d == 0 for c in unit.in_channels)]
        return [unit.with_lanes(lanes=d) for d in legal]
    return [unit.with_lanes(lanes=d) for d in divisors(unit.channels)]  # type: ignore[attr-defined]


def read_overrides(path: Path) -> dict[str, Override]:
    """A folding file: YAML, ``{unit: {pe: 2, simd: 16}, other: {lanes: 4}}``. Raises InputError."""
    return yaml_file.load(path, "folding file", pydantic.TypeAdapter(dict[str, Override] | None)) or {}
