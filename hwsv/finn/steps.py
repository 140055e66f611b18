"""hwsv's passes as steps of FINN's builder: ``step(model, cfg) -> model``, for ``DataflowBuildConfig.steps``.

They need neither FINN nor its configuration (`cfg` is not read), so they also run on a bare ``ModelWrapper``. All that
one step tells the next is in the model, so that FINN's ``start_step`` can resume from any saved stage.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_data_layouts import InferDataLayouts

from hwsv.finn.thresholds import EvaluateThresholds
from hwsv.frontend.cleanup import clean_up
from hwsv.frontend.entry import IntegerInput
from hwsv.frontend.execute import Executor
from hwsv.frontend.load import check_model
from hwsv.frontend.normalise import ToIntegers

if TYPE_CHECKING:
    from finn.builder.build_dataflow_config import DataflowBuildConfig
else:
    DataflowBuildConfig = Any

BuildStep = Callable[[ModelWrapper, DataflowBuildConfig], ModelWrapper]

INPUT_SCALE = "hwsv.input_scale"
"""Metadata: float value of one step of the integer input."""
LEFT = "hwsv.left"
"""Metadata: the nodes, one a line, that `step_hwsv_thresholds` left as they were."""


def step_hwsv_clean_up(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
    """Check the model as any untrusted input, fold constants, take biases and batch normalisation apart.

    Raises InputError, which names the node, for what hwsv does not support.
    """
    check_model(model.model, Path())
    cleaned, _ = clean_up(model.model)
    return ModelWrapper(cleaned)


def step_hwsv_integers(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
    """All sums over integers, scales behind them, and the integers of the first quantiser as the model's input.

    The time axis stays at the model's own (or, where open, the example's) number of frames: FINN builds for one shape.
    """
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    to_integers = ToIntegers()
    model = model.transform(to_integers, make_deepcopy=False, cleanup=False)
    entry = IntegerInput(to_integers.integers)
    model = model.transform(entry, make_deepcopy=False, cleanup=False)
    for dim, value in zip(model.graph.input[0].type.tensor_type.shape.dim, dims, strict=True):
        dim.dim_value = value
    model.set_metadata_prop(INPUT_SCALE, repr(entry.scale))
    return _with_shapes(model)


def step_hwsv_thresholds(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
    """Everything between an integer accumulator and the next quantiser as one MultiThreshold of integers."""
    thresholds = EvaluateThresholds()
    model = model.transform(thresholds, make_deepcopy=False, cleanup=False)
    model.set_metadata_prop(LEFT, "\n".join(thresholds.left))
    model = _with_shapes(model)
    for step in (GiveUniqueNodeNames(), InferDataLayouts()):
        model = model.transform(step, make_deepcopy=False)
    return model


HWSV_STEPS: tuple[BuildStep, ...] = (step_hwsv_clean_up, step_hwsv_integers, step_hwsv_thresholds)
"""In this order, they stand in for FINN's ``step_qonnx_to_finn``, ``step_tidy_up`` and most of ``step_streamline``."""


def _with_shapes(model: ModelWrapper) -> ModelWrapper:
    """Every tensor's shape, from one run (QONNX's inference asks custom ops before it knows what enters them)."""
    entry = model.graph.input[0].name
    for name, array in Executor(model.model).run({entry: np.zeros(model.get_tensor_shape(entry), np.float32)}).items():
        model.set_tensor_shape(name, list(array.shape))
    return model
