"""Every script of every project runs to its end in a Tcl interpreter, with strict stand-ins for the tools."""

import importlib.util
import json
from dataclasses import replace

import pytest

from hwsv.boards import load_board
from hwsv.codegen import hls, rtl
from hwsv.flows.vivado import plan
from hwsv.flows.vivado.project import write_projects
from hwsv.host import axi_registers
from tests.flows.vivado import tcl
from tests.flows.vivado.projects import EVERY, ZYNQ, compiled, needs_tcl, run
from tests.flows.vivado.vendor import Vivado


@needs_tcl
@pytest.mark.parametrize("board, backend", EVERY)
def test_every_script_of_every_project_runs_to_its_end(project, board, backend):
    folder = project(board, backend)
    config = (folder / "config.tcl").read_text()
    vivado, core = run(folder)
    assert vivado.exit_code is None and vivado.said[-1].startswith("hwsv: done: ")
    assert core is None or core.exit_code == 0
    sourced = {path.resolve() for tool in (vivado, core) if tool for path in tool.sourced}
    assert {p.resolve() for suffix in ("tcl", "xdc") for p in folder.rglob(f"*.{suffix}")} <= sourced
    assert f"part {load_board(board).device}\n" in config
    assert all(call[-1] == load_board(board).device for call in vivado.calls if call[0] == "create_project")
    counted = f"{len(vivado.calls)} calls of Vivado" + (f", {len(core.calls)} of Vitis HLS" if core else "")
    checked = ", ".join(f"{count} {what}" for what, count in sorted(vivado.checks.items()))
    print(f"\n{board} {backend}: {counted}, {len(sourced)} scripts; checked: {checked}")


@needs_tcl
@pytest.mark.parametrize("board", ZYNQ)
@pytest.mark.parametrize("backend", plan.BACKENDS)
def test_block_design_has_one_clock_and_the_addresses_of_the_driver(project, board, backend):
    folder = project(board, backend)
    vivado, _ = run(folder)
    design = vivado.project.design
    assert design.valid
    clocks = {f"{c}/{n}" for c, ip in design.cells.items() for n, p in ip.pins.items() if p.role == "clock"}
    assert clocks in design.nets
    streams = {
        pair for pair in design.links if pair[0] not in design.ports and design.interface(pair[0]).kind == "axis"
    }
    assert len(streams) == (2 if backend == "rtl" else 5)

    kind = plan.kind_of(load_board(board))
    addresses, facts = plan.ADDRESSES[kind], json.loads((folder / "overlay" / "overlay.json").read_text())
    registers = {s.segment: (s.offset, s.size) for s in design.assigned["ps/Data"]}
    assert registers == {
        "dma/S_AXI_LITE/Reg": (addresses.dma, 2**16),
        "accelerator/s_axi/reg0": (addresses.registers, 2**axi_registers.ADDRESS_BITS),
    }
    assert (facts["dma"]["offset"], facts["dma"]["range"]) == registers["dma/S_AXI_LITE/Reg"]
    assert (facts["registers"]["offset"], facts["registers"]["range"]) == registers["accelerator/s_axi/reg0"]
    assert facts["registers"]["range"] >= 4 * axi_registers.WORDS
    for space in ("dma/Data_MM2S", "dma/Data_S2MM"):
        assert [(s.offset, s.size) for s in design.assigned[space]] == [(0, facts["dram_range"])]
    assert int(vivado.settings["dma"]["c_sg_length_width"]) == facts["dma_length_bits"]
    ps = {name: value for name, value in vivado.settings["ps"].items() if "FREQMHZ" in name}
    assert f"{load_board(board).clock_mhz}" in ps.values()
    versions = {call[4] for call in vivado.calls if call[0] == "create_bd_cell"}
    assert not versions & {"xilinx.com:ip:zynq_ultra_ps_e:3.3", "xilinx.com:ip:zynq_ultra_ps_e:3.5"}  # 3.10 is newer
    overlay = {path.name for path in (folder / "overlay").iterdir()}
    name = facts["design"]
    assert {f"{name}.bit", f"{name}.hwh", "timing.json", "golden.npz", "run.sh", "hwsv"} <= overlay


@pytest.mark.skipif(importlib.util.find_spec("_tkinter") is None, reason="this Python has no tkinter")
def test_the_other_interpreter_agrees(project, monkeypatch):
    monkeypatch.setattr(tcl.shutil, "which", lambda name: None)
    vivado, core = run(project("pynq-z2", "hls"))
    assert vivado.exit_code is None and vivado.project.design.valid and core.exit_code == 0


@needs_tcl
@pytest.mark.parametrize("renamed", [True, False])
def test_the_length_stream_is_found_under_both_names(project, renamed):
    vivado, _ = run(project("pynq-z2", "hls"), renamed=renamed)
    assert vivado.project.design.other("accelerator/m_axis_length") == "core/length" + "_r" * renamed


@needs_tcl
@pytest.mark.parametrize("version", ["2022.2", "2023.1.1", "2024.2", "2025.1"])
def test_versions_that_the_scripts_are_for(project, version):
    vivado, _ = run(project("kv260", "rtl"), version=version)
    assert not any("WARNING" in line for line in vivado.said)


@needs_tcl
def test_other_versions_are_told(project):
    folder = project("kv260", "rtl")
    for version in ("2022.1", "2019.2", "beta"):
        vivado, _ = run(folder, version=version)
        assert vivado.exit_code == 1 and version in vivado.said[-1] and "2022.2 to 2025.x" in vivado.said[-1]
    vivado, _ = run(folder, version="2026.1")
    assert vivado.exit_code is None and "newer than 2025.x" in vivado.said[0]


@needs_tcl
@pytest.mark.parametrize("slack", [(-0.1, 0.1), (0.1, -0.02)])
def test_no_bitstream_where_the_timing_is_not_met(project, slack):
    folder = project("arty-a7-35t", "rtl")
    vivado, _ = run(folder, slack=slack)
    assert vivado.exit_code == 1 and "timing is not met" in vivado.said[-1]
    assert not list(folder.rglob("*.bit"))
    assert json.loads((folder / "reports" / "summary.json").read_text())["wns_ns"] == slack[0]


@needs_tcl
def test_the_project_alone_can_be_made(project):
    vivado, _ = run(project("pynq-z2", "rtl"), "project")
    assert vivado.exit_code is None and vivado.project.design.valid and not vivado.project.done


@needs_tcl
def test_an_unknown_goal_is_told(project):
    vivado, _ = run(project("pynq-z2", "rtl"), "everything")
    assert vivado.exit_code == 1 and "'all' or 'project', not 'everything'" in vivado.said[-1]


@needs_tcl
def test_without_the_hls_core_the_command_that_makes_it_is_named(project):
    vivado = Vivado(project("pynq-z2", "hls"))
    tcl.run(vivado, vivado.folder / "build.tcl")
    assert vivado.exit_code == 1 and "vitis_hls -f run_hls.tcl" in vivado.said[-1]


@needs_tcl
def test_nothing_of_a_model_reaches_tcl(tmp_path):
    design = compiled(tmp_path / "design", "pynq-z2")
    design.graph.name = 'x"; [exit 7] {$argv} \\'
    design.graph.nodes[:] = [replace(node, source="} ; exit 8 ; {") for node in design.graph]
    hls.generate(design.graph, design.graph.name, tmp_path / "design" / "hls", design.manifest.board)
    rtl.generate(design.graph, design.graph.name, tmp_path / "design" / "rtl", design.manifest.board)
    for project in write_projects(design):
        assert project.name == "x_exit_7_argv"
        vivado, _ = run(project.folder)
        assert vivado.exit_code is None and project.bitstream.is_file()
