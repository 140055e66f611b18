"""`import_model`: from a QONNX file to the unit graph, with everything that was made on the way."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pydantic
from qonnx.core.modelwrapper import ModelWrapper

from hwsv.design import InputSpec
from hwsv.errors import InputError
from hwsv.frontend.cleanup import clean_up
from hwsv.frontend.convert import Converter
from hwsv.frontend.entry import IntegerInput
from hwsv.frontend.execute import ACCUMULATOR, EXACT_NODES, metadata
from hwsv.frontend.load import MAX_FRAMES, load_model
from hwsv.frontend.messages import shown
from hwsv.frontend.normalise import ToIntegers
from hwsv.frontend.structure import host_part
from hwsv.frontend.walk import Scale
from hwsv.graph import UnitGraph
from hwsv.host.features import FeatureSpec
from hwsv.units.stats_pool import MAX_POSITIONS, StatsPool


@dataclass(frozen=True)
class Imported:
    """What the front-end makes of a model.

    raw: the model as given, checked, external data read: the level ``qonnx-raw``.
    graph: unfolded units (one lane everywhere, no forks, length channels or width converters yet).
    normalised: the level ``qonnx``, its input the integers that enter the hardware.
    stages: every intermediate model, by name. host_post: what the host computes from the last accumulators, a float32
    tensor ``[1, n]`` or ``[1, C, T, F]`` of integers; None where nothing is left.
    tensor_map: unit tensor -> tensor of `normalised` with the same integers.
    references: MVTU -> "float32" or, where float32 sums may not be exact, "int64".
    passes: the transformations that were run.
    """

    raw: onnx.ModelProto
    graph: UnitGraph
    normalised: onnx.ModelProto
    stages: dict[str, onnx.ModelProto]
    input: InputSpec
    host_post: onnx.ModelProto | None
    tensor_map: dict[str, str]
    references: dict[str, str]
    passes: list[str] = field(default_factory=list)


def import_model(path: Path | str) -> Imported:
    """Read, check, normalise and convert a QONNX model. Raises InputError with one line for anything unsupported."""
    path = Path(path)
    raw = load_model(path)
    try:
        return _import(raw, _name(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _import(raw: onnx.ModelProto, name: str) -> Imported:
    cleaned, passes = clean_up(raw)
    to_integers = ToIntegers()
    wrapper = ModelWrapper(cleaned, fix_missing_initializer_valueinfo=False)
    wrapper = wrapper.transform(to_integers, make_deepcopy=False, cleanup=False)
    stages = {"cleaned": cleaned, "integers": _copy(wrapper.model)}
    integer_input = IntegerInput(to_integers.integers)
    wrapper = wrapper.transform(integer_input, make_deepcopy=False, cleanup=False)
    normalised = wrapper.model
    dims = [d.dim_value for d in raw.graph.input[0].type.tensor_type.shape.dim]
    frames = dims[2] if len(dims) == 4 else 1
    converter = Converter(normalised, frames, integer_input.dtype)
    last = converter.run()
    converter.graph.name = name
    _note(raw, cleaned, normalised, last, to_integers.integers[last], converter.exact)
    stages["normalised"] = normalised
    host_post = host_part(converter.structure)
    if host_post is not None:
        stages["host_post"] = host_post
    return Imported(
        raw, converter.graph, normalised, stages,
        _input_spec(raw, converter, integer_input), host_post,
        {signal.tensor: tensor for tensor, signal in converter.signals.items()},
        converter.references, [*passes, "hwsv.ToIntegers", "hwsv.IntegerInput"],
    )  # fmt: skip


def _name(path: Path) -> str:
    """An identifier from the file's name."""
    text = "".join(c if c.isascii() and c.isalnum() else "_" for c in path.stem).strip("_")[:40]
    return text if text[:1].isalpha() else f"net_{text}".rstrip("_")


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def _note(
    raw: onnx.ModelProto, cleaned: onnx.ModelProto, normalised: onnx.ModelProto, last: str, origin: tuple[str, Scale],
    exact: list[str],
) -> None:  # fmt: skip
    """Write into the metadata which raw tensor the last accumulators come from, and the nodes to compute in float64."""
    tensor = origin[0]
    offset, step = np.zeros(1), origin[1].astype(np.float64).reshape(-1)
    given = {out for node in raw.graph.node for out in node.output}
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in cleaned.graph.initializer}
    while tensor not in given:  # the clean-up took a bias, or the alpha of a Gemm, out of the node
        (node,) = (n for n in cleaned.graph.node if tensor in n.input)
        (constant,) = (constants[n].astype(np.float64).reshape(-1) for n in node.input if n in constants)
        offset, step = (offset + constant, step) if node.op_type == "Add" else (offset * constant, step * constant)
        tensor = node.output[0]
    note = {"tensor": tensor, "normalised": last, "scale": step.tolist(), "offset": offset.tolist()}
    properties = metadata(normalised) | {ACCUMULATOR: json.dumps(note), EXACT_NODES: json.dumps(exact)}
    onnx.helper.set_model_props(normalised, properties)


def _input_spec(raw: onnx.ModelProto, converter: Converter, entry: IntegerInput) -> InputSpec:
    signal = converter.signals[converter.structure.entry]
    fixed = converter.frames_fixed
    example = fixed or converter.frames
    shape = [d.dim_value for d in raw.graph.input[0].type.tensor_type.shape.dim]
    return InputSpec(
        freq=signal.freq, channels=signal.channels, dtype=signal.dtype, scale=entry.scale, frames_fixed=fixed,
        frames_min=fixed or _shortest(converter.graph, example), frames_max=fixed or _longest(converter.graph),
        frames_example=example, features=_features(raw, signal.freq), onnx_shape=shape,
    )  # fmt: skip


def _fits(graph: UnitGraph, frames: int) -> bool:
    """Whether an utterance of so many frames gives an output."""
    try:
        graph.frames(frames)
    except InputError:
        return False
    return True


def _shortest(graph: UnitGraph, example: int) -> int:
    shortest = next((n for n in range(1, example + 1) if _fits(graph, n)), None)
    if shortest is None:
        raise InputError(f"its own {example} frames are too few for its kernels")
    return shortest


def _longest(graph: UnitGraph) -> int:
    """Most frames that the pooling's accumulators are sized for."""
    pools = [node for node in graph if isinstance(node.unit, StatsPool)]

    def positions(frames: int) -> int:
        lengths = graph.frames(frames)
        return max((lengths[n.inputs[0]] * n.unit.freq for n in pools), default=0)  # type: ignore[attr-defined]

    low, high = 1, MAX_FRAMES
    while low < high:
        middle = (low + high + 1) // 2
        if not _fits(graph, middle) or positions(middle) <= MAX_POSITIONS:
            low = middle
        else:
            high = middle - 1
    return low


def _features(raw: onnx.ModelProto, freq: int) -> FeatureSpec | None:
    """The feature recipe in the metadata, where there is one."""
    text = metadata(raw).get("hwsv.features")
    if text is None:
        return None
    try:
        spec = FeatureSpec.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise InputError(f"metadata hwsv.features: {shown(error.errors()[0]['msg'])}") from error
    if spec.n_mels != freq:
        raise InputError(f"metadata hwsv.features: {spec.n_mels} mels, but the input has {freq} frequencies")
    return spec
