"""Malformed, unsupported and hostile models: each ends in one InputError of one line that says where."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from hwsv.errors import InputError
from hwsv.frontend import import_model
from tests.frontend.handmade import Net


def refused(path, *words) -> str:
    """The message of the InputError; holds each of `words`, is one printable line, and names the file."""
    with pytest.raises(InputError) as caught:
        import_model(path)
    message = str(caught.value)
    assert message.isprintable() and "\n" not in message and len(message) < 600 and str(path) in message
    assert all(word in message for word in words), message
    return message


def good(name="Conv_12", **attributes) -> Net:
    net = Net(1, 3, 20, 8)
    net.out = net.conv(net.quant("x", 0.11, 5), 3, 4, name=name, **attributes)
    return net


def change(tmp_path, edit) -> object:
    """A good model, edited, as a file."""
    net = good()
    model = net.model(net.out)
    edit(model)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_the_good_model_is_accepted(tmp_path):
    assert import_model(change(tmp_path, lambda model: None)).graph.nodes


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" + b"\xff" * 50, b"\0" * 1000])
def test_not_onnx(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused(path, "not an ONNX file")


def test_missing_file_and_folder(tmp_path):
    refused(tmp_path / "none.onnx", "no such model file")
    refused(tmp_path, "no such model file")


def test_truncated(tmp_path):
    path = change(tmp_path, lambda model: None)
    path.write_bytes(path.read_bytes()[:-200])
    refused(path)


HOSTILE = ['x"; system("rm -rf /")', "../../y", "a\nb\r\x1b[31m", "`$(id)`", "\u202egnp.exe", "n" * 10_000]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_in_the_message(tmp_path, name):
    net = good(name=name, dilations=[2, 2])
    message = refused(net.save(tmp_path, net.out), "dilation 2", "supported")
    assert ascii(name)[:20] in message and message.isascii()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_reach_no_identifier(tmp_path, name):
    def edit(model):
        node = model.graph.node[-1]
        node.name, node.output[0] = name, name
        node.doc_string = "doc\nstring"
        model.graph.output[0].name = model.graph.name = name

    path = change(tmp_path, edit)
    hostile = tmp_path / 'x"; $(id) y.onnx'
    path.rename(hostile)
    imported = import_model(hostile)
    for node in imported.graph:
        assert all(t.isidentifier() and t.isascii() for t in (node.name, *node.inputs, *node.outputs))
    assert imported.graph.name.isidentifier() and imported.graph.nodes[-1].source == name


def edit_domain(model):
    model.graph.node[-1].domain = "os"
    model.opset_import.append(helper.make_opsetid("os", 1))


def edit_operator(model):
    model.graph.node[-1].op_type = "LSTM"


def edit_function(model):
    model.functions.add(name="f", domain="d")


def edit_subgraph(model):
    attribute = model.graph.node[-1].attribute.add(name="body", type=onnx.AttributeProto.GRAPH)
    attribute.g.name = "g"


def edit_opset(model):
    model.opset_import[0].version = 99


def edit_cycle(model):
    model.graph.node[0].input[0] = model.graph.output[0].name


def edit_missing_initialiser(model):
    del model.graph.initializer[0]


def edit_nan(model):
    tensor = model.graph.initializer[-4]
    model.graph.initializer[-4].CopyFrom(
        numpy_helper.from_array(np.full(list(tensor.dims), np.nan, np.float32), tensor.name)
    )


def edit_infinite_scale(model):
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(np.inf).reshape(()), "c0"))


def edit_zero_scale(model):
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(0).reshape(()), "c0"))


def edit_shape(model):
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
    tensor.CopyFrom(numpy_helper.from_array(np.ones((4, 2, 3, 3), np.float32), tensor.name))


def edit_lying_shape(model):
    next(t for t in model.graph.initializer if len(t.dims) == 4).dims[0] = 4096


def edit_huge_shape(model):
    next(t for t in model.graph.initializer if len(t.dims) == 4).dims[0] = 2**40


def edit_negative_shape(model):
    next(t for t in model.graph.initializer if len(t.dims) == 4).dims[0] = -4


def edit_huge_input(model):
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 2**40


def edit_rank(model):
    model.graph.input[0].type.tensor_type.shape.dim.add(dim_value=2)


def edit_batch(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def edit_two_inputs(model):
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))


def edit_two_outputs(model):
    model.graph.output.append(helper.make_tensor_value_info("t0", TensorProto.FLOAT, None))


def edit_input_type(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT8


def edit_written_twice(model):
    model.graph.node.append(model.graph.node[-1])


def edit_unknown_rounding(model):
    next(a for a in model.graph.node[0].attribute if a.name == "rounding_mode").s = b"SIDEWAYS\n"


def edit_strides_type(model):
    model.graph.node[-1].attribute.append(helper.make_attribute("strides", "two"))


def edit_no_inputs(model):
    del model.graph.node[-1].input[1:]


def edit_no_output(model):
    model.graph.output[0].name = "nowhere"


def edit_bit_width(model):
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(np.float32(2.5).reshape(()), "c2"))


def edit_features(model):
    helper.set_model_props(model, {"hwsv.features": '{"n_mels": "many"}'})


EDITS = {
    edit_domain: ["'os.Conv' is not supported"],
    edit_operator: ["node 'Conv_12'", "LSTM", "supported: "],
    edit_function: ["functions"],
    edit_subgraph: ["Conv_12", "graphs"],
    edit_opset: ["opset [99]"],
    edit_cycle: ["cycle"],
    edit_missing_initialiser: ["Quant", "'c0'", "neither"],
    edit_nan: ["NaN"],
    edit_infinite_scale: ["'c0'", "infinity"],
    edit_zero_scale: ["scale is not positive"],
    edit_shape: [],
    edit_lying_shape: ["does not fill its shape"],
    edit_huge_shape: ["out of range"],
    edit_negative_shape: ["out of range"],
    edit_huge_input: ["input shape"],
    edit_rank: ["5 dimensions"],
    edit_batch: ["batch 1"],
    edit_two_inputs: ["2 inputs"],
    edit_two_outputs: ["2 outputs"],
    edit_input_type: ["float32"],
    edit_written_twice: ["more than once"],
    edit_unknown_rounding: ["rounding mode", "SIDEWAYS"],
    edit_strides_type: [],
    edit_no_inputs: [],
    edit_no_output: ["nowhere"],
    edit_bit_width: ["bit width"],
    edit_features: ["hwsv.features"],
}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_malformed(tmp_path, edit):
    refused(change(tmp_path, edit), *EDITS[edit])


@pytest.mark.parametrize(
    "location, words",
    [
        ("../secret.bin", "outside"),
        ("/etc/passwd", "outside"),
        ("link.bin", "outside"),
        ("a/../../secret.bin", "outside"),
        ("missing.bin", "missing"),
        ("", "outside"),
        ("nul\0byte", "missing"),
        ("short.bin", "exceeds"),
    ],
)
def test_external_data_stays_in_the_folder(tmp_path, location, words):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 10_000)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "short.bin").write_bytes(b"\0" * 10)

    def edit(model):
        tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
        external_data_helper.set_external_data(tensor, location, offset=0, length=432)
        tensor.ClearField("raw_data")

    refused(change(folder, edit), words)


def test_external_data_inside_the_folder_is_read(tmp_path):
    net = good()
    model = net.model(net.out)
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="data.bin", size_threshold=0)
    assert import_model(tmp_path / "model.onnx").graph.nodes


# -- well-formed, but not supported -----------------------------------------------------------------------------------


def quantised(net):
    return net.quant(net.affine(net.conv(net.quant("x", 0.11, 5), 3, 4, pad=1), 4), 0.3, 4)


def length(net):
    """T as a float, computed from the input's shape."""
    entry = net.node("Gather", [net.node("Shape", ["x"]), net.constant(2, dtype=np.int64)])
    return net.node("Cast", [entry], to=TensorProto.FLOAT)


CASES = {
    "dilation": (lambda n: n.conv(quantised(n), 4, 2, dilations=[2, 1], name="Bad"), ["'Bad'", "dilation 2"]),
    "kernel": (lambda n: n.conv(quantised(n), 4, 2, 9, pad=4, name="Bad"), ["'Bad'", "kernel 9x9", "1 to 7"]),
    "groups": (
        lambda n: n.conv(quantised(n), 4, 4, group=2, weights=n.weights(4, 2, 3, 3), name="Bad"),
        ["'Bad'", "2 groups"],
    ),
    "auto_pad": (
        lambda n: n.node("Conv", [quantised(n), n.weights(2, 4, 3, 3)], auto_pad="SAME_UPPER", name="Bad"),
        ["'Bad'", "auto_pad"],
    ),
    "float weights": (
        lambda n: n.conv(quantised(n), 4, 2, weights=n.constant(n.rng.normal(size=(2, 4, 3, 3))), name="Bad"),
        ["'Bad'", "weights are not quantised"],
    ),
    "wide weights": (lambda n: n.conv(quantised(n), 4, 2, bits=12, name="Bad"), ["'Bad'", "1 to 8 bits"]),
    "float input": (lambda n: n.conv("x", 3, 2, name="Bad"), ["'Bad'", "not quantised"]),
    "float activations": (
        lambda n: n.conv(n.affine(quantised(n), 4), 4, 2, name="Bad"),
        ["'Bad'", "not quantised"],
    ),
    "scales": (
        lambda n: n.node("Add", [n.quant(quantised(n), 0.3, 4), n.quant("t5", 0.3 * 2**0.5, 4)], name="Bad"),
        ["'Bad'", "ratio 0.70"],
    ),
    "float sum": (
        lambda n: n.node("Add", [quantised(n), n.affine(n.conv("t5", 4, 4, pad=1), 4)], name="Bad"),
        ["'Bad'", "quantise both"],
    ),
    "product of streams": (
        lambda n: n.conv(n.quant(n.node("Mul", [quantised(n), n.conv("t5", 4, 4, pad=1)], name="Bad")), 4, 2),
        ["'Bad'"],
    ),
    "broadcast": (
        lambda n: n.node("Mul", [quantised(n), n.constant(np.ones((1, 1, 1, 8)) * np.arange(8))], name="Bad"),
        ["'Bad'", "one a channel"],
    ),
    "ceil mode": (
        lambda n: n.node("MaxPool", [quantised(n)], kernel_shape=[2, 2], ceil_mode=1, name="Bad"),
        ["'Bad'", "ceil_mode"],
    ),
    "excluded padding": (
        lambda n: n.node("AveragePool", [quantised(n)], kernel_shape=[2, 2], pads=[1, 1, 0, 0], name="Bad"),
        ["'Bad'", "count_include_pad"],
    ),
    "reflection": (
        lambda n: n.node(
            "Pad", [quantised(n), n.constant([0, 0, 1, 1] * 2, dtype=np.int64)], mode="reflect", name="Bad"
        ),
        ["'Bad'", "constant padding"],
    ),
    "fractional padding": (
        lambda n: n.node(
            "Pad", [quantised(n), n.constant([0, 0, 1, 1] * 2, dtype=np.int64), n.constant(0.1)], name="Bad"
        ),
        ["'Bad'", "multiple"],
    ),
    "loose padding": (
        lambda n: n.quant(n.node("Pad", [quantised(n), n.constant([0, 0, 1, 1] * 2, dtype=np.int64)], name="Bad")),
        ["'Bad'", "follows"],
    ),
    "transposed map": (
        lambda n: n.node("Transpose", [quantised(n)], perm=[0, 2, 1, 3], name="Bad"),
        ["'Bad'", "layout"],
    ),
    "time concat": (lambda n: n.node("Concat", [quantised(n), "t5"], axis=2, name="Bad"), ["'Bad'", "axis 1"]),
    "two quantisers": (
        lambda n: n.node("Add", [quantised(n), n.conv(n.quant("x", 0.2, 3), 3, 4, pad=1)], name="Bad"),
        ["quantise the input once"],
    ),
    "normalised input": (
        lambda n: n.conv(n.quant(n.node("Sub", ["x", n.constant(0.4)], name="Bad"), 0.1, 4), 3, 2),
        ["'Bad'", "leave them to the host"],
    ),
    "shape as a value": (
        lambda n: n.node("Mul", [quantised(n), length(n)], name="Bad"),
        ["'Bad'", "one length only"],
    ),
    "huge constant": (
        lambda n: n.node(
            "Add", [quantised(n), n.node("ConstantOfShape", [n.constant([2**40], dtype=np.int64)], name="Bad")]
        ),
        ["too large"],
    ),
    "no layer": (lambda n: n.quant("x", 0.1, 4), ["no layer"]),
    "constant output": (lambda n: n.quant(n.constant(np.ones((1, 2))), 0.1, 4), ["does not depend"]),
    "wide lookup": (
        lambda n: n.conv(
            n.quant(
                n.node(
                    "Abs",
                    [n.node("Sub", [n.node("Abs", [n.conv(n.quant("x", 0.1, 8), 3, 2, bits=8)]), n.constant(9.0)])],
                ),
                0.5, 8, name="Bad",
            ),
            2, 2,
        ),
        ["'Bad'", "neither monotone"],
    ),
    "too short": (
        lambda n: n.conv(n.conv(quantised(n), 4, 2, 7, strides=[7, 1]) and n.quant(n.nodes[-1].output[0]), 2, 2, 7),
        ["too short"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_unsupported(tmp_path, case):
    build, words = CASES[case]
    net = Net(1, 3, 20, 8)
    refused(net.save(tmp_path, build(net)), *words)
