"""The page: whole HTML, every unit in it, nothing from elsewhere, hostile names harmless, the same bytes each time."""

import dataclasses
import itertools
import re

from hwsv.report.content import gather
from hwsv.report.evaluation import Evaluation
from hwsv.report.page import render
from tests.report.conftest import Page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"

SYSTEM = {
    "eer": 0.0785, "eer_ci95": [0.068, 0.089], "min_dcf": {"0.01": 0.7, "0.05": 0.5}, "targets": 10, "nontargets": 20,
    "det": [[0.4, 0.001], [0.1, 0.05], [0.001, 0.4]],
}  # fmt: skip


def test_it_is_well_formed(page):
    assert page.wrong == [] and page.open == []
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings.count(1) == 1 and all(b - a <= 1 for a, b in itertools.pairwise(headings))


def test_every_link_has_its_target(page):
    identifiers = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    targets = {attributes["href"] for attributes in page.all("a")}
    assert {target.removeprefix("#") for target in targets} <= identifiers


def test_every_unit_and_fifo_is_there(page, design):
    rows = {a["id"] for a in page.all("tr") if "id" in a}
    assert rows == {f"u-{node.name}" for node in design.graph}
    drawn = {a["data-unit"] for a in page.all("a") if "unit" in (a.get("class") or "").split()}
    assert drawn == {node.name for node in design.graph if node.unit.kind != "length_fork"}
    words = {piece.strip() for piece in page.text}
    assert set(design.graph.channels) <= words


def test_the_figures_are_shown(page, report):
    shown = " ".join(" ".join(page.text).split())
    for figure in (report.activity.latency, report.activity.interval, report.estimate.lut, report.estimate.ff):
        assert f"{figure:,}" in shown


def test_nothing_comes_from_elsewhere(text, page):
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)
    assert not any("src" in attributes or tag in ("link", "img", "iframe") for tag, attributes in page.elements)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_phones_and_dark_screens(text, page):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert "prefers-color-scheme: dark" in text
    assert all(a.get("aria-label") or a.get("aria-hidden") or a.get("style") for a in page.all("svg"))
    assert page.elements[0] == ("html", {"lang": "en"})


def test_the_same_design_gives_the_same_bytes(design, text):
    assert render(gather(design)) == text


def hostile(report):
    """The report with the hostile name wherever one comes from a file."""
    graph = dataclasses.replace(report.design.graph)
    manifest = report.manifest.model_copy(
        update={"name": HOSTILE, "board": report.manifest.board.model_copy(update={"description": HOSTILE})}
    )
    design = dataclasses.replace(report.design, manifest=manifest)
    object.__setattr__(design, "graph", graph)
    units = [dataclasses.replace(u, node=dataclasses.replace(u.node, source=HOSTILE)) for u in report.units]
    evaluation = Evaluation.model_validate({"lists": {HOSTILE: {HOSTILE: SYSTEM}}, "commands": {HOSTILE: HOSTILE}})
    fifos = [dataclasses.replace(f, name=HOSTILE) for f in report.fifos]
    return dataclasses.replace(report, design=design, units=units, fifos=fifos, evaluation=evaluation)


def test_hostile_names_are_text(report, page):
    attacked = Page(render(hostile(report)))
    assert attacked.wrong == [] and attacked.open == []
    assert HOSTILE in "".join(attacked.text)
    assert len(attacked.all("script")) == len(page.all("script")) == 1
    assert not attacked.all("img") and not any("onerror" in a for _, a in attacked.elements)


def test_error_rates(report, page):
    assert "has not been evaluated" in "".join(page.text)
    lists = {"clean": {"emulator": SYSTEM, "float twin": SYSTEM | {"eer": 0.05, "det": []}}}
    evaluated = dataclasses.replace(report, evaluation=Evaluation.model_validate({"lists": lists}))
    found = Page(render(evaluated))
    shown = " ".join(" ".join(found.text).split())
    assert "7.85" in shown and "5.00" in shown and "6.80 – 8.90" in shown
    assert len(found.all("polyline")) == 1
    assert "has not been evaluated" not in shown
