import dataclasses
from random import Random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from hwsv import graph_onnx
from hwsv.errors import InputError
from hwsv.folding import fold
from hwsv.graph import INPUT, LENGTH, OUTPUT, Node, UnitGraph
from hwsv.units.base import Unit, registry
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.units import catalogue


def assert_same_unit(a: Unit, b: Unit) -> None:
    assert type(a) is type(b)
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        x, y = getattr(a, field.name), getattr(b, field.name)
        assert type(x) is type(y) or isinstance(x, np.integer), field.name
        if isinstance(x, np.ndarray):
            assert y.dtype == np.int64 and np.array_equal(x, y) and x.shape == y.shape, field.name
        else:
            assert x == y, field.name


@pytest.mark.parametrize("kind", sorted(registry()))
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_survives_a_round_trip(kind, seed, tmp_path):
    unit = catalogue.MAKERS[kind](Random(seed))
    inputs = tuple(f"in{i}" for i in range(len(unit.inputs())))
    fork = registry()["fork"](unit.inputs()[0].freq, unit.inputs()[0].channels, "INT8", max(2, len(inputs)))  # type: ignore[call-arg]
    outputs = (OUTPUT, *(f"out{i}" for i in range(1, len(unit.outputs()))))
    nodes = [
        Node("first", fork, (INPUT,), inputs if len(inputs) > 1 else (*inputs, "unused")),
        Node("unit", unit, inputs, outputs, source='a "model\'s" node; ../../x'),
    ]
    graph = UnitGraph("one", nodes)
    graph_onnx.save(graph, tmp_path / "g.onnx")
    loaded = graph_onnx.load(tmp_path / "g.onnx")
    for ours, theirs in zip(graph, loaded, strict=True):
        assert_same_unit(ours.unit, theirs.unit)
        assert dataclasses.replace(ours, unit=theirs.unit) == theirs
    graph_onnx.save(loaded, tmp_path / "again.onnx")
    assert (tmp_path / "g.onnx").read_bytes() == (tmp_path / "again.onnx").read_bytes()


def test_a_wired_network_survives_a_round_trip(tmp_path):
    graph = wire(fold(resnet(8, 2, (1, 1), 5), 12, 2000))
    graph_onnx.save(graph, tmp_path / "g.onnx")
    loaded = graph_onnx.load(tmp_path / "g.onnx")
    assert loaded.channels == graph.channels and loaded.name == graph.name
    assert [(n.name, n.all_inputs, n.outputs) for n in loaded] == [(n.name, n.all_inputs, n.outputs) for n in graph]
    x = np.random.default_rng(0).integers(-128, 128, (12, 8, 1))
    np.testing.assert_array_equal(loaded.golden(x)[OUTPUT], graph.golden(x)[OUTPUT])
    onnx.checker.check_model(graph_onnx.to_model(graph), full_check=False)


def test_qonnx_executes_the_saved_model(tmp_path):
    """The file runs under QONNX's executor, wired or not, with the golden model's integers on every tensor."""
    unfolded = resnet(6, 2, (1,), 3)
    x = np.random.default_rng(0).integers(-128, 128, (5, 6, 1))
    for graph in (unfolded, wire(fold(unfolded, 5, 2000))):
        graph_onnx.save(graph, tmp_path / "g.onnx")
        model = ModelWrapper(str(tmp_path / "g.onnx"))
        feeds = {INPUT: x} | ({LENGTH: np.array([[[5]]])} if LENGTH in graph.channels else {})
        for name, value in feeds.items():  # T is symbolic in the file; QONNX wants it known
            model.set_tensor_shape(name, list(value.shape))
        results = execute_onnx(model, feeds, return_full_exec_context=True)
        for tensor, expected in graph.golden(x).items():
            np.testing.assert_array_equal(results[tensor], expected, err_msg=tensor)


def relu_model() -> bytes:
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", info[:1], info[1:])
    return helper.make_model(graph).SerializeToString()


def damaged(change) -> bytes:
    model = graph_onnx.to_model(resnet(6, 2, (1,), 3))
    change(model)
    return model.SerializeToString()


def no_attributes(model):
    del model.graph.node[0].attribute[:]


def illegal_parameter(model):
    (lanes,) = (a for a in model.graph.node[0].attribute if a.name == "lanes")
    lanes.i = 7


def unknown_parameter(model):
    model.graph.node[0].attribute.append(helper.make_attribute("__class__", 3))


def dangling(model):
    model.graph.node[2].input[0] = "nowhere"


def no_output(model):
    model.graph.node[-1].output[0] = "elsewhere"


def bad_channels(model):
    helper.set_model_props(model, {"hwsv.channels": '{"features": 3}'})


@pytest.mark.parametrize(
    "content",
    [
        b"", b"garbage", b"\xff" * 100, relu_model(), damaged(lambda model: None)[:-99],
        *(damaged(c) for c in (no_attributes, illegal_parameter, unknown_parameter, dangling, no_output, bad_channels)),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "g.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        graph_onnx.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no\.onnx"):
        graph_onnx.load(tmp_path / "no.onnx")
