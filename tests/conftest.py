"""Models that several tests share, exported once a session; only their tests need torch and Brevitas."""

from pathlib import Path

import pytest


def _write(kind: str, folder: Path) -> Path:
    pytest.importorskip("brevitas")
    from tests import models

    return models.write(kind, folder / f"{kind}.onnx")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def conv_net(model_folder: Path) -> Path:
    """A plain 1-bit conv network with max pooling and a Linear, non-unit scales; fixed T."""
    return _write("conv_net", model_folder)


@pytest.fixture(scope="session")
def mlp(model_folder: Path) -> Path:
    """A 1-bit MLP on vectors, non-unit scales."""
    return _write("mlp", model_folder)


@pytest.fixture(scope="session")
def few_bits(model_folder: Path) -> Path:
    """Few-bit ReLU/PReLU/LeakyReLU, constant padding, kernels 1 to 7, strides; any T."""
    return _write("few_bits", model_folder)


@pytest.fixture(scope="session")
def residual(model_folder: Path) -> Path:
    """A small residual speaker network (mid-rise stream, StatsPool over time); any T."""
    return _write("residual", model_folder)
