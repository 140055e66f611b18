"""Thresholds: trials like those of use, the operating point asked for, a calibration of this model only."""

import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from hwsv.compile import compile_model
from hwsv.errors import InputError
from hwsv.host import calibration, scoring
from hwsv.host.calibration import Calibration, enrolment_trials, operating_point
from tests.verify import handmade


def made_voices(speakers, utterances, seed=0, spread=0.8):
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(speakers), utterances)
    rows = rng.normal(size=(speakers, 8))[who] + spread * rng.normal(size=(len(who), 8))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), who


def test_trials_equal_brute_force():
    rows, who = made_voices(3, 7)
    order = np.random.default_rng(1).permutation(len(who))
    rows, who = rows[order], who[order]
    expected = []
    for s in range(3):
        mine = [i for i in range(len(who)) if who[i] == s]
        for start in (0, 3):
            member = mine[start : start + 3]
            model = rows[member].sum(axis=0)
            model /= np.linalg.norm(model)
            expected += [(round(model @ rows[i], 9), s, who[i]) for i in range(len(who)) if i not in member]
    scores, labels, left, right = enrolment_trials(rows, who, recordings=3)
    assert sorted(expected) == sorted(zip(scores.round(9), left, right, strict=True))
    assert (labels == (left == right)).all()


def test_a_speaker_with_too_few_utterances_only_claims():
    rows, who = made_voices(3, 4)
    keep = np.r_[0:8, 8:10]  # the third speaker has two utterances
    _, _, left, right = enrolment_trials(rows[keep], who[keep], recordings=3)
    assert set(left) == {0, 1} and set(right) == {0, 1, 2}


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_gives_the_rates_it_says(seed):
    rng = np.random.default_rng(seed)
    labels = rng.random(500) < 0.3
    scores = np.round(rng.normal(size=500) + 1.5 * labels, 1)  # many ties
    eer = scoring.equal_error_rate(scoring.curve(scores, labels))
    for far in (None, 0.5, 0.1, 0.01):
        threshold, misses, alarms = operating_point(scores, labels, far)
        assert misses == pytest.approx((scores[labels] < threshold).mean())
        assert alarms == pytest.approx((scores[~labels] >= threshold).mean())
        if far is None:
            assert min(misses, alarms) <= eer <= max(misses, alarms)
            assert abs(misses - alarms) < 0.1
        else:
            assert alarms <= far
            lower = scores[scores < threshold].max()  # one step down would accept too many
            assert (scores[~labels] >= lower).mean() > far


def test_a_rate_below_one_trial_is_refused():
    scores, labels = np.array([0.9, 0.5, 0.4]), np.array([False, True, False])
    assert operating_point(scores, labels, 0.5) == (pytest.approx(0.45), 0.0, 0.5)
    with pytest.raises(InputError, match="needs at least 100 false claims, there are 2"):
        operating_point(scores, labels, 0.01)


def test_a_threshold_above_every_score():
    """Where the best scores are impostors' and tie, only a threshold above them all keeps the rate."""
    scores, labels = np.array([0.9, 0.9, 0.5]), np.array([False, False, True])
    threshold, misses, alarms = operating_point(scores, labels, 0.5)
    assert threshold > 0.9 and (misses, alarms) == (1.0, 0.0)


@pytest.fixture
def design(tmp_path):
    return handmade.make(tmp_path / "handmade")


def made(design, **changes):
    identity = calibration.Identity.of(design)
    facts = {
        "model": identity.model, "features": identity.features, "threshold": 0.5, "rule": "eer",
        "wanted_false_accepts": None, "false_accepts": 0.1, "false_rejects": 0.1, "eer": 0.1, "eer_ci95": (0.05, 0.2),
        "targets": 9, "nontargets": 9, "speakers": 3, "utterances": 9, "recordings": 3, "source": "s",
        "level": "emulator", "date": "2026-01-01",
    }  # fmt: skip
    return Calibration(**(facts | changes))


def test_saved_and_loaded(design):
    found = made(design)
    calibration.save(found, design.folder / calibration.CALIBRATION)
    assert calibration.load(design) == found
    assert not list(design.folder.glob(".*.partial"))


def test_a_calibration_belongs_to_a_model_and_not_to_a_folding(design):
    calibration.save(made(design), design.folder / calibration.CALIBRATION)
    refolded = dataclasses.replace(design, manifest=design.manifest.model_copy(update={"hash": "1" * 64}))
    calibration.load(refolded)
    other = dataclasses.replace(design, manifest=design.manifest.model_copy(update={"model_sha256": "1" * 64}))
    with pytest.raises(InputError, match="made for another model"):
        calibration.load(other)


def test_the_shipped_calibration_is_of_the_shipped_model():
    zoo = Path(__file__).parents[2] / "training" / "zoo"
    found = Calibration.model_validate_json((zoo / "nano.calibration.json").read_bytes())
    assert found.model == hashlib.sha256((zoo / "nano.onnx").read_bytes()).hexdigest(), "run 'hwsv calibrate' again"


def test_compile_copies_the_calibration_beside_the_model(mlp, tmp_path):
    model = Path(shutil.copy(mlp, tmp_path / "mine.onnx"))
    (tmp_path / "mine.calibration.json").write_text("kept as it is")
    compiled = compile_model(model, "ulx3s-85f", tmp_path / "design", fps=1000)
    assert (compiled.folder / calibration.CALIBRATION).read_text() == "kept as it is"
    assert compiled.manifest.model_sha256 == hashlib.sha256(model.read_bytes()).hexdigest()


def test_missing_and_damaged(design):
    with pytest.raises(InputError, match="hwsv calibrate"):
        calibration.load(design)
    path = design.folder / calibration.CALIBRATION
    calibration.save(made(design), path)
    for text in ("", "{}", path.read_text()[:-9], path.read_text().replace("0.5", "NaN", 1)):
        path.write_text(text)
        with pytest.raises(InputError, match="not a calibration, or damaged"):
            calibration.load(design)


def test_refusals(design, tmp_path):
    lists = {"one speaker": {f"{i}.wav": "a" for i in range(9)}, "too few": {f"{i}.wav": f"s{i % 3}" for i in range(9)}}
    for source, utt2spk in lists.items():
        with pytest.raises(InputError, match=f"{source}: a calibration needs two speakers"):
            calibration.calibrate(design, tmp_path, utt2spk, source)
    for bad in ({"far": 0.0}, {"far": 1.0}, {"far": float("nan")}, {"recordings": 0}):
        with pytest.raises(InputError, match=r"--(far|recordings)"):
            calibration.calibrate(design, tmp_path, lists["too few"], "s", **bad)
