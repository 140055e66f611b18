"""Every command on good input: the documented JSON, tables, files."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hwsv.embed import audio_features
from hwsv.evaluate import float_embeddings
from hwsv.verify import inputs
from tests.verify import mutation

WAVS = inputs.demo_audio()


def result_of(run, *arguments, code=0):
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def listing(tmp_path):
    """Three voices as a trial list with its audio root."""
    names = [path.name for path in WAVS]
    path = tmp_path / "toy.trials"
    path.write_text(f"1 {names[0]} {names[2]}\n0 {names[0]} {names[1]}\n0 {names[1]} {names[2]}\n")
    return path, WAVS[0].parent


def test_demo_audio_is_there():
    assert len(WAVS) >= 2
    assert all(path.stat().st_size < 150_000 for path in WAVS)


def test_estimate(run, design):
    found = result_of(run, "estimate", design.folder)
    assert found["lut"] > 0 and found["memory"]["weights"] > 0
    assert {unit["node"] for unit in found["units"]} == {node.name for node in design.graph}
    shown = run("estimate", design.folder).stdout
    assert "s0c0_mvtu" in shown and f"bottleneck: {found['bottleneck']}" in shown and "block RAM" in shown
    assert found["bottleneck_cycles"] > 1000 and found["bram_blocks"] <= found["board"]["bram_blocks"]
    assert {m["home"] for unit in found["units"] for m in unit["memories"]} <= {"lut", "bram"}


def test_simulate(run, design, tmp_path):
    np.save(tmp_path / "f.npy", np.zeros((30, 8), np.int8))
    trace = tmp_path / "trace.json"
    found = result_of(run, "simulate", design.folder, "--features", tmp_path / "f.npy", "--trace", trace)
    assert found["latency_cycles"] == found["interval_cycles"] > 1000
    assert len(found["embeddings"]) == 1 and len(found["embeddings"][0]) == 6
    assert set(found["fifos"]) <= set(design.graph.channels)
    tracks = {e["args"]["name"] for e in json.loads(trace.read_text())["traceEvents"] if e["name"] == "thread_name"}
    assert "s0c0_mvtu (mac)" in tracks
    assert "bottleneck" in run("simulate", design.folder, "--wav", WAVS[0], "--wav", WAVS[1]).stdout
    assert result_of(run, "simulate", design.folder, "--frames", 20, "--frames", 40)["embeddings"] == []


def test_embed(run, design, tmp_path):
    out = tmp_path / "out.npz"
    found = result_of(run, "embed", design.folder, *WAVS, "-o", out)
    stored = np.load(out)
    assert stored["embeddings"].tolist() == [row["embedding"] for row in found["utterances"]]
    assert stored["frames"].tolist() == [row["frames"] for row in found["utterances"]]
    assert all(len(row["features_sha256"]) == 64 for row in found["utterances"])
    cosines = np.array(found["cosines"])
    np.testing.assert_allclose(cosines, cosines.T)
    np.testing.assert_allclose(np.diag(cosines), 1)
    golden = result_of(run, "embed", design.folder, *WAVS, "--level", "golden")
    assert [r["embedding"] for r in golden["utterances"]] == [r["embedding"] for r in found["utterances"]]
    assert "Cosines" in run("embed", design.folder, *WAVS).stdout


def test_evaluate(run, design, listing, tmp_path):
    trials, root = listing
    picture = tmp_path / "det.png"
    arguments = ("evaluate", design.folder, "--trials", trials, "--root", root, "--control", "--det", picture)
    found = result_of(run, *arguments)
    assert {"eer", "min_dcf", "targets", "nontargets", "eer_ci95"} <= set(found)
    assert (found["targets"], found["nontargets"]) == (1, 2)
    assert set(found["lists"]["toy"]) == {"emulator", "MFCC control"}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "MFCC control" in run(*arguments).stdout


def loudest_mels(folder):
    """A "network" that takes the largest value of each mel, times the scale: its scores are known."""
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, "T", 8])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8])
    node = helper.make_node("ReduceMax", ["x"], ["y"], axes=[2], keepdims=0)
    graph = helper.make_graph([node], "twin", [entry], [out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "twin.onnx")
    return folder / "twin.onnx"


def test_evaluate_with_a_float_twin(run, design, listing, tmp_path):
    twin = loudest_mels(tmp_path)
    trials, root = listing
    arguments = ("--trials", trials, "--root", root, "--float", twin)
    found = result_of(run, "evaluate", design.folder, *arguments)["lists"]["toy"]["float twin"]
    a, b, c = (array.astype(float).max(axis=0) for array in audio_features(design, WAVS))
    target, *others = (x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in ((a, c), (a, b), (b, c)))
    wrong = sum(score >= target for score in others)
    assert found["eer"] == pytest.approx({0: 0.0, 1: 0.5, 2: 1.0}[wrong])
    rows = list(float_embeddings(twin, audio_features(design, WAVS), 1 / 16))
    np.testing.assert_array_equal(rows, [x / 16 for x in (a, b, c)])


def test_evaluate_with_a_cohort(run, design, tmp_path):
    """Normalised scores for networks, paired differences beside the float twin, an overlap refused."""
    names = [path.name for path in WAVS]
    root = tmp_path / "audio"
    root.mkdir()
    for i, source in enumerate((*WAVS, *WAVS)):
        (root / f"{i}.wav").write_bytes(source.read_bytes())
    trials, cohort = tmp_path / "toy.trials", tmp_path / "cohort.utt2spk"
    trials.write_text("1 0.wav 2.wav\n0 0.wav 1.wav\n0 1.wav 2.wav\n")
    cohort.write_text(f"{len(names)}.wav a\n{len(names) + 1}.wav b\n")
    arguments = ("--trials", trials, "--root", root, "--float", loudest_mels(tmp_path), "--cohort", cohort)
    found = result_of(run, "evaluate", design.folder, *arguments)
    assert set(found["lists"]["toy"]) == {"emulator", "emulator, s-norm", "float twin", "float twin, s-norm"}
    for kind, ending in (("cosine", ""), ("s-norm", ", s-norm")):
        systems = (found["lists"]["toy"][f"{name}{ending}"]["eer"] for name in ("emulator", "float twin"))
        difference = found["minus_float"]["toy"][kind]
        assert difference["eer"] == pytest.approx(next(systems) - next(systems))
        assert difference["ci95"][0] <= difference["ci95"][1]
    cohort.write_text("0.wav a\n1.wav b\n")
    refused = run("evaluate", design.folder, *arguments)
    assert refused.exit_code == 2 and "0.wav is in the cohort" in refused.stderr


def test_verify_equal(run, design):
    found = result_of(run, "verify", design.folder, "--levels", "golden,emulator,cycle", "--utterances", 5)
    assert found["equal"] is True
    assert found["levels"]["emulator"]["utterances"] == 5
    assert found["levels"]["cycle"]["mismatches"] == 0


def test_verify_on_audio_features_and_lists(run, design, listing, tmp_path):
    np.save(tmp_path / "f.npy", np.zeros((30, 8), np.int8))
    trials, root = listing
    for source in (("--wav", WAVS[0]), ("--features", tmp_path / "f.npy"), ("--root", root, "--list", trials)):
        assert result_of(run, "verify", design.folder, "--levels", "golden,emulator", *source)["equal"]


def test_verify_different(run, design, tmp_path):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(design.folder, broken)
    mutation.flip_memory_bit(broken / "mem" / "s0c1_mvtu_weights.mem", word=3)
    arguments = ("verify", broken, "--levels", "golden,emulator,cycle", "--utterances", 2)
    found = result_of(run, *arguments, code=1)
    assert found["equal"] is False
    assert found["levels"]["cycle"]["first"]["unit"] == "s0c1_mvtu"
    assert found["levels"]["emulator"]["mismatches"] == 0
    shown = run(*arguments)
    assert shown.exit_code == 1
    assert "cycle differs from emulator: unit s0c1_mvtu" in shown.stderr


def test_demo(run, design):
    result = run("demo", design.folder)
    assert result.exit_code == 0, result.stderr
    for text in ("golden", "emulator", "csim", "cycle", "embeddings/s", "x real time", "cosine", "kbit"):
        assert text in result.stdout
    found = result_of(run, "demo", design.folder, *WAVS)
    assert found["equal"] and len(found["wavs"]) == 3 and found["interval_cycles"] > 0
