"""Folding: PE, SIMD and lanes of every unit from a target rate, or from a file.

The rule: every unit gets the smallest parallelism whose beats for one utterance fit into clock / rate cycles. A
sliding window has the lanes that its matrix or pool unit reads.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic
import yaml

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


def fold(
    graph: UnitGraph, frames: int, cycles: float, overrides: Mapping[str, Override] | None = None
) -> UnitGraph:
    """Fold `graph` so that no unit takes more than `cycles` cycles for an utterance of `frames` frames.

    overrides: folding of single units by node name. Raises InputError for a rate that the largest parallelism misses,
    an unknown unit, or a folding that is not legal (with the legal values).
    """
    overrides = dict(overrides or {})
    for name in overrides:
        graph.node(name)
    local = graph.frames(frames)
    windows = {t: n for n in graph for t in n.outputs if isinstance(n.unit, SlidingWindow)}
    folded: dict[str, Unit] = {}
    for node in graph:
        if isinstance(node.unit, SlidingWindow):
            continue  # follows its reader
        unit = _smallest(node, local[node.inputs[0]], cycles, overrides.get(node.name))
        folded[node.name] = unit
        for tensor in node.inputs:
            if tensor in windows:
                window = windows[tensor]
                lanes = unit.inputs()[0].lanes
                if window.name in folded and _lanes(folded[window.name]) != lanes:
                    raise InputError(f"unit {window.name!r} feeds two units of different folding")
                folded[window.name] = replace(window.unit, lanes=lanes)  # type: ignore[type-var]
                _check_rate(window, folded[window.name], local[window.inputs[0]], cycles, node.name in overrides)
    return UnitGraph(graph.name, [replace(n, unit=folded[n.name]) for n in graph])


def _lanes(unit: Unit) -> int:
    return unit.inputs()[0].lanes


def beats(unit: Unit, frames: int) -> int:
    """Cycles that the unit needs for an utterance that enters with `frames` frames, never waiting."""
    return max(actor.beats for actor in unit.actors(frames))


def _smallest(node: Node, frames: int, cycles: float, override: Override | None) -> Unit:
    chosen = override.model_dump(exclude_none=True) if override else {}
    try:
        if chosen:
            return node.unit.with_lanes(**chosen)
    except TypeError as error:
        raise InputError(f"unit {node.name!r} ({node.unit.kind}) has no folding {', '.join(chosen)}") from error
    except HwsvError as error:
        raise InputError(f"unit {node.name!r}: {error}") from error
    best: Unit | None = None
    for candidate in _candidates(node.unit):
        needed = beats(candidate, frames)
        if needed <= cycles:
            return candidate
        best = candidate
    assert best is not None
    _check_rate(node, best, frames, cycles, overridden=False)
    return best


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


def _check_rate(node: Node, unit: Unit, frames: int, cycles: float, overridden: bool) -> None:
    needed = beats(unit, frames)
    if needed > cycles and not overridden:
        raise InputError(
            f"unit {node.name!r} needs {needed} cycles an utterance even with its largest folding, the target rate "
            f"allows {int(cycles)}; lower --fps or raise the clock"
        )


def read_overrides(path: Path) -> dict[str, Override]:
    """A folding file: YAML, ``{unit: {pe: 2, simd: 16}, other: {lanes: 4}}``. Raises InputError."""
    try:
        content: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"folding file {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"folding file {path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return pydantic.TypeAdapter(dict[str, Override]).validate_python(content or {})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise InputError(f"folding file {path}: {where}: {first['msg']}") from error
