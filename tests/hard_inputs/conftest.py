"""Commands as a user gives them, on a small network with audio that needs no torch; and how a refusal must look."""

from pathlib import Path

import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

from hwsv.cli import app
from tests.frontend.handmade import Net

MELS = 8


def speaker_net() -> onnx.ModelProto:
    """Features of 8 mels, two convolutions, statistics pooling, a Linear: any T."""
    net = Net(1, 1, "frames", MELS)
    x = net.quant("x", 1 / 16, 8)
    x = net.sign(net.affine(net.conv(x, 1, 4, pad=1), 4))
    x = net.quant(net.affine(net.conv(x, 4, 4, pad=1, bits=1), 4), 1.0, 4)
    pooled = net.node(
        "StatsPool", [x], domain="hwsv", over="time_freq", scale=1.0, mean_mult=1, mean_offset=-2,
        mean_thresholds=[-3, -1, 2, 4], dev_mult=1, dev_thresholds=[1, 4, 9],
    )  # fmt: skip
    flat = net.node("Flatten", [pooled], axis=1)
    model = net.model(net.node("MatMul", [flat, net.weights(8, 5, bits=3)]))
    # QONNX asks the operator for its shape before it knows the input's
    model.graph.value_info.append(helper.make_tensor_value_info(x, onnx.TensorProto.FLOAT, [1, 4, 200, MELS]))
    helper.set_model_props(model, {"hwsv.features": '{"n_mels": 8}'})
    return model


@pytest.fixture(scope="session")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `hwsv compile` makes of `speaker_net`."""
    folder = tmp_path_factory.mktemp("hard")
    onnx.save(speaker_net(), folder / "speaker.onnx")
    arguments = ["compile", folder / "speaker.onnx", "--board", "ulx3s-85f", "-o", folder / "design"]
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return folder / "design"


@pytest.fixture
def refused(tmp_path):
    """Run a command that must end in one line on stderr, exit code 2, and no change in `tmp_path`; gives the line."""

    def call(*arguments, code=2):
        before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == code, (result.output, result.exception)
        line = result.stderr
        assert line.startswith("hwsv: error: ") and line.count("\n") == 1 and line.strip().isprintable()
        assert "Traceback" not in line and "internal error" not in line and len(line) < 900
        assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before, "something was left behind"
        return line

    return call


@pytest.fixture
def accepted():
    """Run a command that must succeed; gives its stdout."""

    def call(*arguments):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return call
