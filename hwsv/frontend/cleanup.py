"""Clean-up with QONNX passes: constants folded, biases and batch normalisation as separate nodes.

Batch normalisation becomes one multiplication and one addition, whose roundings IEEE 754 defines; the fused operator
may be evaluated in several ways, so it cannot be an exact reference.
"""

import itertools
import math
import warnings

import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.batchnorm_to_affine import BatchNormToAffine
from qonnx.transformation.extract_conv_bias import ExtractBiasFromConv
from qonnx.transformation.gemm_to_matmul import GemmToMatMul
from qonnx.transformation.infer_shapes import InferShapes

import hwsv.custom_ops  # noqa: F401 - makes the domain hwsv known to qonnx
from hwsv.errors import InputError
from hwsv.frontend.fold import FoldConstants
from hwsv.frontend.identities import RemoveIdentities
from hwsv.frontend.load import CONSTANT_ONLY, MAX_ELEMENTS
from hwsv.frontend.messages import shown


def clean_up(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """(cleaned copy, names of the passes run). `model` was checked by `load_model`. Raises InputError.

    The original node names are kept in ``doc_string``, also for nodes that the passes make.
    """
    origin = {out: node.name for node in model.graph.node for out in node.output}
    wrapper = ModelWrapper(model, make_deepcopy=True, fix_missing_initializer_valueinfo=False)
    wrapper = _run(wrapper, InferShapes(), sort=False)
    _check_sizes(wrapper.model.graph)
    if any(node.op_type in CONSTANT_ONLY for node in model.graph.node):
        wrapper = _run(_run(wrapper, FoldConstants(), sort=False), InferShapes(), sort=False)
    passes: list[Transformation] = []
    kinds = {node.op_type for node in wrapper.graph.node}
    if "Gemm" in kinds:
        passes.append(GemmToMatMul())
    if any(node.op_type == "Conv" and len(node.input) > 2 for node in wrapper.graph.node):
        passes.append(ExtractBiasFromConv())
    if "BatchNormalization" in kinds:
        passes.append(BatchNormToAffine())
    if kinds & {"Identity", "Dropout"}:
        passes.append(RemoveIdentities())
    for step in passes:
        wrapper = _run(wrapper, step)
    if not wrapper.graph.node:
        raise InputError("the model's output does not depend on its input")
    _name_tensors(wrapper, {tensor for node in model.graph.node for tensor in (*node.input, *node.output)})
    cleaned = wrapper.model
    cleaned.graph.name = "cleaned"
    _restore_names(cleaned.graph, origin)
    return cleaned, ["qonnx.InferShapes", "hwsv.FoldConstants", *map(_pass_name, passes)]


def _pass_name(step: Transformation) -> str:
    """``qonnx.GemmToMatMul``: the package that a pass comes from, and its class."""
    return f"{type(step).__module__.partition('.')[0]}.{type(step).__name__}"


def _run(wrapper: ModelWrapper, step: Transformation, sort: bool = True) -> ModelWrapper:
    """One pass (`sort`: and QONNX's own clean-up). Whatever it raises on a strange model is an InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return wrapper.transform(step, make_deepcopy=False, cleanup=sort)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"QONNX pass {type(step).__name__} cannot process the model: {reason!a}; check shapes and types"
        ) from error


def _check_sizes(graph: onnx.GraphProto) -> None:
    """QONNX's passes may allocate every tensor that has a shape."""
    total = 0
    for value in (*graph.value_info, *graph.output):
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if min(sizes, default=0) < 0:
            raise InputError(f"tensor {shown(value.name)} would have shape {sizes[:8]}: its input is too short")
        total += math.prod(sizes)
        if total > 2 * MAX_ELEMENTS:
            raise InputError(f"tensors up to {shown(value.name)} would hold {total} elements: too large")


def _name_tensors(wrapper: ModelWrapper, given: set[str]) -> None:
    """Tensors that passes made get numbers for their random names: the same model gives the same bytes."""
    used = [tensor for node in wrapper.graph.node for tensor in (*node.input, *node.output) if tensor]
    free = (name for number in itertools.count() if (name := f"made{number}") not in given)
    for tensor, name in zip([t for t in dict.fromkeys(used) if t not in given], free, strict=False):
        wrapper.rename_tensor(tensor, name)


def _restore_names(graph: onnx.GraphProto, origin: dict[str, str]) -> None:
    """A node made by a pass gets the name of the original node that its output flows into."""
    for node in reversed(graph.node):
        name = origin.get(node.output[0], node.name) or node.name
        node.doc_string = name
        for tensor in node.input:
            origin.setdefault(tensor, name)
