"""Written projects, each design compiled once."""

import shutil
from pathlib import Path

import pytest

from hwsv.flows.vivado.project import Project, write_projects
from tests.flows.vivado.projects import compiled


@pytest.fixture(scope="package")
def written(tmp_path_factory):
    """Projects as written, by board and back-end; made once."""
    made: dict[str, list[Project]] = {}

    def get(board: str, backend: str) -> Project:
        if board not in made:
            made[board] = write_projects(compiled(tmp_path_factory.mktemp(board) / "design", board))
        return next(project for project in made[board] if project.backend == backend)

    return get


@pytest.fixture
def project(written, tmp_path):
    """A copy of a project in a folder of its own, as on another machine."""

    def copy(board: str, backend: str) -> Path:
        return shutil.copytree(written(board, backend).folder, tmp_path / "project")

    return copy
