"""Malformed input of every kind: one line on stderr, exit code 2, no traceback, nothing left behind."""

import json
import shutil

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper

from hwsv.verify import inputs

WAV = inputs.demo_audio()[0]


def check(result, code=2):
    status = getattr(result, "exit_code", getattr(result, "returncode", None))
    assert status == code, (result.stdout, result.stderr)
    assert result.stderr.startswith("hwsv: error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr and "internal error" not in result.stderr
    assert len(result.stderr) < 700
    return result.stderr


def model(name="node", op="Relu", domain=""):
    """A one-node ONNX file."""
    entry, out = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 8, 8]) for n in ("x", "y"))
    node = helper.make_node(op, ["x"], ["y"], name=name, domain=domain)
    graph = helper.make_graph([node], "g", [entry], [out])
    opsets = [helper.make_opsetid("", 13)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets).SerializeToString()


MODELS = {
    "empty": b"",
    "text": b"this is not a model\n" * 20,
    "binary": bytes(range(256)) * 4,
    "truncated": model()[:-9],
    "unknown_op": model(op="Sinh"),
    "unknown_domain": model(op="Thing", domain="evil.example"),
    "hostile_name": model(name='x"; system("touch pwned"); //', op="Sinh"),
    "path_name": model(name="../../y", op="Sinh"),
    "newline_name": model(name="a\nb\x1b[2J", op="Sinh"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_models(run, tmp_path, kind):
    path = tmp_path / "model.onnx"
    path.write_bytes(MODELS[kind])
    message = check(run("compile", path, "--board", "ulx3s-85f", "-o", tmp_path / "out"))
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"], "something was left behind"
    if "name" in kind:
        assert "Sinh" in message


def test_missing_model_and_folder_as_model(run, tmp_path):
    for path in (tmp_path / "none.onnx", tmp_path):
        assert str(path) in check(run("compile", path, "--board", "ulx3s-85f", "-o", tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


BOARDS = {
    "not_yaml.yaml": "a: [1, 2",
    "not_a_board.yaml": "name: x\n",
    "not_a_map.yaml": "just text",
    "unknown_key.yaml": "name: x\nfrequency: 3\n",
    "binary.yaml": "\x00\x01",
}


@pytest.mark.parametrize("name", BOARDS)
def test_board_files(run, tmp_path, name):
    (tmp_path / name).write_text(BOARDS[name])
    (tmp_path / "model.onnx").write_bytes(model())
    message = check(run("compile", tmp_path / "model.onnx", "--board", tmp_path / name, "-o", tmp_path / "out"))
    assert name in message and not (tmp_path / "out").exists()


def test_unknown_board_lists_the_known(run, tmp_path):
    (tmp_path / "model.onnx").write_bytes(model())
    message = check(run("compile", tmp_path / "model.onnx", "--board", "pdp-11", "-o", tmp_path / "out"))
    assert "pdp-11" in message and "ulx3s-85f" in message


@pytest.mark.parametrize("text", ["pe: [", "- 1\n", "conv: {pe: -1}\n", "conv: {colour: 1}\n"])
def test_folding_files(run, tmp_path, text):
    (tmp_path / "f.yaml").write_text(text)
    (tmp_path / "model.onnx").write_bytes(model())
    arguments = ("--board", "ulx3s-85f", "-o", tmp_path / "out", "--folding", tmp_path / "f.yaml")
    assert "f.yaml" in check(run("compile", tmp_path / "model.onnx", *arguments))


def audio(folder, kind):
    path = folder / f"{kind}.wav"
    noise = np.random.default_rng(0).normal(size=16000).astype(np.float32) * 0.1
    match kind:
        case "missing":
            pass
        case "folder":
            path.mkdir()
        case "no_bytes":
            path.touch()
        case "no_samples":
            soundfile.write(path, noise[:0], 16000)
        case "one_sample":
            soundfile.write(path, noise[:1], 16000)
        case "silent":
            soundfile.write(path, 0 * noise, 16000)
        case "nan":
            soundfile.write(path, np.where(noise > 0, np.nan, noise), 16000, subtype="FLOAT")
        case "short":
            soundfile.write(path, noise[:300], 16000)
        case "text":
            path.write_text("RIFF but not really")
        case "truncated":
            soundfile.write(path, noise, 16000)
            path.write_bytes(path.read_bytes()[:30])
    return path


@pytest.mark.parametrize(
    "kind",
    ["missing", "folder", "no_bytes", "no_samples", "one_sample", "silent", "nan", "short", "text", "truncated"],
)
def test_audio(run, design, tmp_path, kind):
    path = audio(tmp_path, kind)
    before = sorted(p.name for p in tmp_path.iterdir())
    message = check(run("embed", design.folder, path, "-o", tmp_path / "out.npz"))
    assert path.name in message
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["missing", "silent", "text"])
def test_audio_in_a_trial_list(run, design, tmp_path, kind):
    path = audio(tmp_path, kind)
    shutil.copy(WAV, tmp_path / "good.wav")
    (tmp_path / "l.trials").write_text(f"1 good.wav good.wav\n0 good.wav {path.name}\n")
    message = check(run("evaluate", design.folder, "--trials", tmp_path / "l.trials", "--root", tmp_path))
    assert path.name in message
    if kind == "missing":
        assert "l.trials:2" in message


FEATURES = {
    "float": np.zeros((30, 8), np.float32),
    "shape": np.zeros((30, 7), np.int8),
    "range": np.full((30, 8), 300),
    "none": np.zeros((0, 8), np.int8),
    "objects": np.array([{}, {}], dtype=object),
    "scalar": np.array(3),
}


@pytest.mark.parametrize("kind", FEATURES)
def test_features(run, design, tmp_path, kind):
    path = tmp_path / f"{kind}.npy"
    np.save(path, FEATURES[kind], allow_pickle=True)
    for command in (("simulate",), ("verify", "--levels", "golden,emulator")):
        assert path.name in check(run(command[0], design.folder, *command[1:], "--features", path))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 1}'])
def test_damaged_designs(run, tmp_path, content):
    (tmp_path / "design.json").write_text(content)
    for command in ("estimate", "simulate", "demo", "verify"):
        assert "compile again" in check(run(command, tmp_path))


def test_damaged_design_parts(run, design, tmp_path):
    for part, command in (("unit_graph.onnx", "estimate"), ("network.packed", "demo"), ("mem", "demo")):
        broken = tmp_path / part
        shutil.copytree(design.folder, broken)
        target = broken / part
        target = sorted(target.iterdir())[0] if target.is_dir() else target
        target.write_bytes(b"nonsense")
        assert target.name in check(run(command, broken))


def test_not_a_design(run, tmp_path):
    assert "hwsv compile" in check(run("verify", tmp_path / "none"))


USAGE = [
    ("frobnicate",),
    ("compile",),
    ("compile", "m.onnx", "-o", "x"),
    ("compile", "m.onnx", "--board", "ulx3s-85f", "-o", "x", "--backend", "fortran"),
    ("compile", "m.onnx", "--board", "ulx3s-85f", "-o", "x", "--fps", "fast"),
    ("verify", "x", "--utterances", "many"),
    ("estimate", "x", "--colour"),
    ("evaluate", "x"),
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_usage(run, arguments):
    check(run(*arguments))


def test_options_that_do_not_fit(run, design, tmp_path):
    folder = design.folder
    (tmp_path / "empty.trials").touch()
    for arguments, word in (
        (("verify", folder, "--levels", "golden,vhdl"), "vhdl"),
        (("verify", folder, "--levels", "golden,golden"), "two levels"),
        (("verify", folder, "--seed", -1), "--seed"),
        (("verify", folder, "--levels", "golden,cycle", "--utterances", 0), "--utterances"),
        (("verify", folder, "--levels", "golden,cycle", "--root", tmp_path), "--list"),
        (("verify", folder, "--levels", "golden,cycle", "--wav", WAV, "--features", "f.npy"), "--features"),
        (("embed", folder, WAV, "--level", "vhdl"), "vhdl"),
        (("simulate", folder, "--wav", WAV, "--frames", 30), "--frames"),
        (("simulate", folder, "--frames", 0), "0 frames"),
        (("simulate", folder, "--trace", tmp_path / "no" / "t.npz"), "t.npz"),
        (("embed", folder, WAV, "-o", tmp_path), "folder"),
        (("evaluate", folder, "--trials", tmp_path / "empty.trials", "--root", tmp_path), "empty"),
        (("evaluate", folder, "--trials", tmp_path / "none.trials", "--root", tmp_path), "none.trials"),
    ):
        assert word in check(run(*arguments))


def test_compile_with_a_bad_rate(run, tmp_path):
    (tmp_path / "model.onnx").write_bytes(model())
    for fps in ("0", "-3", "nan", "inf"):
        arguments = ("--board", "ulx3s-85f", "-o", tmp_path / "out", "--fps", fps)
        check(run("compile", tmp_path / "model.onnx", *arguments))


def test_output_that_is_no_design_is_kept(run, tmp_path):
    (tmp_path / "model.onnx").write_bytes(model())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    check(run("compile", tmp_path / "model.onnx", "--board", "ulx3s-85f", "-o", tmp_path / "out"))
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def test_in_a_process_of_its_own(spawn, design, tmp_path):
    """The same ends when the interpreter itself is what the user starts."""
    (tmp_path / "bad.onnx").write_bytes(MODELS["hostile_name"])
    for arguments in (
        ("compile", "bad.onnx", "--board", "ulx3s-85f", "-o", "out"),
        ("embed", design.folder, audio(tmp_path, "silent")),
        ("verify", design.folder, "--levels", "golden,vhdl"),
        ("frobnicate",),
    ):
        check(spawn(*arguments))
    assert not (tmp_path / "pwned").exists() and not (tmp_path / "out").exists()


def test_json_holds_no_nan(run, design):
    found = json.loads(run("embed", design.folder, WAV, "--json").stdout)
    assert np.isfinite(found["cosines"]).all()


def test_float_twin_that_is_none(run, design, tmp_path):
    (tmp_path / "float.onnx").write_text("not a model")
    shutil.copy(WAV, tmp_path / "a.wav")
    shutil.copy(inputs.demo_audio()[1], tmp_path / "b.wav")
    (tmp_path / "l.trials").write_text("1 a.wav a.wav\n0 a.wav b.wav\n")
    arguments = ("--trials", tmp_path / "l.trials", "--root", tmp_path, "--float", tmp_path / "float.onnx")
    assert "float.onnx" in check(run("evaluate", design.folder, *arguments))


def test_onnx_of_another_kind_as_unit_graph(run, design, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(design.folder, broken)
    (broken / "unit_graph.onnx").write_bytes(model())
    onnx.load(broken / "unit_graph.onnx")
    check(run("estimate", broken))
