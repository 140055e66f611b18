"""One hand-made design for all tests of this folder; tests that damage it take a copy."""

import shutil

import pytest

from hwsv.design import Design
from tests.verify import handmade


@pytest.fixture(scope="session")
def design(tmp_path_factory) -> Design:
    return handmade.make(tmp_path_factory.mktemp("design") / "handmade")


@pytest.fixture
def copy(design, tmp_path) -> Design:
    shutil.copytree(design.folder, tmp_path / "copy")
    return Design.open(tmp_path / "copy")
