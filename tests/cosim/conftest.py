"""One small design with RTL for all tests of this folder; tests that damage it take a copy."""

import shutil

import pytest

from hwsv.design import Design
from hwsv.verify import inputs
from tests.verify import handmade


@pytest.fixture(scope="session")
def design(tmp_path_factory) -> Design:
    return handmade.make(tmp_path_factory.mktemp("cosim") / "handmade")


@pytest.fixture
def copy(design, tmp_path) -> Design:
    """Builds that are there come along: what is unchanged is not built again."""
    shutil.copytree(design.folder, tmp_path / "copy")
    return Design.open(tmp_path / "copy")


@pytest.fixture(scope="session")
def utterances(design):
    return [x[:12] for x in inputs.random_features(design, 3, seed=5)]
