"""Damaged design folders: every file of one, cut, emptied, overwritten, removed; and manifests that lie."""

import json
import shutil
from pathlib import Path

import onnx
import pytest

from hwsv.design import Design

DAMAGE = {
    "empty": lambda content: b"",
    "first_byte": lambda content: content[:1],
    "half": lambda content: content[: len(content) // 2],
    "one_byte_short": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: b"\xff\x00\x80" * (len(content) // 3),
    "missing": None,
}
VERIFY = ("verify", "--levels", "qonnx-raw,qonnx,golden,emulator,cycle", "--utterances", "2")
READERS = {
    "design.json": (("estimate",), ("simulate",), ("demo",), VERIFY),
    "unit_graph.onnx": (("estimate",), ("simulate",), VERIFY),
    "network.packed": (VERIFY,),
    "model.onnx": (VERIFY,),
    "stages/normalised.onnx": (VERIFY,),
    "mem/conv0_mvtu_weights.mem": (VERIFY,),
}
HARMLESS = {
    # the last byte is a newline
    ("mem/conv0_mvtu_weights.mem", "one_byte_short"),
    ("design.json", "one_byte_short"),
}


@pytest.fixture
def copy(design, tmp_path) -> Path:
    return Path(shutil.copytree(design, tmp_path / "design"))


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("part", READERS)
def test_damaged_files(refused, copy, part, damage):
    if (part, damage) in HARMLESS:
        pytest.skip("nothing is lost")
    target = copy / part
    if DAMAGE[damage] is None:
        target.unlink()
    else:
        target.write_bytes(DAMAGE[damage](target.read_bytes()))
    for command, *options in READERS[part]:
        line = refused(command, copy, *options)
        assert target.name in line or (part, damage) == ("design.json", "missing")


@pytest.mark.parametrize("damage", ["half", "noise", "empty"])
def test_a_damaged_host_step(refused, copy, damage, tmp_path):
    """Only the cosines need it."""
    from hwsv.verify.inputs import demo_audio

    target = copy / "host_post.onnx"
    target.write_bytes(DAMAGE[damage]((copy / "model.onnx").read_bytes()))
    assert "host_post.onnx" in refused("embed", copy, demo_audio()[0])


CHANGES = {
    "no_frames": lambda m: m["input"].update(frames_example=0),
    "endless_frames": lambda m: m["input"].update(frames_example=10**15),
    "endless_crop": lambda m: m["input"].update(frames_max=10**15),
    "negative_frequencies": lambda m: m["input"].update(freq=-4),
    "other_frequencies": lambda m: m["input"].update(freq=9),
    "other_channels": lambda m: m["input"].update(channels=2),
    "unknown_type": lambda m: m["input"].update(dtype="FLOAT32"),
    "no_scale": lambda m: m["input"].update(scale=0),
    "features": lambda m: m["input"]["features"].update(n_mels=10**9),
    "unknown_key": lambda m: m.update(colour="red"),
    "missing_key": lambda m: m.pop("hash"),
    "no_board": lambda m: m.update(board=None),
    "board_of_nothing": lambda m: m["board"]["resources"].update(lut=0),
    "list": lambda m: m.update(input=[]),
    "stopped_clock": lambda m: m["board"].update(clock_mhz=0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_manifests_that_lie(refused, copy, change):
    manifest = json.loads((copy / "design.json").read_text())
    CHANGES[change](manifest)
    (copy / "design.json").write_text(json.dumps(manifest))
    refused("simulate", copy, "--features", features(copy))


@pytest.mark.parametrize("text", ["[" * 10_000, '{"a": ' * 5_000, "null", "1e999", '"text"', '{"name": NaN}'])
def test_manifests_that_are_no_manifest(refused, copy, text):
    (copy / "design.json").write_text(text)
    assert "design.json" in refused("estimate", copy)


def features(folder: Path) -> Path:
    import numpy as np

    path = folder.parent / "f.npy"
    np.save(path, np.zeros((60, 8), np.int8))
    return path


def edited(copy: Path, edit) -> None:
    model = onnx.load(copy / "unit_graph.onnx")
    edit(model)
    onnx.save(model, copy / "unit_graph.onnx")


def channels(model: onnx.ModelProto, **change: object) -> None:
    (entry,) = [p for p in model.metadata_props if p.key == "hwsv.channels"]
    entry.value = json.dumps(json.loads(entry.value) | change)


def attribute(model: onnx.ModelProto, name: str, value: int) -> None:
    next(a for n in model.graph.node for a in n.attribute if a.name == name).i = value


def without_channels(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def reversed_nodes(model: onnx.ModelProto) -> None:
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


EDITS = {
    "no_depth": lambda m: channels(m, features=[0, 1]),
    "negative_depth": lambda m: channels(m, features=[-5, 1]),
    "endless_depth": lambda m: channels(m, features=[10**18, 1]),
    "no_latency": lambda m: channels(m, features=[8, 0]),
    "depth_is_text": lambda m: channels(m, features=["many", 1]),
    "without_channels": without_channels,
    "no_pe": lambda m: attribute(m, "pe", 0),
    "odd_simd": lambda m: attribute(m, "simd", 7),
    "negative_freq": lambda m: attribute(m, "freq", -1),
    "endless_freq": lambda m: attribute(m, "freq", 2**60),
    "other_channels": lambda m: attribute(m, "channels", 5),
    "reversed": reversed_nodes,
    "no_weights": lambda m: m.graph.initializer.pop(),
    "no_nodes": lambda m: m.graph.ClearField("node"),
    "unknown_unit": lambda m: setattr(m.graph.node[3], "op_type", "Reactor"),
    "other_domain": lambda m: setattr(m.graph.node[3], "domain", "os"),
    "no_name": lambda m: setattr(m.graph.node[3], "name", "../../y"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_unit_graphs_that_lie(refused, copy, edit):
    edited(copy, EDITS[edit])
    refused("simulate", copy, "--features", features(copy))


def test_a_memory_file_of_another_design(refused, copy):
    (path,) = copy.glob("mem/conv0_mvtu_weights.mem")
    for content in ("", "zz\n", "-1\n", "0" * 100 + "\n", "1\n" * 10_000, "\xff", "// nothing\n", "0x1\n"):
        path.write_text(content)
        assert path.name in refused(*VERIFY[:1], copy, *VERIFY[1:])


def test_the_copy_is_good(accepted, copy):
    accepted(*VERIFY[:1], copy, *VERIFY[1:])
    assert Design.open(copy).graph.nodes
