"""DET picture: miss against false alarm on probit axes (Martin et al., Eurospeech 1997)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from hwsv.errors import InputError
from hwsv.host.scoring import Result

TICKS = np.array([0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
LIMITS = (0.0005, 0.55)
"""Rates shown, as fractions."""


def draw(results: Mapping[str, Result], path: Path) -> None:
    """Write one picture with a line per entry of `results` (label -> figures); the file's ending chooses the format."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("a DET picture needs matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=(7, 6.5), layout="constrained")
    axes = figure.add_subplot()
    for number, (label, result) in enumerate(results.items()):
        points, colour = result.curve, f"C{number % 10}"
        alarm, miss = (ndtri(np.clip(rates, 1e-6, 1 - 1e-6)) for rates in (points.alarm, points.miss))
        # A leading underscore would hide the entry, and $ would start mathematics: labels hold file names.
        text = label.lstrip("_").replace("$", r"\$")
        axes.plot(alarm, miss, colour, label=f"{text}: EER {100 * result.eer:.2f} %", linewidth=1.2)
        axes.plot(ndtri(result.eer), ndtri(result.eer), "o", color=colour, markersize=4)
    axes.plot(ndtri(LIMITS), ndtri(LIMITS), color="0.8", linewidth=0.8, zorder=0)
    ticks = [f"{100 * t:g}" for t in TICKS]
    axes.set(xlim=ndtri(LIMITS), ylim=ndtri(LIMITS), xlabel="false alarms (%)", ylabel="misses (%)", aspect="equal")
    axes.set_xticks(ndtri(TICKS), ticks)
    axes.set_yticks(ndtri(TICKS), ticks)
    axes.grid(color="0.9")
    axes.legend(loc="lower left", fontsize="small")
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise InputError(f"{path}: cannot write a picture: {' '.join(str(error).split())}") from error
