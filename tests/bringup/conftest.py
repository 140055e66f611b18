"""One small design with a simulated board for all tests of this folder; tests that damage it take a copy."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from hwsv.cli import app
from hwsv.cosim.board import SimulatedBoard
from hwsv.design import Design
from tests.verify import handmade

BOARD = "ulx3s-85f"


@pytest.fixture(scope="session")
def design(tmp_path_factory) -> Design:
    made = handmade.make(tmp_path_factory.mktemp("bringup") / "handmade")
    SimulatedBoard(made).build()
    return made


@pytest.fixture
def copy(design, tmp_path) -> Design:
    """The model that is built comes along."""
    shutil.copytree(design.folder, tmp_path / "copy")
    return Design.open(tmp_path / "copy")


@pytest.fixture
def bringup():
    """``hwsv bringup`` for the board of the fixture: its result."""

    def call(*arguments, board=BOARD):
        return CliRunner().invoke(app, ["bringup", "--board", board, *map(str, arguments)])

    return call


@pytest.fixture
def steps(bringup):
    """The same with --json: (exit code, its steps by name)."""

    def call(*arguments):
        done = bringup(*arguments, "--json")
        return done.exit_code, {step["name"]: step for step in json.loads(done.stdout)["steps"]}

    return call
