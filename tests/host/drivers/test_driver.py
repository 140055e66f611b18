"""The interface: registry, words, and refusal of another design."""

import dataclasses

import numpy as np
import pytest

from hwsv import datatypes
from hwsv.errors import InputError
from hwsv.flows.top import board_top
from hwsv.graph import INPUT, OUTPUT
from hwsv.host.drivers import driver as drivers
from hwsv.host.drivers.driver import BoardError, BoardInfo, Driver, RunResult, open_driver, registry
from hwsv.host.uart_protocol import Info
from tests.host.drivers import tiny


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    return tiny.make(tmp_path_factory.mktemp("driver") / "design")


@pytest.fixture
def dummy(monkeypatch):
    """A driver that answers what it is told to; a new kind of connection needs no more than a class."""

    class Dummy(Driver):
        scheme = "dummy"
        says: BoardInfo
        closed = 0

        def __init__(self, address, board, design, timeout_s):
            super().__init__(address, board, design, timeout_s)

        def info(self):
            return self.says

        def loopback(self, content):
            return content

        def reset(self):
            pass

        def run(self, features):
            return RunResult(self.embedding(bytes(16)), 0, 0)

        def status(self):
            return f"dummy at {self.address}"

        def close(self):
            Dummy.closed += 1

    yield Dummy
    drivers._REGISTRY.pop("dummy")
    registry.cache_clear()


def test_all_drivers_are_found(design):
    assert {"pynq", "sim", "uart"} <= set(registry())
    with pytest.raises(InputError, match=r"a time-out of 0 s"):
        open_driver("x", design.manifest.board, design, 0)
    with pytest.raises(InputError, match="cycles a bit"):
        open_driver("sim:x", design.manifest.board, design)


def test_what_a_board_says_is_what_its_top_was_given(design):
    assert BoardInfo.from_info(Info.decode(board_top(design).info)) == BoardInfo.of(design)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(BoardInfo)])
def test_another_design_is_refused_by_what_differs(design, dummy, name):
    registry.cache_clear()
    right = BoardInfo.of(design)
    other = "f" * 64 if name == "design_hash" else "9.9" if name == "hwsv_version" else getattr(right, name) + 1
    dummy.says = dataclasses.replace(right, **{name: other})
    if name in ("clock_hz", "hwsv_version"):  # these change no embedding
        open_driver("dummy:there", design.manifest.board, design).close()
        return
    with pytest.raises(BoardError, match="holds design ffffffffffff" if name == "design_hash" else name) as caught:
        open_driver("dummy:there", design.manifest.board, design)
    assert str(caught.value).startswith("dummy:there: ") and caught.value.dump == "dummy at there"
    assert dummy.closed == 1
    with open_driver("dummy:there", design.manifest.board, design, check_design=False) as found:
        assert found.info() == dummy.says


def test_words(design, dummy):
    """Against the streams' own definition: lane 0 lowest, two's complement, whole bytes a word."""
    found = dummy("", design.manifest.board, design, 1.0)
    features = np.arange(-20, 20).reshape(5, 8, 1)
    assert found.feature_words(features) == bytes(x & 0xFF for x in range(-20, 20))
    stream = design.graph.stream(OUTPUT)
    width = datatypes.bits(stream.dtype)
    assert stream.lanes == 1 and 8 < width < 16 and design.graph.stream(INPUT).lanes == 1
    low, high = datatypes.limits(stream.dtype)
    values = [low, high, -1, 0, 1, 2, 3, -2]
    raw = b"".join((x & (1 << width) - 1).to_bytes(2, "little") for x in values)
    assert found.embedding(raw).tolist() == values
    with pytest.raises(BoardError, match="15 bytes instead of 16"):
        found.embedding(raw[:-1])
