"""The picture of a search: rate against the share of the board's LUTs and block RAM, with the Pareto-optimal points."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hwsv.boards import Board
from hwsv.errors import InputError
from hwsv.estimate import SHELL, UTILISATION
from hwsv.search.explore import Found
from hwsv.search.point import Point, Problem

BLUE, ORANGE, GREY, RED = "#1f5fa8", "#e07b00", "#9aa0a6", "#b3261e"


def draw(found: Found, problem: Problem, wanted_fps: float | None, paths: list[Path]) -> None:
    """Write the picture to `paths` (the endings choose the formats); the same points make the same bytes.

    Shares include the board's shell, so that the limit drawn is the limit that counts.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("the picture of a search needs matplotlib: pip install matplotlib") from error
    board, has = problem.board, problem.board.resources
    panels: list[tuple[str, str, Callable[[Point], int], int]] = [("LUT", f"LUT{has.lut_inputs}", _lut, has.lut)]
    if has.bram_blocks:
        panels.append(("block RAM", f"block RAM ({has.bram_block_kbit} kbit)", _bram, has.bram_blocks))
    style: Any = {"svg.hashsalt": "hwsv", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(6.2 * len(panels), 5.4), layout="constrained", facecolor="white")
        first: Any = None
        for number, (key, label, used, there) in enumerate(panels, start=1):
            axes = figure.add_subplot(1, len(panels), number, sharey=first)
            first = first or axes
            _panel(axes, found, board, partial(_share, used, SHELL[key], there))
            _limit(axes, 100 * UTILISATION[key])
            axes.set_xlabel(f"share of {there:,} {label}, shell included (%)")
            if wanted_fps is not None:
                axes.axhline(wanted_fps, color="black", linewidth=1.2, linestyle=":", label="rate asked for", zorder=1)
        _rates(first, problem.frames)
        title = f"{_text(problem.graph.name)} on {board.name} at {board.clock_mhz:g} MHz"
        figure.suptitle(f"{title}: {len(found.points)} designs", fontsize=14, fontweight="bold")
        handles, labels = first.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=10)
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            figure.savefig(path, dpi=160, metadata=metadata)


def _panel(axes: Any, found: Found, board: Board, share: Callable[[Point], float]) -> None:
    """Points of one panel: those beyond the board, those that others beat, the Pareto-optimal ones, the chosen one."""

    def place(points: list[Point]) -> tuple[list[float], list[float]]:
        return [share(p) for p in points], [board.clock_hz / p.interval for p in points]

    front = [found.points[i] for i in found.pareto]
    beaten = [p for i, p in enumerate(found.points) if p.fits and i not in found.pareto]
    beyond = [p for p in found.points if not p.fits]
    axes.plot(*place(beyond), "x", color=GREY, markersize=6, label="exceeds the board", zorder=2)
    axes.plot(*place(beaten), "o", color="white", markeredgecolor=GREY, markersize=5, label="fits, beaten", zorder=3)
    axes.step(*place(_staircase(front, share)), where="post", color=BLUE, linewidth=1.4, alpha=0.6, zorder=3)
    axes.plot(*place(front), "o", color=BLUE, markersize=7, label="Pareto-optimal", zorder=4)
    chosen = found.points[found.chosen]
    axes.plot(*place([chosen]), "*", color=ORANGE, markeredgecolor="black", markersize=19, label="chosen", zorder=5)
    fps = board.clock_hz / chosen.interval
    label = f"{fps:,.{1 if fps < 100 else 0}f}/s at {share(chosen):.0f} %"
    box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": "none", "alpha": 0.85}
    axes.annotate(
        label, (share(chosen), fps), xytext=(-14, 10), textcoords="offset points", ha="right", fontweight="bold",
        bbox=box, zorder=6,
    )  # fmt: skip
    axes.set_yscale("log")
    axes.margins(y=0.1)
    axes.grid(which="major", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def _staircase(front: list[Point], share: Callable[[Point], float]) -> list[Point]:
    """The points that are optimal in this panel alone, by ascending share."""
    steps: list[Point] = []
    for point in sorted(front, key=lambda p: (share(p), p.interval)):
        if not steps or point.interval < steps[-1].interval:
            steps.append(point)
    return steps


def _limit(axes: Any, limit: float) -> None:
    """The share that may be used, what lies beyond it shaded. What takes twice as much is not shown."""
    right = min(max(axes.get_xlim()[1], 1.1 * limit), 2 * limit)
    axes.set_xlim(0, right)
    axes.axvline(limit, color=RED, linewidth=1.6, label="limit of the board", zorder=2)
    axes.axvspan(limit, right, color=RED, alpha=0.06, linewidth=0, zorder=0)


def _rates(axes: Any, frames: int) -> None:
    """Rates as plain numbers at 1, 2 and 5 of every decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_ylabel(f"utterances of {frames} frames a second (exact)")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _share(used: Callable[[Point], int], shell: int, there: int, point: Point) -> float:
    return 100 * (used(point) + shell) / there


def _lut(point: Point) -> int:
    return point.lut


def _bram(point: Point) -> int:
    return point.bram


def _text(label: str) -> str:
    """$ would start mathematics: a network's name comes from its file's."""
    return label.replace("$", r"\$")
