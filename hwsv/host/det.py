"""DET picture: miss against false alarm on probit axes (Martin et al., Eurospeech 1997)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from hwsv.errors import InputError
from hwsv.host.scoring import Result

TICKS = np.array([0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
LIMITS = (0.0005, 0.55)
"""Rates shown, as fractions."""


def draw(results: Mapping[str, Mapping[str, Result]], path: Path) -> None:
    """Write a picture: a panel per trial list, in it a line per system (list -> system -> figures).

    A system has the same colour in every panel. The file's ending chooses the format. Raises InputError.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("a DET picture needs matplotlib: pip install matplotlib") from error
    columns = min(3, len(results))
    rows = -(-len(results) // columns)
    figure = Figure(figsize=(4.6 * columns + 0.4, 4.8 * rows), layout="constrained")
    colours = {system: f"C{i % 10}" for i, system in enumerate(dict.fromkeys(s for r in results.values() for s in r))}
    for number, (name, systems) in enumerate(results.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        for system, result in systems.items():
            _curve(axes, result, f"{_text(system)}: EER {100 * result.eer:.2f} %", colours[system])
        _frame(axes, _text(name))
    try:
        figure.savefig(path, dpi=130)
    except ValueError as error:
        raise InputError(f"{path}: cannot write a picture: {' '.join(str(error).split())}") from error


def _text(label: str) -> str:
    """A leading underscore would hide the entry, and $ would start mathematics: labels hold file names."""
    return label.lstrip("_").replace("$", r"\$")


def _curve(axes: Any, result: Result, label: str, colour: str) -> None:
    alarm, miss = (ndtri(np.clip(r, 1e-6, 1 - 1e-6)) for r in (result.curve.alarm, result.curve.miss))
    axes.plot(alarm, miss, colour, label=label, linewidth=1.3)
    axes.plot(ndtri(result.eer), ndtri(result.eer), "o", color=colour, markersize=4)


def _frame(axes: Any, title: str) -> None:
    axes.plot(ndtri(LIMITS), ndtri(LIMITS), color="0.8", linewidth=0.8, zorder=0)
    ticks = [f"{100 * t:g}" for t in TICKS]
    axes.set(xlim=ndtri(LIMITS), ylim=ndtri(LIMITS), xlabel="false alarms (%)", ylabel="misses (%)", aspect="equal")
    axes.set_xticks(ndtri(TICKS), ticks)
    axes.set_yticks(ndtri(TICKS), ticks)
    axes.grid(color="0.9")
    axes.set_title(title)
    axes.legend(loc="lower left", fontsize="small")
