"""The report of a design as one HTML file that needs nothing else: style, pictures and script are in it."""

from functools import cache
from pathlib import Path

import jinja2

from hwsv.report.activity import REASONS, SETTLED
from hwsv.report.content import BINS, Report
from hwsv.report.det_curves import SIZE, panels, ticks

TEMPLATES = Path(__file__).parent / "templates"


def render(report: Report) -> str:
    """The page; the same design gives the same text."""
    values = {
        "r": report,
        "reasons": REASONS,
        "settled": SETTLED,
        "bins": BINS,
        "panels": panels(report.evaluation) if report.evaluation else [],
        "ticks": ticks(),
        "size": SIZE,
    }
    return _environment().get_template("page.html.j2").render(values)


@cache
def _environment() -> jinja2.Environment:
    """Autoescape: names come from model files, trial lists and board files."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"count": _count, "percent": _percent, "kbit": _kbit, "axis": _axis, "plural": _plural}
    return made


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "< 1 %"
    return f"{100 * share:.0f} %"


def _kbit(bits: float) -> str:
    return f"{bits / 1000:,.1f}"


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _axis(end: float) -> list[float]:
    """About five round values from 0 to `end`."""
    step = next(m * 10**e for e in range(-6, 12) for m in (1, 2, 5) if end / (m * 10**e) <= 5)
    return [round(i * step, 9) for i in range(int(end / step) + 1)]
