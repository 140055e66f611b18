import json
from pathlib import Path

import pytest

from hwsv.compile import compile_model
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.estimate import estimate
from hwsv.folding import read_overrides
from hwsv.search.output import INDEX, PICTURES, check_place, write
from hwsv.search.point import Problem
from hwsv.simulator import simulate
from tests.search.test_explore import problem, search

BOARD = "ulx3s-85f"


@pytest.fixture(scope="module")
def asked() -> Problem:
    return problem()


@pytest.fixture(scope="module")
def found(asked):
    return search(asked, 6)


@pytest.fixture
def model(tmp_path) -> Path:
    """Only its hash is kept."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"model")
    return path


def test_the_folder_holds_the_points_the_picture_and_the_foldings(asked, found, model, tmp_path):
    facts = write(found, asked, model, None, tmp_path / "out")
    assert json.loads((tmp_path / "out" / INDEX).read_text()) == facts
    rows = facts["points"]
    files = {row["file"] for row in rows if row["pareto"]}
    assert {p.name for p in (tmp_path / "out").iterdir()} == files | {INDEX, *PICTURES}
    assert len(files) == len(found.pareto) == sum(row["pareto"] for row in rows)
    assert rows[facts["chosen"]]["chosen"]
    for row in rows:
        if row["pareto"]:
            read = read_overrides(tmp_path / "out" / row["file"])
            assert {name: o.model_dump(exclude_none=True) for name, o in read.items()} == row["folding"]


def test_the_same_points_make_the_same_bytes(asked, found, model, tmp_path):
    for name in ("one", "other", "other"):  # the second time in the place of an older search
        write(found, asked, model, 30.0, tmp_path / name)
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "other"))
    assert one == other
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_folder_that_is_no_search_is_left_alone(asked, found, model, tmp_path):
    for bad in (model, tmp_path):
        with pytest.raises(InputError, match="is not a search"):
            check_place(bad)
        with pytest.raises(InputError, match="is not a search"):
            write(found, asked, model, None, bad)
    assert model.read_bytes() == b"model"


@pytest.fixture(scope="module")
def searched(residual, tmp_path_factory):
    """A real model through the command, and its own output again."""
    from typer.testing import CliRunner

    from hwsv.cli import app

    out = tmp_path_factory.mktemp("search") / "found"
    arguments = ["search", residual, "--board", BOARD, "--points", "3", "--jobs", "1", "-o", out, "--json"]
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.stderr
    return residual, out, json.loads(result.stdout)


def test_compile_makes_the_design_that_the_search_promised(searched, tmp_path):
    model, out, facts = searched
    row = facts["points"][facts["chosen"]]
    design = compile_model(model, BOARD, tmp_path / "design", backend="rtl", folding=out / row["file"])
    assert design.manifest.hash == row["hash"]
    estimated = estimate(Design.open(tmp_path / "design").graph, design.manifest.board)
    assert (estimated.lut, estimated.ff) == (row["lut"], row["ff"])
    assert (estimated.bram_blocks, estimated.dsp) == (row["bram_blocks"], row["dsp"])
    timing = simulate(design, frames=[facts["frames"]] * 4).timing
    assert (timing.interval, timing.latency) == (row["interval_cycles"], row["latency_cycles"])


@pytest.mark.parametrize(
    "options, message",
    [
        (("--fps", "0"), "--fps must be"), (("--fps", "nan"), "--fps must be"),
        (("--fps", "3", "--fastest"), "exclude each other"), (("--jobs", "2", "--cluster", "a:1"), "give one of them"),
        (("--points", "0"), "--points"), (("--board", "none"), "not known"),
        (("--fps", "1000000"), "the fastest found"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(options, message, searched, tmp_path):
    from typer.testing import CliRunner

    from hwsv.cli import app

    out = tmp_path / "out"
    arguments = ["search", searched[0], "--board", BOARD, "--points", "1", "-o", out, *options]
    if "--cluster" not in options:
        arguments += ["--jobs", "1"]
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 2
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert not out.exists()
