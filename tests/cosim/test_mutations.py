"""What a check is worth: RTL that is wrong in one place is caught, and the place is named."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from hwsv.cli import app
from hwsv.cosim import Rtl
from hwsv.errors import CheckFailed
from tests.verify import mutation


@pytest.fixture
def simulate(copy, tmp_path, utterances):
    """``hwsv simulate COPY --check rtl`` on short utterances: (exit code, what it printed)."""

    def call(*options: str):
        files = []
        for number, x in enumerate(utterances):
            np.save(tmp_path / f"{number}.npy", x)
            files += ["--features", str(tmp_path / f"{number}.npy")]
        result = CliRunner().invoke(app, ["simulate", str(copy.folder), "--check", "rtl", *files, *options])
        return result.exit_code, result.output

    return call


def edit(path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, f"{pattern} is not in {path.name}"
    path.write_text(text)


def test_the_design_as_it_is(design, simulate):
    code, text = simulate("--json")
    found = json.loads(text)
    assert code == 0
    assert (found["cycle_differences"], found["word_differences"], found["first"]) == (0, 0, None)
    assert found["handshakes"] > 10_000


def test_a_register_more(copy, simulate):
    """Words leave the add a cycle later: its output channel is the first to differ."""
    edit(copy.folder / "rtl" / "hwsv_add.sv", r"\.CYCLES\(2\)", ".CYCLES(3)")
    code, text = simulate()
    assert code == 1
    assert "unit s0c0_add, channel s0c0_add_out, push 0 " in text.replace("\n", " ")


def test_a_shallower_fifo(copy, simulate):
    """One word less of credit is felt when the channel is full for the first time, by the unit that writes it."""
    bypass = copy.graph.node("s0c0_add").inputs[1]
    depth = copy.graph.channels[bypass].depth
    top = copy.folder / "rtl" / f"{copy.manifest.name}.sv"
    writer = copy.graph.producers()[bypass][0].name
    edit(top, rf"\.DEPTH\({depth}\)(,\s+\.LATENCY\(\d\),\s+\.BLOCK\(\d\)\s+\) {bypass}_fifo)", r".DEPTH(2)\1")
    code, text = simulate()
    text = " ".join(text.split())
    assert code == 1 and "hangs" in text
    assert f"unit {writer}, channel {bypass}, push 2 " in text


def test_a_weight_bit(copy, utterances):
    """The simulator reads the same file and agrees; level golden does not."""
    mutation.flip_memory_bit(copy.memory_path(copy.graph.node("s0c0_mvtu"), "weights"), word=3)
    assert Rtl(copy).check(utterances[:1]).equal
    files = ["--features", str(copy.folder / "x.npy")]
    np.save(copy.folder / "x.npy", utterances[0])
    result = CliRunner().invoke(app, ["verify", str(copy.folder), "--levels", "golden,rtl", *files])
    assert result.exit_code == 1
    assert "rtl differs from golden: unit s0c0_mvtu" in " ".join(result.output.split())


def test_a_wrong_word(copy, simulate):
    """A unit that computes something else at the right time."""
    edit(copy.folder / "rtl" / "hwsv_add.sv", r"sum < LOWEST \? LOWEST", "sum < LOWEST ? LOWEST + 1")
    code, text = simulate("--json")
    found = json.loads(text[: text.rindex("}") + 1])
    assert code == 1
    assert found["cycle_differences"] == 0 < found["word_differences"]
    assert found["first"]["unit"].endswith("_add") and found["first"]["kind"] == "word"


def test_a_word_that_does_not_wait(copy, utterances):
    """AXI-Stream: what is offered stays until it is taken."""
    top = copy.folder / "rtl" / f"{copy.manifest.name}.sv"
    edit(top, r"(embedding_tdata = \d+)'\(embedding_data\)", r"\1'(m_axis_embedding_tready)")
    with pytest.raises(CheckFailed, match="a sink's word changed in cycle"):
        Rtl(copy).check(utterances, {"sink": np.arange(40) == 0})
