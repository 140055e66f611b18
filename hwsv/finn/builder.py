"""FINN's own builder, started on hwsv's models and steps, with or without the vendor's tools."""

import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn
from unittest import mock

import onnx
from qonnx.core.modelwrapper import ModelWrapper

from hwsv.errors import InputError
from hwsv.finn.steps import HWSV_STEPS, BuildStep
from hwsv.frontend.messages import shown

ESTIMATE_STEPS: tuple[BuildStep | str, ...] = (
    *HWSV_STEPS,
    "step_streamline",
    "step_convert_to_hw",
    "step_create_dataflow_partition",
    "step_specialize_layers",
    "step_target_fps_parallelization",
    "step_apply_folding_config",
    "step_minimize_bit_width",
    "step_generate_estimate_reports",
)
"""From a QONNX file to FINN's own estimates: hwsv's steps, then FINN's, all without vendor tools."""

# Without dependencies: finn-plus pins a torch with CUDA, mip brings 600 MB of solvers that a build to the estimates
# never starts.
_INSTALL = "pip install 'hwsv[finn]' && pip install --no-deps finn-plus==1.6.1 mip==1.17.0 onnx-passes==0.4.1"

_IR_VERSION = 10
"""Of models that passes make: that of opset 21. The newest ``onnx`` writes more than ``onnxruntime`` reads."""


def import_finn(module: str) -> ModuleType:
    """A module of FINN; InputError that says what to install where it cannot be imported."""
    if "XILINX_VIVADO" not in os.environ:
        sys.modules.setdefault("finn.xsi", _xsi())
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "finn").split(".")[0] == "finn":
            raise InputError(f"FINN is not installed; run: {_INSTALL}") from error
        raise InputError(f"FINN needs the package {error.name!r}; run: {_INSTALL}") from error


def build(path: Path, folder: Path, steps: Sequence[BuildStep | str] = ESTIMATE_STEPS, **options: Any) -> ModelWrapper:
    """Run FINN's ``build_dataflow_cfg`` on a QONNX file; returns the last step's model.

    folder: gets FINN's stages (``intermediate_models/<step>.onnx``), reports and log. options: fields of
    ``DataflowBuildConfig``; by default a Pynq-Z1 at 100 MHz and 100 inferences a second. Raises InputError where FINN
    stops, with FINN's message and its log.
    """
    builder, config = (import_finn(f"finn.builder.build_dataflow{part}") for part in ("", "_config"))
    defaults = {"board": "Pynq-Z1", "synth_clk_period_ns": 10.0, "target_fps": 100}
    cfg = config.DataflowBuildConfig(
        output_dir=str(folder), steps=list(steps), generate_outputs=[config.DataflowOutputType.ESTIMATE_REPORTS],
        **(defaults | options),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with _surroundings(folder):
        code = builder.build_dataflow_cfg(str(path), cfg)
    if code:
        log = folder / "build_dataflow.log"
        raise InputError(f"{path}: FINN's build stopped: {_last_error(log)} (log: {log})")
    return ModelWrapper(str(folder / "intermediate_models" / f"{builder.resolve_build_steps(cfg)[-1].__name__}.onnx"))


def _last_error(log: Path) -> str:
    """FINN's last message of an error, as one bounded line."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if "]ERROR:" in line]
    return shown(lines[-1].split("]ERROR:", 1)[1].strip()) if lines else "it gave no reason"


@contextlib.contextmanager
def _surroundings(folder: Path) -> Iterator[None]:
    """What FINN's builder expects around it, and what it leaves changed: environment, output, log handlers."""
    wanted = {"FINN_BUILD_DIR": str(folder / "finn_build"), "XILINX_VIVADO": os.environ.get("XILINX_VIVADO", "")}
    handlers, level = logging.root.handlers[:], logging.root.level
    with (
        (folder / "console.log").open("w") as console, contextlib.redirect_stdout(console),
        contextlib.redirect_stderr(console), mock.patch.dict(os.environ, wanted),
        mock.patch.object(onnx, "IR_VERSION", min(onnx.IR_VERSION, _IR_VERSION)),
    ):  # fmt: skip
        try:
            yield
        finally:
            logging.captureWarnings(False)
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)


def _xsi() -> ModuleType:
    """A stand-in for FINN's RTL simulation, which FINN's builder compiles against Vivado when it is *imported*."""

    def missing(*_: Any, **__: Any) -> NoReturn:
        raise InputError("FINN's RTL simulation needs Vivado; set XILINX_VIVADO")

    module = ModuleType("finn.xsi", "Stand-in made by hwsv: no Vivado.")
    names = (
        "SimEngine",
        "locate_glbl",
        "compile_sim_obj",
        "load_sim_obj",
        "reset_rtlsim",
        "close_rtlsim",
        "rtlsim_multi_io",
    )
    for name in (*names, "get_simkernel_so", "is_available", "ensure_available"):
        setattr(module, name, missing)
    return module
