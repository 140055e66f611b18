"""The command `hwsv report`."""

import json

import pytest
from typer.testing import CliRunner

from hwsv.cli import app


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_it_writes_a_page(run, design, text, tmp_path):
    out = tmp_path / "page.html"
    result = run(design.folder, "-o", out, "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert out.read_text() == text
    assert facts["bytes"] == out.stat().st_size < 2_000_000
    assert (facts["units"], facts["built"], facts["evaluated"]) == (len(design.graph.nodes), False, [])


def test_by_default_into_the_design(run, design, text):
    assert run(design.folder).exit_code == 0
    page = design.folder / "report.html"
    assert page.read_text() == text
    page.unlink()


def test_bad_input_is_one_line(run, design, tmp_path):
    for arguments in (
        (tmp_path,),
        (design.folder, "-o", tmp_path),
        (design.folder, "-o", tmp_path / "missing" / "page.html"),
        (design.folder, "-o", tmp_path / "page.html", "--evaluation", tmp_path / "missing.json"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, arguments
    assert not (tmp_path / "page.html").exists()
