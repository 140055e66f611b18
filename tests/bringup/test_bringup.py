"""``hwsv bringup`` on a simulated board: that it passes, and that it fails where it must."""

import json
import os
import pty
import re

import pytest

from hwsv.bringup.steps import STEPS, Bench
from hwsv.bringup.tail import uart_tail
from hwsv.cosim.board import DIVISOR, TIMEOUT_S, SimulatedBoard
from hwsv.design import MANIFEST
from hwsv.verify.inputs import demo_audio, random_features
from tests.flows import designs
from tests.verify import mutation

NAMES = ["program", "identify", "loopback", "golden", "throughput", "voices"]


def statuses(steps) -> list[str]:
    assert list(steps) == NAMES
    return [step["status"] for step in steps.values()]


def test_it_passes(design, bringup):
    done = bringup(design.folder, "--sim")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [[n, "ok" if n != "program" else "skipped"] for n in NAMES]
    assert "all 30 integers equal the emulator's" in lines[3] and "simulator's in 5 of 5" in lines[3]
    page = (design.folder / "bringup-simulated.md").read_text()
    report = json.loads((design.folder / "bringup-simulated.json").read_text())
    assert page.startswith("# Bring-up of handmade on ulx3s-85f (simulated)\n\nSIMULATED: ")
    assert report["passed"] and report["simulated"] and report["design_hash"] == design.manifest.hash
    found = {step["name"]: step for step in report["steps"]}
    for name, step in found.items():
        assert step["message"] in page or name == "program"
    tails = found["golden"]["facts"]["cycles_tail"]
    frames = [len(x) for x in random_features(design, 2)]
    assert [tails[f"random_{i}"] for i in range(2)] == [uart_tail(design, n, DIVISOR) for n in frames]
    assert not (design.folder / "bringup.md").exists(), "that name is for a board"


def test_a_weight_bit(copy, steps):
    """A bit flipped in a memory of the board; the emulator's weights are in another file."""
    mutation.flip_memory_bit(copy.memory_path(copy.graph.nodes[-1], "weights"))
    code, found = steps(copy.folder, "--sim")
    assert code == 1
    assert statuses(found) == ["skipped", "ok", "ok", "failed", "not run", "not run"]
    assert re.search(
        r"of 6 integers of the embedding differ.*expected, -?\d+ from the board", found["golden"]["message"]
    )
    assert any("hwsv verify" in advice for advice in found["golden"]["tries"])


def test_a_register_more(copy, bringup):
    """The right embedding a cycle late."""
    path = copy.folder / "rtl" / "handmade.sv"
    last = r"\.LATENCY\(1\)(,\s+\.BLOCK\(0\)[^;]*\) embedding_fifo)"
    text, count = re.subn(last, r".LATENCY(2)\1", path.read_text())
    assert count == 1
    path.write_text(text)
    done = bringup(copy.folder, "--sim", "--utterances", 0)
    assert done.exit_code == 1
    late = re.search(r"'golden': 1_low_voice: .* but came ([\d,]+) cycles .* says ([\d,]+)", done.stderr)
    assert late and int(late[1].replace(",", "")) == int(late[2].replace(",", "")) + 1, done.stderr
    assert "simulate" in next(line for line in done.stdout.splitlines() if line.startswith("    try: "))


def test_another_design_on_the_board(design, copy, steps):
    manifest = json.loads((copy.folder / MANIFEST).read_text()) | {"hash": "5" * 64}
    (copy.folder / MANIFEST).write_text(json.dumps(manifest))
    with SimulatedBoard(design) as board:
        code, found = steps(copy.folder, "--port", board.port, "--no-program", "--timeout", 20)
    assert code == 1
    assert statuses(found) == ["skipped", "failed", *["not run"] * 4]
    assert "000000000000" in found["identify"]["message"] and "555555555555" in found["identify"]["message"]
    assert "without --no-program" in found["identify"]["tries"][0]
    assert json.loads((copy.folder / "bringup.json").read_text())["simulated"] is False


def test_nobody_answers(design, copy, steps):
    """A line with nothing at its other end."""
    ours, theirs = pty.openpty()
    try:
        code, found = steps(copy.folder, "--port", os.ttyname(theirs), "--no-program", "--timeout", 0.05)
    finally:
        os.close(ours)
        os.close(theirs)
    assert code == 1 and found["identify"]["status"] == "failed"
    assert any("LED 0" in advice for advice in found["identify"]["tries"])
    assert "sent" in found["identify"]["dump"], "what the driver remembers is shown"


def test_own_recordings(design):
    recordings = demo_audio()
    bench = Bench(design, "sim", DIVISOR, TIMEOUT_S, simulated=True, wavs=[recordings[0], recordings[0]])
    found = STEPS["voices"](bench)
    assert found.facts["scores"] == {recordings[0].stem: pytest.approx(1)} and "no decision" in found.message


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--port", "/dev/no-such-port"], r"/dev/no-such-port: no such port; serial ports here: "),
        ([], "give either --port PORT .* or --sim"),
        (["--port", "/dev/null", "--sim"], "give either --port PORT .* or --sim"),
        (["--sim", "--wav", "one.wav"], "one.wav: no such file"),
        (["--sim", "--timeout", "0"], "--timeout"),
    ],
)
def test_bad_input(design, bringup, arguments, message):
    done = bringup(design.folder, *arguments)
    assert done.exit_code == 2 and re.search(message, done.stderr), done.stderr
    assert done.stdout == ""


def test_a_design_of_another_board(design, bringup, tmp_path):
    done = bringup(design.folder, "--sim", board="tang-nano-20k")
    assert done.exit_code == 2 and "was compiled for ulx3s-85f, not for tang-nano-20k" in done.stderr
    done = bringup(tmp_path, "--sim")
    assert done.exit_code == 2 and "not a design" in done.stderr


def test_cycles_that_depend_on_the_host_are_not_told(design, tmp_path):
    """Where chunks come so near to each other that the accelerator is still busy with the one before."""
    assert uart_tail(design, 40, DIVISOR) == uart_tail(design, 40, 1000) is not None
    slow = designs.make(tmp_path / "slow")
    assert uart_tail(slow, 63, DIVISOR) is not None and uart_tail(slow, 63, 1) is None
