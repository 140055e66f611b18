"""What runs on a PYNQ board: driver, self-test and server, on models of the shell's registers and of the DMA."""

import ast
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from hwsv.errors import HwsvError
from hwsv.flows.axi_top import axi_top
from hwsv.flows.vivado.overlay import MODULES, word_bytes
from hwsv.flows.vivado.project import write_projects
from hwsv.graph import INPUT, OUTPUT
from hwsv.host.axi_registers import ErrorCode, Status
from hwsv.host.onboard import accelerator as onboard
from hwsv.host.onboard.accelerator import Accelerator, AcceleratorError
from hwsv.host.onboard.selftest import selftest
from hwsv.host.onboard.server import Server, Session
from hwsv.host.uart_protocol import MAX_PAYLOAD, REPLY, Frame, Info, Kind, requests
from hwsv.host.uart_protocol import ErrorCode as UartError
from hwsv.verify.inputs import random_features
from tests.flows.designs import FRAMES, make
from tests.host.onboard.pynq_model import Board, addresses


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    return make(tmp_path_factory.mktemp("onboard") / "design", "pynq-z2")


@pytest.fixture
def overlay(design, tmp_path) -> Path:
    """The package, with what Vivado makes: here empty, but for the timing."""
    folder = shutil.copytree(write_projects(design)[0].folder / "overlay", tmp_path / "overlay")
    name = json.loads((folder / "overlay.json").read_text())["design"]
    (folder / f"{name}.bit").write_bytes(b"")
    (folder / f"{name}.hwh").write_bytes(b"")
    (folder / "timing.json").write_text('{"period_ns": 10.0}')
    return folder


@pytest.fixture
def board(design, overlay, monkeypatch) -> Board:
    monkeypatch.setattr(onboard, "PATIENCE_S", 0.05)
    facts = json.loads((overlay / "overlay.json").read_text())
    return Board(axi_top(design).info, addresses(overlay), length_bits=facts["dma_length_bits"])


def vectors(design, count: int) -> list[tuple[bytes, int, bytes]]:
    """(features, frames, embedding) of seeded utterances."""
    found = []
    for values in random_features(design, count):
        golden = design.graph.golden(values)[OUTPUT]
        features = word_bytes(design.graph.stream(INPUT), values).tobytes()
        found.append((features, len(values), word_bytes(design.graph.stream(OUTPUT), golden).tobytes()))
    return found


def test_selftest_passes_and_sets_the_clock(overlay, board, capsys):
    assert selftest(overlay, board)
    assert board.Clocks.fclk0_mhz == 100
    out = capsys.readouterr().out
    assert out.count("equal") == 3 and "embeddings of" in out


def test_selftest_sees_one_wrong_bit(overlay, board, capsys):
    right = board._golden
    board.shell.answer = lambda features, frames: bytes([right(features, frames)[0] ^ 1]) + right(features, frames)[1:]
    assert not selftest(overlay, board)
    assert capsys.readouterr().out.count("DIFFERENT") == 3


def test_utterances_of_all_lengths(design, overlay, board):
    known = {features: embedding for features, _, embedding in vectors(design, 6)}
    board.shell.answer = lambda features, frames: known[features]
    accelerator = Accelerator(overlay, board)
    for features, frames, embedding in vectors(design, 6):
        result = accelerator.run(features, frames)
        assert (result.words, result.frames) == (embedding, frames)
    with pytest.raises(AcceleratorError, match="2 frames: this design takes 3 to"):
        accelerator.run(b"", 2)
    with pytest.raises(AcceleratorError, match="7 bytes are not 3 frames"):
        accelerator.run(bytes(7), 3)


def fail_shell(board):
    board.shell.take = lambda packet: board.shell.fail(ErrorCode.CORE_TIMEOUT)


def hang(board):
    board.shell.hang = True


def mix_up(board):
    board.shell.mix_up = True


def too_long(board):
    right = board.shell.answer
    board.shell.answer = lambda features, frames: right(features, frames) + bytes(64)


def too_short(board):
    right = board.shell.answer
    board.shell.answer = lambda features, frames: right(features, frames)[4:]


@pytest.mark.parametrize(
    "fault, message",
    [
        (too_short, "bytes came instead of the"),
        (fail_shell, "no embedding came: CORE_TIMEOUT"),
        (hang, "nothing has moved for"),
        (mix_up, "an embedding of another utterance came"),
        (too_long, "DMA error, status 0x11"),
    ],
)
def test_a_run_that_fails_says_why_and_the_next_one_works(overlay, board, fault, message):
    accelerator = Accelerator(overlay, board)
    golden = np.load(overlay / "golden.npz")
    features, frames = golden["features_0"].tobytes(), int(golden["frames"][0])
    kept = dict(vars(board.shell))
    fault(board)
    with pytest.raises(AcceleratorError, match=message) as error:
        accelerator.run(features, frames)
    assert "STATUS" in error.value.dump and "DMA S2MM status" in error.value.dump
    vars(board.shell).pop("take", None)
    vars(board.shell).update({name: kept[name] for name in ("hang", "mix_up", "answer")})
    assert accelerator.run(features, frames).words == golden["embedding_0"].tobytes()


def test_what_an_earlier_run_left_is_dropped(overlay, board):
    board.shell.out.append(bytes(100))
    board.shell.registers["STATUS"] |= Status.BUSY
    golden = np.load(overlay / "golden.npz")
    accelerator = Accelerator(overlay, board)
    assert not board.shell.out
    found = accelerator.run(golden["features_1"].tobytes(), int(golden["frames"][1]))
    assert found.words == golden["embedding_1"].tobytes()


def other_design(board, overlay):
    board.shell.info = Info(**asdict(board.info) | {"design_hash": "cd" * 32})


def other_core(board, overlay):
    board.shell.registers["IDENTITY"] = 0


def moved(board, overlay):
    board.addresses["dma"] = (0x4041_0000, 2**16)


def absent(board, overlay):
    del board.addresses["accelerator"]


def fast(board, overlay):
    board.Clocks = type("Stuck", (), {"fclk0_mhz": property(lambda self: 125.0, lambda self, mhz: None)})()


def high(board, overlay):
    board.base = 0x2000_0000 - 16


def no_bitstream(board, overlay):
    next(overlay.glob("*.hwh")).unlink()


@pytest.mark.parametrize(
    "fault, message",
    [
        (other_design, "holds design cdcdcdcdcdcd, this folder is for abababababab"),
        (other_core, "not an AXI shell of hwsv"),
        (moved, "has 'dma' at 0x40410000, this folder expects it at 0x40400000"),
        (absent, "has 'accelerator' missing"),
        (fast, "the clock is 125 MHz, the design was timed for 100 MHz"),
        (high, "beyond the 512 MiB that the DMA reaches"),
        (no_bitstream, ".hwh is missing: Vivado makes it"),
    ],
)
def test_a_board_that_does_not_fit_is_refused(overlay, board, fault, message):
    fault(board, overlay)
    with pytest.raises(AcceleratorError, match=message):
        Accelerator(overlay, board)


# the server


class Core:
    """Computes by the golden model."""

    def __init__(self, design) -> None:
        self.info, self.resets = axi_top(design).info, 0
        self.known = {features: embedding for features, _, embedding in vectors(design, 4)}

    def reset(self) -> None:
        self.resets += 1

    def run(self, features: bytes, frames: int):
        if features not in self.known:
            raise AcceleratorError("no embedding came", "dump")
        return onboard.AxiResult(frames, 1, 1234, 56, self.known[features])


def ask(session: Session, *frames: Frame) -> list[Frame]:
    return [answer for frame in frames for answer in session.answer(frame)]


def test_a_session_answers_as_the_hardware_does(design, capsys):
    core = Core(design)
    session, info = Session(core), core.info
    assert ask(session, Frame(Kind.LOOPBACK, 7, b"abc")) == [Frame(Kind.LOOPBACK + REPLY, 7, b"abc")]
    (answer,) = ask(session, Frame(Kind.INFO, 8))
    assert Info.decode(answer.payload).design_hash == info.design_hash
    features, frames, embedding = vectors(design, 1)[0]
    found = ask(session, *requests(features, frames, info.feature_bytes, 250))
    assert [f.kind for f in found[:-1]] == [Kind.BEGIN + REPLY] + [Kind.FEATURES + REPLY] * (len(found) - 2)
    assert (found[-1].kind, found[-1].sequence) == (Kind.RESULT, found[-2].sequence)
    assert found[-1].payload == (1234).to_bytes(4, "little") + (56).to_bytes(4, "little") + embedding
    assert ask(session, Frame(Kind.RESET, 1)) == [Frame(Kind.RESET + REPLY, 1)] and core.resets == 1

    def code(*frames: Frame) -> int:
        answer = ask(session, *frames)[-1]
        assert answer.kind == Kind.ERROR and answer.payload[1] == frames[-1].kind
        return answer.payload[0]

    word, begin = bytes(info.feature_bytes), Frame(Kind.BEGIN, 1, (3).to_bytes(2, "little"))
    assert code(Frame(Kind.FEATURES, 1, word)) == UartError.NO_RUN
    assert code(Frame(9, 1)) == UartError.BAD_TYPE
    assert code(Frame(Kind.INFO, 1, b"x")) == code(Frame(Kind.BEGIN, 1, b"x")) == UartError.BAD_LENGTH
    assert code(Frame(Kind.BEGIN, 1, bytes(2))) == UartError.BAD_FRAMES
    assert code(begin, Frame(Kind.FEATURES, 2, b"")) == UartError.BAD_LENGTH
    assert code(begin, Frame(Kind.FEATURES, 3, word)) == UartError.BAD_SEQUENCE
    assert code(begin, Frame(Kind.FEATURES, 2, word * 200)) == UartError.TOO_MANY
    again = [begin, Frame(Kind.FEATURES, 2, word), Frame(Kind.FEATURES, 2, word)]
    assert [f.kind for f in ask(session, *again)][1:] == [Kind.FEATURES + REPLY] * 2
    assert code(begin, Frame(Kind.FEATURES, 2, word * 3 * info.frame_words)) == UartError.TIMED_OUT
    assert capsys.readouterr().err == "no embedding came\ndump\n"
    assert ask(session, Frame(Kind.LOOPBACK, 1, bytes(MAX_PAYLOAD + 1))) == []


@pytest.fixture
def served(design):
    core = Core(design)
    with Server(core, ("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield core, f"socket://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_the_uart_driver_runs_on_the_server(design, served):
    pytest.importorskip("serial")
    from hwsv.host.drivers.driver import open_driver

    _, port = served
    with open_driver(port, design.manifest.board, design) as driver:
        assert driver.info().design_hash == design.manifest.hash
        assert driver.loopback(bytes(range(256))) == bytes(range(256))
        for values in random_features(design, 4):
            found = driver.run(values)
            assert np.array_equal(found.embedding, design.graph.golden(values)[OUTPUT].reshape(-1))
            assert (found.cycles_total, found.cycles_tail) == (1234, 56)
        with pytest.raises(HwsvError):
            driver.run(np.zeros((FRAMES, 4), np.int8))  # an utterance that the core does not know: it fails


def test_a_second_client_is_told_and_the_first_goes_on(design, served):
    pytest.importorskip("serial")
    from hwsv.host.drivers.driver import BoardError, open_driver

    _, port = served
    board = design.manifest.board
    with open_driver(port, board, design) as first:
        with pytest.raises(BoardError):
            open_driver(port, board, design)
        assert first.loopback(b"still here") == b"still here"
    with open_driver(port, board, design) as second:
        assert second.loopback(b"now") == b"now"


# the package


def test_modules_of_the_package_need_python_3_10_and_nothing_else_of_hwsv():
    root = Path(onboard.__file__).parents[2]
    known = {"hwsv." + module.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for module in MODULES}
    for module in MODULES:
        tree = ast.parse((root / module).read_text(), feature_version=(3, 10))
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                first = name.split(".")[0]
                assert first in sys.stdlib_module_names | {"numpy", "pynq"} or name in known | {"hwsv.host"}, (
                    module,
                    name,
                )


def test_the_package_runs_by_itself(design, overlay, tmp_path):
    """As on the board: its own folder, its own hwsv, a module called pynq."""
    modules = tmp_path / "modules"
    modules.mkdir()
    shutil.copyfile(Path(__file__).with_name("pynq_model.py"), modules / "pynq_model.py")
    (modules / "pynq.py").write_text(
        "import sys\nfrom hwsv.host.uart_protocol import Info\nfrom pynq_model import Board\n"
        f"sys.modules['pynq'] = Board(Info(**{asdict(axi_top(design).info)!r}), {addresses(overlay)!r})\n"
    )
    python = os.environ.get("HWSV_PYTHON_3_10", sys.executable)
    found = subprocess.run(
        [python, "-m", "hwsv.host.onboard.selftest", "."], cwd=overlay, capture_output=True, text=True,
        env={"PYTHONPATH": str(modules), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert found.stdout.endswith("all embeddings are as computed by hwsv\n")
    found = subprocess.run(["bash", "-n", overlay / "run.sh"], capture_output=True, text=True)
    assert found.returncode == 0 and os.access(overlay / "run.sh", os.X_OK)
