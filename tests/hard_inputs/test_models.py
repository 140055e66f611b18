"""Models through `hwsv compile`: damaged files, malformed and hostile graphs, claims of size, external data."""

import gzip
import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper

from tests.frontend.handmade import Net
from tests.frontend.test_malformed import CASES, EDITS, HOSTILE, good
from tests.hard_inputs.conftest import speaker_net


@pytest.fixture
def compiled(refused, tmp_path):
    """Compile a file that must be refused; the message names it."""

    def call(path):
        line = refused("compile", path, "--board", "ulx3s-85f", "-o", tmp_path / "out")
        assert path.name in line
        return line

    return call


def valid() -> bytes:
    return speaker_net().SerializeToString()


FILES = {
    "empty": lambda: b"",
    "text": lambda: b"a letter to a friend\n" * 99,
    "zeros": lambda: bytes(4096),
    "ones": lambda: b"\xff" * 4096,
    "picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "compressed": lambda: gzip.compress(valid()),
    "one_byte": lambda: valid()[:1],
    "truncated_early": lambda: valid()[: len(valid()) // 10],
    "truncated_half": lambda: valid()[: len(valid()) // 2],
    "truncated_late": lambda: valid()[:-1],
    "without_head": lambda: valid()[100:],
    "claims_2_gb": lambda: b"\x08\x08\x3a\xff\xff\xff\xff\x07" + valid(),  # a graph of 2^31 - 1 bytes
    "endless_varint": lambda: b"\x08" + b"\xff" * 200,
    "text_is_not_utf8": lambda: valid().replace(b"Conv_", b"Con\x86_"),
    "input_is_not_utf8": lambda: valid().replace(b"t0", b"t\x86"),
    "deep_nesting": lambda: nested(2000),
}


def nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph in …"""
    graph = b""
    for _ in range(depth):  # AttributeProto.g = 6, NodeProto.attribute = 5, GraphProto.node = 1
        for field in (0x32, 0x2A, 0x0A):
            graph = bytes([field]) + varint(len(graph)) + graph
    return b"\x3a" + varint(len(graph)) + graph


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


@pytest.mark.parametrize("kind", FILES)
def test_files_that_are_no_model(compiled, tmp_path, kind):
    path = tmp_path / f"{kind}.onnx"
    path.write_bytes(FILES[kind]())
    compiled(path)


def test_things_that_are_no_file(compiled, tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "loop.onnx").symlink_to(tmp_path / "loop.onnx")
    (tmp_path / "dangling.onnx").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.onnx")
    for name in ("missing", "folder", "loop", "dangling", "pipe"):
        compiled(tmp_path / f"{name}.onnx")


def test_a_file_of_3_gb(compiled, tmp_path):
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(3 << 30)  # sparse
    assert "larger than 512 MiB" in compiled(tmp_path / "huge.onnx")


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_malformed_graphs(compiled, tmp_path, edit):
    net = good()
    model = net.model(net.out)
    edit(model)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    line = compiled(path)
    assert all(word in line for word in EDITS[edit])


def node(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(n for n in model.graph.node if n.op_type == kind)


def attribute(model: onnx.ModelProto, kind: str, name: str) -> onnx.AttributeProto:
    return next(a for a in node(model, kind).attribute if a.name == name)


def external_name(model: onnx.ModelProto) -> None:
    external_data_helper.set_external_data(model.graph.initializer[0], "n" * 300)


def zero_point(model: onnx.ModelProto) -> None:
    name = node(model, "Quant").input[2]
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.float32(2**24), name))


def identity(model: onnx.ModelProto) -> None:
    conv = node(model, "Conv")
    conv.op_type = "Identity"
    conv.ClearField("attribute")


FOUND_BY_FUZZING = {
    "external_name_too_long": (external_name, "missing"),
    "statistics_of_another_type": (
        lambda m: setattr(attribute(m, "StatsPool", "dev_thresholds"), "type", 4),
        "StatsPool",
    ),
    "a_zero_point_of_millions": (zero_point, "zero point"),
    "an_identity_of_two_inputs": (identity, "one input"),
    "more_frames_than_a_length_tells": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 2**16),
        "reasonable sizes",
    ),
}


def test_a_model_of_constants(compiled, tmp_path):
    net = Net(1, 3, 20, 8)
    assert "does not depend" in compiled(net.save(tmp_path, net.node("Relu", [net.constant([1.0])])))


@pytest.mark.parametrize("case", FOUND_BY_FUZZING)
def test_what_the_fuzzer_found(compiled, tmp_path, case):
    model = speaker_net()
    edit, word = FOUND_BY_FUZZING[case]
    edit(model)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert word in compiled(path)


@pytest.mark.parametrize("case", CASES)
def test_unsupported_graphs(compiled, tmp_path, case):
    build, words = CASES[case]
    net = Net(1, 3, 20, 8)
    line = compiled(net.save(tmp_path, build(net)))
    assert all(word in line for word in words)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_refused_nodes(compiled, tmp_path, name):
    net = good(name=name, dilations=[2, 2])
    assert "dilation" in compiled(net.save(tmp_path, net.out))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_reach_no_generated_file(accepted, tmp_path, name):
    """Names of nodes, tensors and of the file itself, compiled: in no code, and no file outside the folder."""
    net = good(name=name)
    model = net.model(net.out)
    model.graph.name = model.graph.node[-1].output[0] = model.graph.output[0].name = name
    path = tmp_path / 'a"; $(touch pwned) b.onnx'
    onnx.save(model, path)
    accepted("compile", path, "--board", "ulx3s-85f", "-o", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, "out"])
    for file in (tmp_path / "out").rglob("*"):
        if file.suffix in (".tcl", ".cfg", ".mem"):
            assert name not in file.read_text(), file
        elif file.suffix in (".cpp", ".hpp"):
            code = [line.split("//")[0] for line in file.read_text().splitlines()]
            assert not any(part in line for line in code for part in ("system(", "$(id)", "rm -rf", "../../y")), file


@pytest.mark.parametrize(
    "location, length, word",
    [
        ("../secret.bin", 432, "outside"),
        ("/etc/hostname", 432, "outside"),
        ("a/../../secret.bin", 432, "outside"),
        ("link.bin", 432, "outside"),
        ("folder_link/secret.bin", 432, "outside"),
        ("missing.bin", 432, "missing"),
        ("short.bin", 432, "exceeds"),
        ("short.bin", 2**31, "exceeds"),
        ("short.bin", 2**63, "exceeds"),
        ("short.bin", -1, "bad offset or length"),
        ("", 432, "outside"),
        (".", 432, "missing"),
        ("nul\0byte", 432, "missing"),
    ],
)
def test_external_data(compiled, tmp_path, location, length, word):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "folder_link").symlink_to(tmp_path)
    (folder / "short.bin").write_bytes(bytes(10))
    net = good()
    model = net.model(net.out)
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
    external_data_helper.set_external_data(tensor, location, offset=0, length=length)
    tensor.ClearField("raw_data")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    assert word in compiled(folder / "model.onnx")


def test_tensors_that_claim_2_gb(compiled, tmp_path):
    """In an initialiser without data, in a constant node, and in a shape that the model itself would fill."""
    for number in range(3):
        net = good()
        model = net.model(net.out)
        if number == 0:
            model.graph.initializer.append(TensorProto(name="big", data_type=TensorProto.FLOAT, dims=[2**15, 2**14]))
        elif number == 1:
            tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[2**29])
            model.graph.node.insert(0, helper.make_node("Constant", [], ["big"], value=tensor))
        else:
            model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 2**29
        path = tmp_path / f"claim{number}.onnx"
        path.write_bytes(model.SerializeToString())
        compiled(path)
        path.unlink()
