"""The emitted SystemVerilog as text: clean under Verilator's and slang's warnings, stable, nothing of a model in it."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hwsv.boards import load_board
from hwsv.codegen import rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.cosim.verilator import lint
from hwsv.graph import UnitGraph
from hwsv.wiring import wire
from tests.graphs import resnet

HOSTILE = '*/ endmodule\n`include "x" $system("touch owned"); //'


@pytest.fixture(scope="module")
def graph() -> UnitGraph:
    return wire(resnet(freq=8, width=4, blocks=(1, 1), outputs=6))


@pytest.fixture(scope="module")
def folder(graph, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("design")
    write_memories(graph, made / "mem")
    rtl.generate(graph, "toy-net", made / "rtl", load_board("ulx3s-25f"))
    return made / "rtl"


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_verilator_has_no_warning(graph, folder):
    assert lint(folder, "toy_net", [folder / name for name in (folder / "files.f").read_text().split()]) == ""


def test_verilator_has_no_warning_about_a_unit_alone(graph, folder):
    modules = sorted(folder.glob("hwsv_*.sv"))
    for node in {node.unit.kind: node for node in graph}.values():  # one of each kind
        top = folder / "units" / f"{node.name}_top.sv"
        assert lint(folder, top.stem, [*modules, top]) == ""


def test_a_warning_is_not_overlooked(folder, tmp_path):
    text = (folder / "hwsv_fifo.sv").read_text()
    bad = tmp_path / "hwsv_fifo.sv"
    bad.write_text(text.replace("COUNT_BITS'(DEPTH)", "DEPTH"))
    assert bad.read_text() != text
    sources = [folder / name for name in (folder / "files.f").read_text().split() if name != "hwsv_fifo.sv"]
    assert "WIDTH" in lint(folder, "toy_net", [*sources, bad])


def test_yosys_has_no_warning(folder):
    pytest.importorskip("pyosys", reason="pyosys is not installed (make setup-bitstream)")
    passes = ["read_slang -f files.f --top toy_net", "hierarchy -check -top toy_net", "check -assert"]
    code = f"from pyosys import libyosys as ys\nd = ys.Design()\nfor p in {passes!r}: d.run_pass(p)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "0 errors, 0 warnings" in done.stdout
    assert "Warning" not in done.stdout


def test_the_same_graph_gives_the_same_bytes(graph, folder, tmp_path):
    rtl.generate(graph, "toy-net", tmp_path / "rtl", load_board("ulx3s-25f"))
    assert files(tmp_path / "rtl") == files(folder)


def test_every_unit_has_a_top_and_every_channel_a_fifo(graph, folder):
    text = (folder / "toy_net.sv").read_text()
    assert len(re.findall(r"\bhwsv_fifo #", text)) == len(graph.channels)
    for node in graph:
        assert (folder / "units" / f"{node.name}_top.sv").is_file()
        assert re.search(rf"\) {node.name} \(", text)


def test_text_of_a_model_reaches_comments_only(graph, tmp_path):
    nodes = [replace(node, source=HOSTILE) for node in graph]
    rtl.generate(UnitGraph(graph.name, nodes, graph.channels), "toy-net", tmp_path / "rtl", load_board("ulx3s-25f"))
    for name, text in files(tmp_path / "rtl").items():
        code = re.sub(r"//.*", "", text)
        assert "owned" not in code and "`include" not in code, name
