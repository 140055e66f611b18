"""The command line as a user meets it, on one hand-made design."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwsv.cli import app
from hwsv.design import Design
from tests.verify import handmade

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def design(tmp_path_factory) -> Design:
    return handmade.make(tmp_path_factory.mktemp("cli") / "handmade")


@pytest.fixture
def run():
    """Run a command in this process: result with exit_code, stdout, stderr."""

    def call(*arguments):
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return call


@pytest.fixture
def spawn(tmp_path):
    """Run a command in a process of its own, in an empty folder."""

    def call(*arguments):
        command = [sys.executable, "-m", "hwsv", *(str(a) for a in arguments)]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env={"PYTHONPATH": str(ROOT)}
        )

    return call
