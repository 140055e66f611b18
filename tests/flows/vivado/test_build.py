"""``hwsv build`` for boards with flow vivado: without the tools, and with stand-ins for them in PATH."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from hwsv.boards import load_board
from hwsv.errors import CheckFailed, InputError
from hwsv.flows.build import build
from hwsv.flows.vivado import plan
from hwsv.flows.vivado.project import write_projects
from tests.flows.vivado.projects import compiled, needs_tcl


def test_without_vivado_the_project_is_complete_and_one_line_says_what_to_do(tmp_path, monkeypatch):
    design = compiled(tmp_path / "design", "pynq-z2")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CheckFailed, match=r"vivado not in PATH; .* make -C .*vivado/rtl \(or .*vivado/hls\)") as error:
        build(design)
    assert "\n" not in str(error.value)
    for backend in plan.BACKENDS:
        folder = design.folder / "vivado" / backend
        assert {"README.md", "Makefile", "build.tcl", "config.tcl", "tcl", "src", "overlay"} <= set(os.listdir(folder))
        text = (folder / "README.md").read_text()
        assert "## Not verified" in text and "No vendor tool has run this project" in text
    assert error.value.exit_code == 1


STAND_IN = """#!{python}
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.flows.vivado import tcl
from tests.flows.vivado.vendor import Vivado
from tests.flows.vivado.vendor_hls import Hls
tool = (Vivado if {vivado} else Hls)(Path.cwd())
tcl.run(tool, Path.cwd() / {script!r})
print(*tool.said, sep="\\n")
sys.exit(tool.exit_code or 0)
"""


def install(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(
        STAND_IN.format(
            python=sys.executable, root=str(Path(__file__).parents[3]), vivado=name == "vivado", script=script
        )
    )
    path.chmod(0o755)


@needs_tcl
@pytest.mark.parametrize("backend", plan.BACKENDS)
def test_with_the_tools_in_path_the_report_is_read(tmp_path, monkeypatch, backend):
    design = compiled(tmp_path / "design", "pynq-z2")
    if backend == "hls":
        shutil.rmtree(design.folder / "rtl")
    tools = tmp_path / "bin"
    tools.mkdir()
    install(tools, "vivado", "build.tcl")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    if backend == "hls":
        with pytest.raises(CheckFailed, match="vitis_hls or vitis-run not in PATH"):
            build(design)
        install(tools, "vitis-run", "run_hls.tcl")
    said = []
    report = build(design, progress=said.append)
    assert (report.clock_mhz, report.fmax_mhz, report.timing_met) == (100, 105.26, True)
    assert (report.lut, report.ff, report.bram, report.dsp) == (12345, 23456, 42.5, 17)
    assert report.utilisation["bram"] == (43, 140)
    assert Path(report.bitstream).is_file() and Path(report.bitstream).parent.name == "overlay"
    assert "Vivado: place and route" in said
    assert ("HLS" in report.seconds) == (backend == "hls")


@needs_tcl
def test_what_vivado_says_is_passed_on(tmp_path, monkeypatch):
    design = compiled(tmp_path / "design", "pynq-z2")
    tools = tmp_path / "bin"
    tools.mkdir()
    install(tools, "vivado", "build.tcl")
    text = (tools / "vivado").read_text()
    (tools / "vivado").write_text(text.replace("(Path.cwd())", "(Path.cwd(), slack=(-1.5, 0.1))"))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    with pytest.raises(CheckFailed, match=r"Vivado failed: ERROR: hwsv: the timing is not met .* setup -1\.5 ns"):
        build(design)


def test_a_bitstream_is_kept_until_its_sources_change(tmp_path):
    design = compiled(tmp_path / "design", "pynq-z2")
    project = write_projects(design)[0]
    project.bitstream.write_bytes(b"expensive")
    write_projects(design)
    assert project.bitstream.read_bytes() == b"expensive"
    top = design.folder / "rtl" / "hwsv_fifo.sv"
    top.write_text(top.read_text() + "// changed\n")
    write_projects(design)
    assert not project.bitstream.exists() and "// changed" in (project.folder / "src" / "hwsv_fifo.sv").read_text()
    assert sorted(path.name for path in (design.folder / "vivado").iterdir()) == ["hls", "rtl"]


def test_boards_without_a_project_say_why(tmp_path):
    design = compiled(tmp_path / "design", "arty-a7-35t")
    assert [project.backend for project in write_projects(design)] == ["rtl"]
    shutil.rmtree(design.folder / "rtl")
    with pytest.raises(InputError, match="takes the RTL back-end only"):
        write_projects(design)
    with pytest.raises(InputError, match="no Vivado project for device 'xcvu9p'"):
        plan.kind_of(load_board("pynq-z2").model_copy(update={"device": "xcvu9p"}))
