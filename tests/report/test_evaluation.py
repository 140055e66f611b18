"""What `hwsv evaluate` keeps for the report."""

import json
from pathlib import Path

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.evaluate import Request
from hwsv.host import scoring
from hwsv.host.trials import Trials
from hwsv.report.evaluation import FILE, POINTS, keep, of_design, read, thin


@pytest.fixture
def results():
    """Scores of 3,000 trials, one system."""
    rng = np.random.default_rng(0)
    labels = rng.random(3000) < 0.3
    speakers = rng.integers(0, 40, (2, 3000))
    return {"clean": {"emulator": scoring.evaluate(rng.normal(labels * 2.0, 1.0), labels, *speakers)}}


def request(name: str, folder: Path) -> Request:
    empty = np.zeros(0, np.int64)
    return Request([Trials(folder / f"{name}.trials", [], empty.astype(bool), empty, empty)], folder)


@pytest.fixture
def kept(design, results, tmp_path):
    path = design.folder / FILE
    keep(design, results, request("clean", tmp_path))
    yield path
    path.unlink()


def test_it_comes_back(design, results, kept):
    found = of_design(design)
    result = results["clean"]["emulator"]
    figures = found.lists["clean"]["emulator"]
    assert (figures.eer, figures.eer_ci95, figures.targets) == (result.eer, result.eer_ci95, result.targets)
    assert found.commands["clean"] == "hwsv evaluate DIR --trials clean.trials --root AUDIO --level emulator"


def test_lists_add_up_and_another_design_is_refused(design, results, kept, tmp_path):
    keep(design, {"noisy": results["clean"]}, request("noisy", tmp_path))
    assert set(of_design(design).lists) == {"clean", "noisy"}
    kept.write_text(kept.read_text().replace(design.manifest.hash, "f" * 64))
    with pytest.raises(InputError, match="of another design"):
        of_design(design)
    keep(design, results, request("clean", tmp_path))
    assert set(of_design(design).lists) == {"clean"}


def test_the_thin_curve_is_the_curve(results):
    curve = results["clean"]["emulator"].curve
    points = np.array(thin(curve))
    assert len(points) <= POINTS < len(curve.miss)
    every = np.stack([curve.alarm, curve.miss], axis=1)
    assert np.abs(points[:, None] - every).max(axis=2).min(axis=1).max() < 1e-6
    inside = points[(points > 0.01).all(axis=1) & (points < 0.5).all(axis=1)]
    assert np.abs(np.diff(inside, axis=0)).max() < 0.03


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"lists": {}}', '{"lists": {"a": {"b": {"eer": 2}}}}', '{"lists": {"a": {"b": NaN}}}']
)
def test_what_is_none_is_refused(tmp_path, text):
    path = tmp_path / "e.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"e\.json: not a result of 'hwsv evaluate'"):
        read(path)


def test_the_command_line_prints_what_can_be_read(tmp_path, results):
    """`hwsv evaluate --json > F`: figures without curves."""
    figures = results["clean"]["emulator"].to_json()
    path = tmp_path / "e.json"
    path.write_text(json.dumps(figures | {"lists": {"clean": {"emulator": figures}}, "minus_float": {}}))
    assert read(path).lists["clean"]["emulator"].det == []
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "missing.json")
