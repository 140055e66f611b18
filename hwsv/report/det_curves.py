"""DET curves as SVG: miss against false alarm on probit axes, with the ticks and limits of `hwsv.host.det`."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from hwsv.host.det import LIMITS, TICKS
from hwsv.report.evaluation import Evaluation, SystemFigures

SIZE = 300
"""Pixels of a panel's plot, both ways."""
STYLES = 5
"""Looks of a line (colour and dashes) that the style sheet has."""


@dataclass(frozen=True)
class Line:
    """A system of a panel: `style` 0 to `STYLES` - 1, `points` of the curve, (x, y) of the equal error rate."""

    system: str
    style: int
    figures: SystemFigures
    points: str
    eer_at: tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """A trial list. drawn: whether any of its systems has a curve."""

    name: str
    command: str
    lines: list[Line]

    @property
    def drawn(self) -> bool:
        return any(line.points for line in self.lines)


def panels(evaluation: Evaluation) -> list[Panel]:
    """One a list; a system looks the same in all."""
    systems = list(dict.fromkeys(system for found in evaluation.lists.values() for system in found))
    style = {system: i % STYLES for i, system in enumerate(systems)}
    return [
        Panel(name, evaluation.commands.get(name, ""), [_line(s, style[s], f) for s, f in found.items()])
        for name, found in evaluation.lists.items()
    ]


def ticks() -> list[tuple[float, str]]:
    """(place along an axis from its low end, rate in %)."""
    return [(float(place), f"{100 * tick:g}") for tick, place in zip(TICKS, _places(TICKS), strict=True)]


def _line(system: str, style: int, figures: SystemFigures) -> Line:
    rates = np.array(figures.det, np.float64).reshape(-1, 2)
    rates = rates[((rates > LIMITS[0]) & (rates < LIMITS[1])).all(axis=1)]
    points = " ".join(
        f"{x:.1f},{SIZE - y:.1f}" for x, y in zip(_places(rates[:, 0]), _places(rates[:, 1]), strict=True)
    )
    place = float(_places(np.array([figures.eer]))[0])
    return Line(system, style, figures, points, (round(place, 1), round(SIZE - place, 1)))


def _places(rates: np.ndarray) -> np.ndarray:
    low, high = ndtri(LIMITS)
    return np.round((ndtri(np.clip(rates, *LIMITS)) - low) / (high - low) * SIZE, 1)
