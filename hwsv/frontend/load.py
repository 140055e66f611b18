"""Reading an untrusted model file: everything is checked before any pass, custom op or runtime sees it.

A QONNX pass imports the Python module named by a node's domain, so domains and operators are a closed list.
"""

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import onnx
from google.protobuf.message import Message
from onnx import TensorProto, numpy_helper
from onnx.external_data_helper import load_external_data_for_model

from hwsv.errors import InputError
from hwsv.frontend.messages import label, refuse, shown

MAX_BYTES = 2**29
"""Largest model file (with its external data): 512 MiB."""
MAX_ELEMENTS = 2**26
"""Most elements of one tensor of a model."""
MAX_NODES = 5_000
MAX_FRAMES = 2**16 - 1
"""Longest utterance, in frames: what a length channel can tell."""
EXAMPLE_FRAMES = 200
"""T where the model leaves it open."""
OPSETS = range(11, 22)

ELEMENTWISE = frozenset(
    [
        "Abs",
        "Add",
        "Ceil",
        "Clip",
        "Div",
        "Floor",
        "Identity",
        "LeakyRelu",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "PRelu",
        "Relu",
        "Round",
        "Sign",
        "Sub",
    ]
)
"""Operators that IEEE 754 defines to the last bit, so that a table of their values is exact for any tensor shape."""
STRUCTURAL = frozenset(["AveragePool", "Concat", "Conv", "Gemm", "MatMul", "MaxPool", "Pad"])
LAYOUT = frozenset(["BatchNormalization", "Dropout", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"])
CONSTANT_ONLY = frozenset(["Cast", "Constant", "ConstantOfShape", "Gather", "Shape", "Slice"])
OPERATORS = {
    "": ELEMENTWISE | STRUCTURAL | LAYOUT | CONSTANT_ONLY,
    "qonnx.custom_op.general": frozenset({"Quant", "IntQuant", "BipolarQuant"}),
    "onnx.brevitas": frozenset({"Quant", "IntQuant", "BipolarQuant"}),
    "hwsv": frozenset({"StatsPool"}),
}
_SUPPORTED = "supported: " + ", ".join(
    sorted((ELEMENTWISE | STRUCTURAL | LAYOUT) | {"Quant", "BipolarQuant", "hwsv.StatsPool"})
)
_DTYPES = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32, TensorProto.INT8,
    TensorProto.UINT8, TensorProto.BOOL,
}  # fmt: skip


def load_model(path: Path) -> onnx.ModelProto:
    """The model in `path`, checked, nodes in topological order, external data read, batch 1, T filled in.

    Raises InputError: one line that names the file, and the node or tensor at fault.
    """
    try:
        model = _parse(path)
        check_model(model, path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return model


def check_model(model: onnx.ModelProto, folder: Path) -> None:
    """What `load_model` does to a parsed model, in place. folder: where its external data may lie."""
    _check_header(model)
    _check_nodes(model.graph)
    _read_external(model, folder)
    _check_tensors(model.graph)
    _check_interface(model.graph)
    _check_claims(model.graph)
    _sort(model.graph)


def _parse(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise InputError("no such model file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES >> 20} MiB")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf has several exception types
        raise InputError(f"not an ONNX file ({type(error).__name__})") from error
    if not model.graph.node:
        raise InputError("not an ONNX file, or a model without nodes")
    try:
        _read_text(model)
    except UnicodeDecodeError as error:
        raise InputError("not an ONNX file (it holds text that is not UTF-8)") from error
    return model


def _read_text(message: Message) -> None:
    """Decode every string field. Protobuf does so, and fails, only where one is read; here it gives such text as bytes.

    Raises UnicodeDecodeError.
    """
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for child in [value] if isinstance(value, Message) else value:
                _read_text(child)
        elif field.type == field.TYPE_STRING:
            for text in [value] if isinstance(value, str | bytes) else value:
                if isinstance(text, bytes):
                    text.decode()


def _check_header(model: onnx.ModelProto) -> None:
    for entry in model.opset_import:
        if entry.domain == "ai.onnx":
            entry.domain = ""
    versions = [entry.version for entry in model.opset_import if entry.domain == ""]
    if len(versions) != 1 or versions[0] not in OPSETS:
        raise InputError(f"ONNX opset {versions}; supported: {OPSETS.start} to {OPSETS.stop - 1}")
    if len(model.functions) or len(model.graph.sparse_initializer) or len(model.training_info):
        raise InputError("local functions, sparse initialisers and training graphs are not supported")


def _check_nodes(graph: onnx.GraphProto) -> None:
    if len(graph.node) > MAX_NODES:
        raise InputError(f"{len(graph.node)} nodes exceed {MAX_NODES}")
    for node in graph.node:
        node.doc_string = ""  # from here on it holds the original name
        if node.domain == "ai.onnx":
            node.domain = ""
        if node.op_type not in OPERATORS.get(node.domain, ()):
            kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            refuse(node, f"operator {shown(kind)} is not supported; {_SUPPORTED}")
        if any(a.type in (a.GRAPH, a.GRAPHS, a.SPARSE_TENSOR, a.SPARSE_TENSORS) for a in node.attribute):
            refuse(node, "attributes that hold graphs or sparse tensors are not supported")
        if not node.output or (any(node.output[1:]) and node.op_type not in ("Dropout", "BatchNormalization")):
            refuse(node, "a node must have exactly one output")


def _all_tensors(graph: onnx.GraphProto) -> Iterable[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _read_external(model: onnx.ModelProto, folder: Path) -> None:
    """Load external data from files inside the model's folder."""
    outside = [t for t in _all_tensors(model.graph) if t.data_location == TensorProto.EXTERNAL]
    root = folder.resolve()
    for tensor in outside:
        entries = {e.key: e.value for e in tensor.external_data}
        where = entries.get("location", "")
        location = PurePosixPath(where)
        try:
            file = (root / where).resolve()
            there = file.is_file()
        except (OSError, ValueError):  # a name that is too long, or holds a NUL
            file, there = root, False
        if not where or location.is_absolute() or ".." in location.parts or not file.is_relative_to(root):
            raise InputError(f"tensor {shown(tensor.name)}: external data outside the model's folder ({shown(where)})")
        if not there:
            raise InputError(f"tensor {shown(tensor.name)}: external data file {shown(where)} is missing")
        _check_size(tensor)
        size, offset, length = file.stat().st_size, *_numbers(tensor, entries)
        if size > MAX_BYTES or offset + length > size:
            raise InputError(f"tensor {shown(tensor.name)}: external data exceeds its file, or the file is too large")
    if outside:
        try:
            load_external_data_for_model(model, str(root))
        except Exception as error:
            raise InputError(f"external data cannot be read ({type(error).__name__})") from error


def _numbers(tensor: TensorProto, entries: dict[str, str]) -> tuple[int, int]:
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0))
    except ValueError:
        offset = -1
        length = 0
    if offset < 0 or length < 0:
        raise InputError(f"tensor {shown(tensor.name)}: external data with a bad offset or length")
    return offset, length


def _check_size(tensor: TensorProto) -> None:
    if tensor.data_type not in _DTYPES:
        raise InputError(f"tensor {shown(tensor.name)}: data type {tensor.data_type} is not supported; use float32")
    if any(d < 0 for d in tensor.dims) or math.prod(tensor.dims) > MAX_ELEMENTS:
        raise InputError(f"tensor {shown(tensor.name)}: shape {list(tensor.dims)[:8]} is out of range")


def _check_tensors(graph: onnx.GraphProto) -> None:
    for tensor in _all_tensors(graph):
        _check_size(tensor)
        try:
            array = numpy_helper.to_array(tensor)
        except Exception as error:
            raise InputError(f"tensor {shown(tensor.name)}: its data does not fill its shape") from error
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"tensor {shown(tensor.name)}: holds NaN or infinity")
        if array.dtype == np.float64:  # everything after this is float32
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float32), tensor.name))


def _check_interface(graph: onnx.GraphProto) -> None:
    """One float input [1, C, T, F] or [1, n], one output; fills in batch 1 and an open T."""
    constants = {t.name for t in graph.initializer}
    for value in [v for v in graph.input if v.name in constants]:
        graph.input.remove(value)
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise InputError(f"{len(graph.input)} inputs and {len(graph.output)} outputs; supported: one of each")
    tensor = graph.input[0].type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        raise InputError(f"input {shown(graph.input[0].name)} must be float32")
    dims = tensor.shape.dim
    if len(dims) not in (2, 4):
        raise InputError(f"input has {len(dims)} dimensions; supported: [1, channels, time, frequency] or [1, n]")
    if dims[0].dim_value == 0:
        dims[0].dim_value = 1
    if len(dims) == 4 and dims[2].dim_value == 0:
        dims[2].dim_value = EXAMPLE_FRAMES
    sizes = [d.dim_value for d in dims]
    if (
        sizes[0] != 1
        or min(sizes) < 1
        or math.prod(sizes) > MAX_ELEMENTS // 16
        or max(sizes[2:3], default=1) > MAX_FRAMES
    ):
        raise InputError(f"input shape {sizes} is not supported; use batch 1 and known, reasonable sizes")


_WINDOW_LENGTHS = {"kernel_shape": 2, "strides": 2, "dilations": 2, "pads": 4}
_WINDOWED = {"Conv", "MaxPool", "AveragePool", "StatsPool"}


def _check_claims(graph: onnx.GraphProto) -> None:
    """Shapes that the file claims for inner tensors, and window attributes: ONNX's own shape inference trusts them.

    (It indexes dimensions by them in C++: a wrong rank ended the process, found by `make fuzz`.)
    """
    ranks = {}
    for info in (*graph.value_info, *graph.output):
        dims = info.type.tensor_type.shape.dim
        ranks[info.name] = len(dims) if info.type.tensor_type.HasField("shape") else None
        if any(d.HasField("dim_value") and d.dim_value < 1 for d in dims):
            raise InputError(f"tensor {shown(info.name)}: the file claims a shape with a dimension below 1")
    for node in graph.node:
        if node.op_type not in _WINDOWED:
            continue
        if node.input and ranks.get(node.input[0]) not in (None, 4):
            refuse(node, f"the file claims {ranks[node.input[0]]} dimensions for its input; [1, C, T, F] is needed")
        for attribute in node.attribute:
            wanted = _WINDOW_LENGTHS.get(attribute.name)
            if wanted and len(attribute.ints) != wanted:
                refuse(node, f"{attribute.name} needs {wanted} numbers (time and frequency), not {len(attribute.ints)}")


def _sort(graph: onnx.GraphProto) -> None:
    """Topological order (stable); refuses cycles, missing tensors and tensors written twice."""
    known = {t.name for t in graph.initializer} | {graph.input[0].name, ""}
    written = Counter(out for node in graph.node for out in node.output if out)
    for name, count in written.items():
        if count > 1 or name in known:
            raise InputError(f"tensor {shown(name)} is written more than once")
    for node in graph.node:
        for name in node.input:
            if name not in known and name not in written:
                refuse(node, f"input {shown(name)} is neither an initialiser nor the output of a node")
    if graph.output[0].name not in written:
        raise InputError(f"output {shown(graph.output[0].name)} is not the output of a node")
    waiting, ordered = list(graph.node), []
    while waiting:
        later = []
        for node in waiting:
            if all(name in known for name in node.input):
                known.update(node.output)
                ordered.append(node)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise InputError(f"{label(later[0])} is part of a cycle, or waits for one")
        waiting = later
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)
