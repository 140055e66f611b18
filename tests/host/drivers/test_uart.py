"""The UART driver on the simulated board, and where there is none."""

import os
import pty
import threading
import time
import tty

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.host.drivers import uart
from hwsv.host.drivers.driver import BoardError, BoardInfo, open_driver
from hwsv.host.uart_protocol import Kind
from hwsv.simulator import timing
from tests.host.drivers.faults import TIMEOUT_S
from tests.host.drivers.injector import Injector, by_frame


@pytest.fixture
def driver(bench):
    with open_driver(bench.board.port, bench.design.manifest.board, bench.design, timeout_s=5) as found:
        yield found


def test_info_loopback_reset(bench, driver):
    assert driver.info() == BoardInfo.of(bench.design)
    content = bytes(range(256)) * 3
    assert driver.loopback(content) == content
    assert driver.loopback(b"") == b""
    driver.reset()
    assert driver.counters.troubles == 0


@pytest.mark.parametrize("frames", [1, 31, 32, 200])
def test_embedding_and_cycles(bench, driver, frames):
    """Frames of 8 bytes: 31 fill one FEATURES."""
    features = np.frombuffer(bench.rng.randbytes(8 * frames), np.int8).reshape(frames, 8)
    found = driver.run(features)
    assert found.embedding.dtype == np.int64
    np.testing.assert_array_equal(found.embedding, bench.golden(features))
    assert 0 < found.cycles_tail <= found.cycles_total
    assert found.cycles_tail <= timing.run(bench.design.graph, [frames]).cycles


def test_features_that_do_not_fit_are_refused_before_anything_is_sent(driver):
    sent = driver.counters.sent_frames
    with pytest.raises(InputError, match=r"features must be \[T, 8, 1\]"):
        driver.run(np.zeros((5, 7), np.int8))
    assert driver.counters.sent_frames == sent


def test_the_dump_shows_what_happened(driver):
    driver.loopback(b"abc")
    dump = driver.status()
    assert "1000000 baud" in dump and "requests repeated 0" in dump and "damaged frames received 0" in dump
    assert dump.splitlines()[-1].endswith("3 bytes") and "answer to LOOPBACK" in dump


def test_a_late_embedding_is_not_taken_for_that_of_the_next_run(bench, monkeypatch):
    """RESULT is held back until the driver has given up; then the next run starts with the same sequence number."""
    held = threading.Event()

    def hold(frame: bytes) -> tuple[float, bytes]:
        if frame[0] == Kind.RESULT and not held.is_set():
            held.set()
            return 4 * TIMEOUT_S, frame
        return 0.0, frame

    first, second = np.zeros((20, 8), np.int8), np.full((20, 8), 77, np.int8)
    assert (bench.golden(first) != bench.golden(second)).any()
    with (
        Injector(bench.board.port, to_host=by_frame(hold)) as line,
        open_driver(line.port, bench.design.manifest.board, bench.design, TIMEOUT_S) as driver,
    ):
        monkeypatch.setattr(uart, "ATTEMPTS", 1)
        before = driver._sequence
        with pytest.raises(BoardError, match="no embedding in 1 attempts; the last one ended with no RESULT"):
            driver.run(first)
        assert held.is_set()
        monkeypatch.undo()
        driver._sequence = before
        np.testing.assert_array_equal(driver.run(second).embedding, bench.golden(second))
        assert driver.counters.stale


def test_ports_that_are_none(bench, tmp_path):
    def message(port: str) -> str:
        with pytest.raises(BoardError) as caught:
            open_driver(port, bench.design.manifest.board, bench.design, TIMEOUT_S)
        assert "\n" not in str(caught.value) and str(caught.value).startswith(port)
        return str(caught.value)

    assert "no such port; serial ports here:" in message(str(tmp_path / "nothing"))
    assert "cannot be opened as a serial port" in message(str(tmp_path))
    assert "cannot be opened as a serial port" in message("/dev/null")
    assert "cannot be opened as a serial port" in message("socket://127.0.0.1:1")


def test_something_else_at_the_other_end(bench):
    """Bytes that are no frames: the message asks for the baud rate. Nothing: it asks for the board."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    stop = threading.Event()

    def babble() -> None:
        while not stop.is_set():
            os.write(ours, b"U-Boot 2024.01\r\n~~")
            time.sleep(0.01)

    thread = threading.Thread(target=babble)
    thread.start()
    try:
        with pytest.raises(BoardError, match="bytes came, but no whole frame: another device, or another baud rate"):
            open_driver(os.ttyname(theirs), bench.design.manifest.board, bench.design, 0.05)
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


def test_an_end_that_takes_no_bytes(bench):
    """The port's buffer fills up: an error, not a hang."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(theirs, False)
    try:
        while True:
            os.write(theirs, bytes(1024))
    except BlockingIOError:
        pass
    with pytest.raises(BoardError, match="takes no bytes"):
        open_driver(os.ttyname(theirs), bench.design.manifest.board, bench.design, 0.05)
    os.close(ours)
    os.close(theirs)
