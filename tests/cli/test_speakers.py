"""enroll, check, speakers, calibrate as a user meets them, on synthetic voices."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import yaml

from hwsv.design import Design
from tests.cli.test_malformed import check as check_error

RATE = 16000


def voice(path, pitch, seed, seconds=1.0):
    """A harmonic tone with a melody and some noise: a pitch is a speaker, a seed is an utterance."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    melody = pitch * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(melody) / RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * tone + 0.003 * rng.normal(size=len(time)), RATE)
    return path


@pytest.fixture
def wavs(tmp_path):
    return [voice(tmp_path / f"anna{i}.wav", 110, i) for i in range(3)]


@pytest.fixture
def store(tmp_path):
    return tmp_path / "speakers"


@pytest.fixture
def enrolled(run, design, wavs, store):
    """Anna enrolled: the options that name her store."""
    result = run("enroll", "anna", *wavs, "--design", design.folder, "--store", store)
    assert result.exit_code == 0, result.stderr
    return ("--store", store)


def test_enrol_and_check(run, enrolled, wavs):
    found = run("check", "anna", wavs[0], *enrolled, "--threshold", 0.5, "--json")
    assert found.exit_code == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["decision"] == "accept" and answer["accepted"] is True and answer["calibrated"] is False
    assert 0.5 < answer["score"] <= 1 + 1e-12
    rejected = run("check", "anna", wavs[0], *enrolled, "--threshold", 1)
    assert rejected.exit_code == 1 and rejected.stderr == ""
    assert rejected.stdout.startswith("rejected: ")
    assert run("check", "anna", wavs[0], *enrolled, "--threshold", -1).stdout.startswith("accepted: ")


def test_the_score_is_the_cosine_with_the_normalised_mean(run, design, enrolled, wavs):
    """Against `hwsv embed`, which prints the integers."""
    rows = json.loads(run("embed", design.folder, *wavs, "--json").stdout)["utterances"]
    vectors = np.array([row["embedding"] for row in rows], float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    model = vectors.sum(axis=0)
    expected = model @ vectors[1] / np.linalg.norm(model)
    found = json.loads(run("check", "anna", wavs[1], *enrolled, "--threshold", 0, "--json").stdout)
    assert found["score"] == pytest.approx(expected, abs=1e-6)
    golden = run("check", "anna", wavs[1], *enrolled, "--threshold", 0, "--level", "golden", "--json")
    assert json.loads(golden.stdout)["score"] == found["score"]


def test_no_audio_and_no_features_are_kept(enrolled, design):
    (path,) = enrolled[1].iterdir()
    content = json.loads(path.read_text())
    assert set(content) == {"format", "name", "date", "recordings", "level", "folder", "made_by", "embedding"}
    assert len(content["embedding"]) == design.manifest.outputs and content["recordings"] == 3
    assert content["made_by"]["design"] == design.manifest.hash


def test_list_and_remove(run, enrolled):
    assert "anna" in run("speakers", *enrolled).stdout
    listed = json.loads(run("speakers", *enrolled, "--json").stdout)["speakers"]
    assert [s["name"] for s in listed] == ["anna"] and "embedding" not in listed[0]
    assert run("speakers", *enrolled, "--remove", "anna").exit_code == 0
    assert json.loads(run("speakers", *enrolled, "--json").stdout)["speakers"] == []
    assert "anna" in check_error(run("speakers", *enrolled, "--remove", "anna"))


def test_replace(run, design, enrolled, wavs):
    arguments = ("enroll", "anna", wavs[0], "--design", design.folder, *enrolled)
    assert "--replace" in check_error(run(*arguments))
    assert run(*arguments, "--replace").exit_code == 0
    assert json.loads(run("speakers", *enrolled, "--json").stdout)["speakers"][0]["recordings"] == 1


def copied(design, folder, **manifest):
    """The design in another folder, its manifest changed."""
    shutil.copytree(design.folder, folder)
    path = folder / "design.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | manifest))
    return Design.open(folder)


def test_another_design_is_refused(run, design, enrolled, wavs, tmp_path):
    other = copied(design, tmp_path / "other", hash="1" * 64)
    arguments = ("check", "anna", wavs[0], *enrolled, "--threshold", 0, "--design", other.folder)
    assert "enrolled with another design" in check_error(run(*arguments))


def broken(path, kind):
    match kind:
        case "silent":
            soundfile.write(path, np.zeros(RATE), RATE)
        case "empty":
            soundfile.write(path, np.zeros(0), RATE)
        case "short":
            voice(path, 110, 0, seconds=0.3)
        case "constant":
            soundfile.write(path, np.full(RATE, 0.5), RATE)
        case "text":
            path.write_text("RIFF")
    return path


@pytest.mark.parametrize("kind", ["missing", "silent", "empty", "short", "constant", "text"])
def test_bad_audio(run, design, enrolled, wavs, store, tmp_path, kind):
    path = broken(tmp_path / "bad.wav", kind)
    before = {p: p.read_bytes() for p in store.iterdir()}
    for name, extra in (("bert", ()), ("anna", ("--replace",))):
        message = check_error(run("enroll", name, wavs[0], path, "--design", design.folder, *enrolled, *extra))
        assert "bad.wav" in message
    assert "bad.wav" in check_error(run("check", "anna", path, *enrolled, "--threshold", 0))
    assert {p: p.read_bytes() for p in store.iterdir()} == before


def test_bad_input_leaves_no_store(run, design, wavs, tmp_path):
    missing = tmp_path / "missing.wav"
    for name, wav, level in (("../x", wavs[0], "emulator"), ("x", missing, "emulator"), ("x", wavs[0], "vhdl")):
        arguments = ("--design", design.folder, "--store", tmp_path / "new", "--level", level)
        check_error(run("enroll", name, wav, *arguments))
    assert not (tmp_path / "new").exists()


def test_other_errors(run, enrolled, wavs, store, tmp_path):
    assert "enrolled: anna" in check_error(run("check", "bert", wavs[0], *enrolled))
    assert "hwsv calibrate" in check_error(run("check", "anna", wavs[0], *enrolled))
    for value in ("1.5", "nan"):
        assert "--threshold" in check_error(run("check", "anna", wavs[0], *enrolled, "--threshold", value))
    (tmp_path / "file").touch()
    assert "not a folder" in check_error(run("speakers", "--store", tmp_path / "file"))
    (path,) = store.iterdir()
    path.write_text("{")
    for arguments in (("check", "anna", wavs[0]), ("speakers",)):
        assert "damaged" in check_error(run(*arguments, *enrolled))


SPEAKERS = {"a": 95, "b": 130, "c": 175, "d": 240}


@pytest.fixture
def corpus(tmp_path):
    """Four voices with five utterances each: audio/ and lists/all.utt2spk."""
    folder = tmp_path / "corpus"
    lines = []
    for speaker, pitch in SPEAKERS.items():
        for number in range(5):
            name = voice(folder / "audio" / speaker / f"{number}.wav", pitch, number).relative_to(folder / "audio")
            lines.append(f"{name} {speaker}\n")
    (folder / "lists").mkdir()
    (folder / "lists" / "all.utt2spk").write_text("".join(lines))
    return folder


def test_calibrate_then_check(run, design, corpus, tmp_path):
    own = copied(design, tmp_path / "own", model_sha256="a" * 64)
    arguments = ("--utt2spk", corpus / "lists" / "all.utt2spk", "--root", corpus / "audio", "--recordings", 2)
    shown = run("calibrate", own.folder, *arguments)
    assert shown.exit_code == 0 and "equal error rate" in shown.stdout, shown.stderr
    found = json.loads(run("calibrate", own.folder, *arguments, "--far", 0.1, "--json").stdout)
    # two models a speaker, claimed by the three other utterances and by all of the three others
    assert (found["targets"], found["nontargets"], found["speakers"]) == (4 * 2 * 3, 4 * 2 * 15, 4)
    assert found["rule"] == "far" and found["false_accepts"] <= 0.1 and found["source"] == "all speakers of all.utt2spk"
    assert str(corpus) not in (own.folder / "calibration.json").read_text()
    wav, store = corpus / "audio" / "a" / "0.wav", ("--store", tmp_path / "speakers")
    run("enroll", "anna", wav, "--design", own.folder, *store)
    answer = json.loads(run("check", "anna", wav, *store, "--json").stdout)
    assert answer["calibrated"] and answer["threshold"] == found["threshold"] and answer["accepted"]


def test_calibrate_on_held_out_speakers_of_a_recipe(run, design, corpus, tmp_path):
    stage = {"steps": 1}
    data = {"train": {"lists/all.utt2spk": 1.0}, "heldout_from": "lists/all.utt2spk", "heldout_speakers": 2}
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump({"name": "tiny", "data": data, "float_twin": stage, "binary": stage}))
    out = tmp_path / "tiny.calibration.json"
    arguments = ("calibrate", design.folder, "--recipe", recipe, "--root", corpus, "-o", out, "--json")
    found = json.loads(run(*arguments).stdout)
    assert (found["speakers"], found["utterances"]) == (2, 10)
    assert found["source"] == "2 held-out speakers of all.utt2spk (recipe tiny)"
    assert json.loads(out.read_text()) == found and not (design.folder / "calibration.json").exists()


def test_calibrate_refuses(run, design, corpus, tmp_path):
    listing, out = corpus / "lists" / "all.utt2spk", tmp_path / "out.json"
    for extra, word in (
        ((), "--utt2spk"),
        (("--utt2spk", listing, "--recipe", "nano"), "one of"),
        (("--utt2spk", listing, "--far", "0.001"), "--far"),
        (("--utt2spk", listing, "--recordings", "9"), "--recordings"),
        (("--utt2spk", tmp_path / "none"), "none"),
        (("--recipe", "none"), "none"),
    ):
        arguments = ("calibrate", design.folder, "--root", corpus / "audio", "-o", out)
        assert word in check_error(run(*arguments, *extra))
    assert not out.exists()
