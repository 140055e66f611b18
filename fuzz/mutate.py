"""Structure-aware mutation of ONNX models: a mutant is still a model, and wrong in one or a few places."""

import random
from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwsv.frontend.load import OPERATORS

NUMBERS = (0, 1, -1, 2, 3, 5, 7, 8, 16, 127, 128, 255, 1000, 2**16, 2**24 + 1, 2**31 - 1, -(2**31), 2**40, 2**63 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.1, 1e-30, 1e30, 1e-45, float("nan"), float("inf"), -float("inf"), 0.5, 3.0, 2.0**24)
TEXTS = ("", "x", "../../y", 'x"; system("id")', "a\nb", "é\u202e", "n" * 300, "ROUND", "FLOOR", "time", "SAME_UPPER")
Rng = random.Random


def mutate(data: bytes, rng: Rng) -> bytes | None:
    """A mutant of the model in `data`; None where there is no model in it that could be changed."""
    try:
        model = onnx.ModelProto.FromString(data)
        if not model.graph.node:
            return None
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            rng.choice(MUTATIONS)(model.graph, rng)
            if rng.random() < 0.02:
                _header(model, rng)
        return model.SerializeToString()
    except Exception:  # not a model, text that is not UTF-8, numbers beyond their field
        return None


def _header(model: onnx.ModelProto, rng: Rng) -> None:
    if rng.random() < 0.5 and model.opset_import:
        rng.choice(model.opset_import).version = rng.choice((1, 9, 11, 13, 17, 21, 99))
    else:
        helper.set_model_props(model, {"hwsv.features": rng.choice(("{}", '{"n_mels": 8}', "[", '{"n_mels": 1e99}'))})


def _attribute(graph: onnx.GraphProto, rng: Rng) -> None:
    found = [a for node in graph.node for a in node.attribute]
    if not found:
        return
    attribute = rng.choice(found)
    if attribute.ints and rng.random() < 0.8:
        if rng.random() < 0.7:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
        elif rng.random() < 0.5:
            attribute.ints.pop()
        else:
            attribute.ints.append(rng.choice(NUMBERS))
    elif attribute.type == attribute.INT:
        attribute.i = rng.choice(NUMBERS)
    elif attribute.type == attribute.FLOAT:
        attribute.f = rng.choice(FLOATS)
    elif attribute.type == attribute.STRING:
        attribute.s = rng.choice(TEXTS).encode()
    else:
        attribute.type = rng.choice((1, 2, 3, 4, 6, 7, 8))


def _new_attribute(graph: onnx.GraphProto, rng: Rng) -> None:
    names = (
        "axis",
        "pads",
        "strides",
        "group",
        "dilations",
        "alpha",
        "keepdims",
        "transA",
        "transB",
        "ceil_mode",
        "perm",
    )
    value = rng.choice((rng.choice(NUMBERS), [rng.choice(NUMBERS[:9]) for _ in range(4)], rng.choice(FLOATS), "x"))
    if graph.node:
        rng.choice(graph.node).attribute.append(helper.make_attribute(rng.choice(names), value))


def _rewire(graph: onnx.GraphProto, rng: Rng) -> None:
    if not graph.node:
        return
    names = [n for node in graph.node for n in (*node.input, *node.output)] + [t.name for t in graph.initializer] + [""]
    node = rng.choice(graph.node)
    if node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)


def _arity(graph: onnx.GraphProto, rng: Rng) -> None:
    if not graph.node:
        return
    node = rng.choice(graph.node)
    if node.input and rng.random() < 0.5:
        node.input.pop()
    else:
        node.input.append(rng.choice([t.name for t in graph.initializer] or ["x"]))


def _operator(graph: onnx.GraphProto, rng: Rng) -> None:
    if graph.node:
        node = rng.choice(graph.node)
        node.domain = rng.choice([*OPERATORS, node.domain, "os"])
        node.op_type = rng.choice(sorted(OPERATORS.get(node.domain, {"Relu"})))


def _nodes(graph: onnx.GraphProto, rng: Rng) -> None:
    """Remove, move, or insert a node behind a tensor."""
    if not graph.node:
        return
    index, kind = rng.randrange(len(graph.node)), rng.random()
    node = onnx.NodeProto.FromString(graph.node[index].SerializeToString())
    if kind < 0.3:
        del graph.node[index]
        for other in graph.node:
            for i, name in enumerate(other.input):
                if name in node.output and node.input:
                    other.input[i] = node.input[0]
    elif kind < 0.4:
        graph.node.append(node)
    else:
        simple = ("Relu", "Abs", "Neg", "Floor", "Identity", "Sign", "Round", "Flatten", "Transpose", "Dropout", "Ceil")
        name = f"fuzz{rng.randrange(10**6)}"
        made = helper.make_node(rng.choice(simple), [node.output[0]], [name], name)
        for other in graph.node:
            for i, given in enumerate(other.input):
                if given == node.output[0]:
                    other.input[i] = name
        graph.node.insert(index + 1, made)


def _tensor(graph: onnx.GraphProto, rng: Rng) -> None:
    """Other values, another shape (true or not), another type."""
    if not graph.initializer:
        return
    tensor, kind = rng.choice(graph.initializer), rng.random()
    try:
        array = numpy_helper.to_array(tensor).copy()
    except Exception:
        return
    if kind < 0.45 and array.size:
        array.reshape(-1)[rng.randrange(array.size)] = np.asarray(rng.choice(FLOATS)).astype(array.dtype)
    elif kind < 0.55:
        array = np.full_like(array, np.asarray(rng.choice(FLOATS)).astype(array.dtype))
    elif kind < 0.7 and array.ndim:
        axis = rng.randrange(array.ndim)
        array = (
            np.concatenate([array, array], axis)
            if rng.random() < 0.5
            else array.take(range(array.shape[axis] // 2), axis)
        )
    elif kind < 0.8:
        array = array.reshape(-1) if rng.random() < 0.5 else array[None]
    elif kind < 0.9:
        if tensor.dims:
            tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
        return
    else:
        array = array.astype(rng.choice((np.float64, np.int64, np.int32, np.int8, np.float16, np.bool_)))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _interface(graph: onnx.GraphProto, rng: Rng) -> None:
    if not graph.input or not graph.output:
        return
    dims = graph.input[0].type.tensor_type.shape.dim
    kind = rng.random()
    if kind < 0.5 and dims:
        rng.choice(dims).dim_value = rng.choice(NUMBERS)
    elif kind < 0.6 and dims:
        dims.pop()
    elif kind < 0.7:
        dims.add(dim_param="n")
    elif kind < 0.8:
        graph.input[0].type.tensor_type.elem_type = rng.choice((0, 1, 7, 10, 11, 99))
    elif graph.node:
        graph.output[0].name = rng.choice([n.output[0] for n in graph.node if n.output] or ["x"])


def _names(graph: onnx.GraphProto, rng: Rng) -> None:
    """Rename a tensor everywhere, or a node."""
    if not graph.node:
        return
    node, text = rng.choice(graph.node), rng.choice(TEXTS)
    if rng.random() < 0.5 or not node.output:
        node.name = text
        return
    old = node.output[0]
    for other in graph.node:
        for side in (other.input, other.output):
            for i, name in enumerate(side):
                if name == old:
                    side[i] = text


def _external(graph: onnx.GraphProto, rng: Rng) -> None:
    if graph.initializer:
        tensor = rng.choice(graph.initializer)
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = rng.choice(("location", "offset", "length")), rng.choice((*TEXTS, "0", "-1", "9" * 30))


def _value_info(graph: onnx.GraphProto, rng: Rng) -> None:
    """A shape that is claimed for a tensor."""
    if graph.node:
        name = rng.choice(graph.node).output[0] if rng.choice(graph.node).output else "x"
        shape = [rng.choice(NUMBERS[:12]) for _ in range(rng.randrange(5))]
        graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


MUTATIONS: tuple[Callable[[onnx.GraphProto, Rng], None], ...] = (
    _attribute, _attribute, _new_attribute, _rewire, _arity, _operator, _nodes, _nodes, _tensor, _tensor, _tensor,
    _interface, _names, _external, _value_info,
)  # fmt: skip
