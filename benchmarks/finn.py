"""FINN beside hwsv, measured: ``python -m benchmarks.finn [MODEL.onnx]``. Prints the figures of docs/finn.md.

Every line is one run on this machine; a pass that stops says why. FINN's passes run in FINN's own order, on a model
whose floats are compared with those of the model as given (hwsv's passes: integers with the normalised model).
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import onnxruntime
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.util.cleanup import cleanup_model
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from hwsv.errors import HwsvError
from hwsv.finn.builder import ESTIMATE_STEPS, build, import_finn
from hwsv.finn.steps import HWSV_STEPS, BuildStep
from hwsv.frontend import import_model
from hwsv.frontend.execute import Executor, from_tfc
from tests.frontend.compare import features
from tests.frontend.handmade import Net

Row = tuple[str, str, str]


def main() -> None:
    """One table; `--builder` adds FINN's builder, which needs the packages of the extra ``finn``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", default=Path("training/zoo/nano.onnx"))
    parser.add_argument("--builder", action="store_true", help="also run FINN's builder on hwsv's steps")
    options = parser.parse_args()
    console = Console()
    console.print(describe())
    console.print(f"onnx {onnx.__version__} (IR {onnx.IR_VERSION}), onnxruntime {onnxruntime.__version__}")
    # loaded before anything is timed
    for module in ("qonnx.convert_qonnx_to_finn", "streamline", "fpgadataflow.convert_to_hw.conv_inp_gen"):
        import_finn(f"finn.transformation.{module}")
    if options.builder:
        import_finn("finn.builder.build_dataflow")
    with tempfile.TemporaryDirectory() as folder:
        block = _residual_block(Path(folder))
        parts: list[tuple[str, list[Callable[[Path, Path], list[Row]]], Path]] = [
            ("small models", [_fold_constants, _rounding, _padded_signs], block),
            *((path.name, [_hwsv, _finn, *([_builder] if options.builder else [])], path)
              for path in (block, options.model)),
        ]  # fmt: skip
        for title, functions, path in parts:
            table = Table("what", "clock / CPU", "result", title=f"hwsv and FINN: {title}")
            for function in functions:
                for row in function(path, Path(folder)):
                    table.add_row(*row)
            console.print(table)


def _attempt(function: Callable[[], str]) -> tuple[str, str]:
    """(seconds of the clock / of the processor, what it returned or why it stopped)."""
    started, busy = time.perf_counter(), time.process_time()
    try:
        detail = function()
    except (Exception, HwsvError) as error:  # whatever FINN raises is the result
        detail = f"stops: {type(error).__name__}: {' '.join(str(error).split())[:150]}"
    return f"{time.perf_counter() - started:.1f} s / {time.process_time() - busy:.1f} s", detail


def _kinds(model: ModelWrapper) -> str:
    counts = Counter(node.op_type for node in model.graph.node)
    return f"{sum(counts.values())} nodes: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common(9))


def _output(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return Executor(model).run({model.graph.input[0].name: x})[model.graph.output[0].name]


def _compared(found: np.ndarray, expected: np.ndarray) -> str:
    found = found.reshape(expected.shape)
    wrong = int((np.abs(found - expected) > 1e-3 * np.abs(expected).max()).sum())
    return f"{wrong} of {expected.size} outputs differ by more than 1e-3 of the largest"


def _fold_constants(_: Path, folder: Path) -> list[Row]:
    """QONNX's FoldConstants and execute_onnx make models of the installed onnx's newest version."""
    net = Net(1, 2, 8, 7)
    doubled = net.node("Add", [net.constant(1.0), net.constant(1.0)])
    path = net.save(folder, net.node("Mul", [net.quant("x"), doubled]))

    def fold() -> str:
        ModelWrapper(str(path)).transform(FoldConstants())
        return "works"

    return [("QONNX FoldConstants", *_attempt(fold))]


def _rounding(_: Path, folder: Path) -> list[Row]:
    """A 4-bit quantiser that rounds to nearest, one that rounds down, and a scaled sign, by FINN's conversion."""
    rows = []
    for mode in ("ROUND", "FLOOR", "scaled sign"):
        net = Net(1, 2, 16, 16)
        x = net.affine(net.conv(net.quant("x", 0.11, 5), 2, 8, pad=1), 8)
        path = net.save(folder, net.sign(x, 0.7) if mode == "scaled sign" else net.quant(x, 0.25, 4, mode))
        x = np.random.default_rng(0).normal(0, 1, (1, 2, 16, 16)).astype(np.float32)
        expected = _output(onnx.load(path), x)

        def convert(path: Path = path, x: np.ndarray = x, expected: np.ndarray = expected) -> str:
            model = cleanup_model(ModelWrapper(str(path))).transform(_finn_pass("qonnx.convert_qonnx_to_finn"))
            return _compared(_output(model.model, x), expected)

        with _readable():
            rows.append((f"ConvertQONNXtoFINN, {mode}", *_attempt(convert)))
    return rows


def _residual_block(folder: Path) -> Path:
    """A stem, a padded 1-bit convolution around which a stream of integers runs, and a last layer; all ROUND."""
    net = Net(1, 3, 24, 16)
    window = {"strides": [1, 1], "dilations": [1, 1], "group": 1}
    skip = net.quant(net.affine(net.conv(net.quant("x", 0.1, 5), 3, 16, pad=1, **window), 16), 0.25, 5)
    branch = net.affine(net.conv(net.sign(skip), 16, 16, pad=1, bits=1, **window), 16)
    x = net.node("Add", [skip, net.quant(branch, 0.25, 5)])
    path = net.save(folder, net.conv(net.quant(x, 0.25, 6), 16, 4, bits=1, **window))
    return path.rename(folder / "residual-block.onnx")


def _padded_signs(_: Path, folder: Path) -> list[Row]:
    """A zero-padded convolution of signs: FINN's conversion, and the same after hwsv's steps."""
    net = Net(1, 2, 8, 7)
    window = {"strides": [1, 1], "dilations": [1, 1], "group": 1}
    signs = net.sign(net.conv(net.quant("x", 0.11, 5), 2, 5, **window))
    path = net.save(folder, net.conv(signs, 5, 3, pad=1, bits=1, **window))
    convert = "fpgadataflow.convert_to_hw.conv_inp_gen"

    def finn() -> str:
        model = cleanup_model(ModelWrapper(str(path))).transform(_finn_pass("qonnx.convert_qonnx_to_finn"))
        model = model.transform(LowerConvsToMatMul())
        return _kinds(model.transform(_finn_pass(convert, "InferConvInpGen")))

    def hwsv() -> str:
        model = ModelWrapper(str(path))
        for step in HWSV_STEPS:
            model = step(model, None)
        return _kinds(model.transform(LowerConvsToMatMul()).transform(_finn_pass(convert, "InferConvInpGen")))

    with _readable():
        return [("InferConvInpGen, padded signs", *_attempt(finn)), ("… after hwsv's steps", *_attempt(hwsv))]


def _hwsv(path: Path, folder: Path) -> list[Row]:
    import_model(path)  # numba and onnxruntime warm up
    rows = [("hwsv import_model", *_attempt(lambda: f"{len(list(import_model(path).graph))} units"))]
    imported = import_model(path)
    x = from_tfc(features(imported, imported.input.frames_example), len(imported.input.onnx_shape))

    def steps() -> str:
        model = ModelWrapper(str(path))
        for step in HWSV_STEPS:
            model = step(model, None)
        found, expected = _output(model.model, x), _output(imported.normalised, x)
        return f"{_kinds(model)}; {int((found != expected).sum())} of {expected.size} outputs differ at all"

    return [*rows, ("hwsv's three steps", *_attempt(steps))]


def _finn(path: Path, folder: Path) -> list[Row]:
    """FINN's way to the same: clean-up, conversion, streamlining."""
    imported = import_model(path)
    integers = from_tfc(features(imported, imported.input.frames_example), len(imported.input.onnx_shape))
    x = integers * np.float32(imported.input.scale)
    expected = _output(onnx.load(path), x)
    model = ModelWrapper(str(path))
    rows = []

    def then(name: str, function: Callable[[ModelWrapper], ModelWrapper]) -> None:
        def run() -> str:
            nonlocal model
            model = function(model)
            return _kinds(model)

        seconds, kinds = _attempt(run)
        same = _attempt(lambda: _compared(_output(model.model, x), expected))[1]
        rows.append((name, seconds, kinds if kinds.startswith("stops") else f"{kinds}; then {same}"))

    with _readable():
        then("QONNX cleanup_model", cleanup_model)
        then("FINN ConvertQONNXtoFINN", lambda m: m.transform(_finn_pass("qonnx.convert_qonnx_to_finn")))
        then("FINN Streamline", lambda m: m.transform(_finn_pass("streamline", "Streamline")))
        then("QONNX LowerConvsToMatMul", lambda m: m.transform(LowerConvsToMatMul()))
        then("ConvertBipolarMatMulToXnorPopcount", lambda m: m.transform(ConvertBipolarMatMulToXnorPopcount()))
    return rows


def _builder(path: Path, folder: Path) -> list[Row]:
    """FINN's builder with FINN's own steps, and with hwsv's in front, as far as each goes."""
    imported = import_model(path)
    integers = from_tfc(features(imported, imported.input.frames_example), len(imported.input.onnx_shape))
    to_hw = ESTIMATE_STEPS[: ESTIMATE_STEPS.index("step_convert_to_hw") + 1]
    own = ("step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw")
    references = {
        "FINN's": (own, onnx.load(path), integers * np.float32(imported.input.scale)),
        "hwsv's": (to_hw, imported.normalised, integers),
    }
    rows = []
    for whose, (steps, reference, x) in references.items():
        model: ModelWrapper | None = None

        def run(steps: Sequence[BuildStep | str] = steps, whose: str = whose) -> str:
            nonlocal model
            model = build(path, folder / path.stem / whose[:4], steps)
            return _kinds(model)

        seconds, kinds = _attempt(run)
        if model is not None:
            done, expected = model, _output(reference, x)
            kinds += f"; then {_attempt(lambda m=done, x=x, y=expected: _compared(_executed(m, x), y))[1]}"  # type: ignore[misc]
        rows.append((f"builder to step_convert_to_hw, {whose} steps", seconds, kinds))
    estimates = _attempt(lambda: _kinds(build(path, folder / path.stem / "all")))
    return [*rows, ("builder to the estimates, hwsv's steps", *estimates)]


def _executed(model: ModelWrapper, x: np.ndarray) -> np.ndarray:
    """The output of a model with FINN's nodes, by FINN's own Python."""
    with _readable():
        return execute_onnx(model, {model.graph.input[0].name: x})[model.graph.output[0].name]


def _finn_pass(module: str, name: str = "ConvertQONNXtoFINN") -> object:
    return getattr(import_finn(f"finn.transformation.{module}"), name)()


def _readable() -> mock._patch:
    """QONNX makes models that onnxruntime reads; without this, every pass that executes a node may stop."""
    return mock.patch.object(onnx, "IR_VERSION", min(onnx.IR_VERSION, 10))


if __name__ == "__main__":
    main()
