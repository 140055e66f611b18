"""The simulated board as a thing on the desk: port, reset button, plug, and what is left of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial

from hwsv.cosim.board import TIMEOUT_S, SimulatedBoard
from hwsv.design import Design
from hwsv.embed import embed
from hwsv.errors import CheckFailed, InputError
from hwsv.host.drivers.driver import BoardError, open_driver
from hwsv.host.uart_protocol import Decoder, Frame, Kind
from tests.verify import handmade

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def design(tmp_path_factory) -> Design:
    made = handmade.make(tmp_path_factory.mktemp("board") / "handmade")
    SimulatedBoard(made).build()
    return made


@pytest.fixture
def board(design):
    with SimulatedBoard(design) as found:
        yield found


def wait(until, seconds=20.0):
    """Until it is so, or not in time."""
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    return until()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ask(port: serial.Serial, frame: Frame) -> Frame | None:
    """The next frame after `frame` was sent."""
    decoder = Decoder()
    port.write(frame.encode())
    while byte := port.read(1):
        for found in decoder.feed(byte):
            return found
    return None


def test_frames_over_the_pins(board):
    """Straight to the port, without the driver."""
    with serial.Serial(board.port, timeout=TIMEOUT_S) as port:
        content = bytes(range(120, 130))
        assert ask(port, Frame(Kind.LOOPBACK, 7, content)) == Frame(0x82, 7, content)
        port.write(b"\x7e\x12\x34noise")
        assert ask(port, Frame(Kind.LOOPBACK, 8, content)) == Frame(0x82, 8, content)


def test_the_clock_stands_still_while_nothing_happens(board):
    pid = board._process.pid

    def ticks() -> list[str]:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]

    with serial.Serial(board.port, timeout=TIMEOUT_S) as port:
        assert ask(port, Frame(Kind.INFO, 1))
    state = lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]  # noqa: E731
    assert wait(lambda: state() == "S")
    before = ticks()
    time.sleep(0.3)
    assert ticks() == before and state() == "S"


def test_the_reset_button_ends_a_run(board, design):
    with serial.Serial(board.port, timeout=TIMEOUT_S) as port:
        assert ask(port, Frame(Kind.BEGIN, 1, b"\x14\x00")) == Frame(0x84, 1)
        board.press_reset()
        chunk = Frame(Kind.FEATURES, 2, bytes(8))
        refused = None
        for _ in range(5):  # bytes during the reset are lost
            port.timeout = 2
            refused = ask(port, chunk)
            if refused:
                break
        assert refused and (refused.kind, refused.payload[0]) == (Kind.ERROR, 3), "FEATURES without a run"


def test_unplugged(design):
    board = SimulatedBoard(design)
    board.start()
    pid, name = board._process.pid, board.port
    with open_driver(name, design.manifest.board, design, TIMEOUT_S) as driver:
        board.unplug()
        with pytest.raises(BoardError, match="gone"):
            driver.info()
    assert not alive(pid) and not Path(name).exists() and board.port == ""
    board.unplug()  # nothing happens
    board.start()  # plugged in again
    x = handmade_input(design)
    with board, open_driver(board.port, design.manifest.board, design, TIMEOUT_S) as driver:
        assert (driver.run(x).embedding == embed(design, [x])[0]).all()


def handmade_input(design):
    from hwsv.verify.inputs import random_features

    return random_features(design, 1)[0]


def test_nothing_is_left_when_its_owner_is_killed(design):
    script = (
        "import sys, time; from hwsv.design import Design; from hwsv.cosim.board import SimulatedBoard\n"
        "board = SimulatedBoard(Design.open(sys.argv[1])); board.start()\n"
        "print(board._process.pid, flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script, design.folder], stdout=subprocess.PIPE, text=True, env=environment
    ) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)
        assert wait(lambda: not alive(pid))


def test_a_memory_that_is_missing(design, tmp_path):
    """Verilator only warns; the board does not start."""
    moved = design.folder / "mem"
    kept = moved.rename(tmp_path / "mem")
    try:
        with pytest.raises(CheckFailed, match=r"does not start: .*\.mem"):
            SimulatedBoard(design).start()
    finally:
        kept.rename(moved)


def test_a_board_without_a_button(design):
    board = design.manifest.board.model_copy(
        update={"pins": design.manifest.board.pins.model_copy(update={"reset": None})}
    )
    other = Design(design.folder, design.manifest.model_copy(update={"board": board}))
    with pytest.raises(InputError, match="has no reset button"):
        SimulatedBoard(other).press_reset()
