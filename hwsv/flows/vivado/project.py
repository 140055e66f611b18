"""Complete Vivado projects of a design: ``DIR/vivado/rtl`` and ``DIR/vivado/hls``, one for each compiled back-end.

::

    build.tcl, config.tcl, tcl/   scripts; only config.tcl and constraints.xdc differ between designs
    src/                          RTL and memory files
    hls/                          the HLS project (back-end hls)
    constraints.xdc               pins and clock (boards without a processor)
    overlay/                      what goes onto a PYNQ board (`hwsv.flows.vivado.overlay`)
    README.md, Makefile

A folder stands alone: it can be copied to the machine that has Vivado. It is written anew only when something in it
would change, so that a bitstream is not lost for nothing; a bitstream of other sources is not kept.
"""

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hwsv import __version__
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.templates import templates
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.flows.axi_top import axi_top, write_axi, write_shell
from hwsv.flows.top import write_board
from hwsv.flows.vivado import plan
from hwsv.flows.vivado.mmcm import mmcm
from hwsv.flows.vivado.overlay import write_overlay
from hwsv.flows.vivado.plan import ADDRESSES, BACKENDS, CLOCKS, Backend, Kind
from hwsv.flows.vivado.xdc import xdc
from hwsv.host import axi_registers
from hwsv.resources import data_folder

FOLDER = "vivado"
STAMP = "project.sha256"

_SCRIPTS: dict[Kind, tuple[str, ...]] = {
    "zynq7": ("common.tcl", "package_ip.tcl", "block_design.tcl", "zynq7.tcl", "implement.tcl"),
    "zynqmp": ("common.tcl", "package_ip.tcl", "block_design.tcl", "zynqmp.tcl", "implement.tcl"),
    "pins": ("common.tcl", "pins.tcl", "implement.tcl"),
}
_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """A written project. `bitstream`, `summary`, `utilisation`: what build.tcl makes; `top`: module of the logic."""

    folder: Path
    backend: Backend
    kind: Kind
    name: str
    top: str

    @property
    def bitstream(self) -> Path:
        return self.folder / ("" if self.kind == "pins" else "overlay") / f"{self.name}.bit"

    @property
    def summary(self) -> Path:
        return self.folder / "reports" / "summary.json"

    @property
    def utilisation(self) -> Path:
        return self.folder / "reports" / "utilization.rpt"

    @property
    def hls_component(self) -> Path:
        """What Vitis HLS exports."""
        return self.folder / "hls" / f"{self.name}_hls" / "solution1" / "impl" / "ip" / "component.xml"


def backends(design: Design) -> list[Backend]:
    """Those that `design` was compiled with and its board has a project for. Raises InputError where there is none."""
    found = [backend for backend in BACKENDS if (design.folder / backend).is_dir()] or ["rtl"]
    if plan.kind_of(design.manifest.board) == "pins":
        if "rtl" not in found:
            raise InputError(
                f"board {design.manifest.board.name!r} has no processor, and its UART shell takes the RTL back-end "
                "only: compile with --backend rtl"
            )
        return ["rtl"]
    return found  # type: ignore[return-value]


def write_projects(design: Design) -> list[Project]:
    """Write a project for each back-end of `design`. Raises InputError."""
    return [write_project(design, backend) for backend in backends(design)]


def write_project(design: Design, backend: Backend) -> Project:
    """Write ``DIR/vivado/<backend>``, whole or not at all. Raises InputError."""
    out = design.folder / FOLDER / backend
    out.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as temporary:
        folder = Path(temporary) / backend
        folder.mkdir()
        made = _write(design, backend, folder)
        stamp = _digest(folder)
        if not (out / STAMP).is_file() or (out / STAMP).read_text() != stamp:
            (folder / STAMP).write_text(stamp)
            shutil.rmtree(out, ignore_errors=True)
            folder.rename(out)
    return replace(made, folder=out)


def _write(design: Design, backend: Backend, folder: Path) -> Project:
    board = design.manifest.board
    kind = plan.kind_of(board)
    sources = folder / "src"
    if kind == "pins":
        module = _pins_sources(design, sources)
        (folder / "constraints.xdc").write_text(xdc(board))
    else:
        module = _axi_sources(design, sources, external=backend == "hls")
    name = design_identifier(design.graph.name)
    memories = []
    if backend == "rtl":
        memories = [_plain_memory(path, sources) for path in sorted((design.folder / "mem").glob("*.mem"))]
    else:
        shutil.copytree(design.folder / "hls", folder / "hls", ignore=shutil.ignore_patterns("build", f"{name}_hls"))
    values: dict[str, Any] = {
        "board": board, "kind": kind, "backend": backend, "name": name, "module": module, "version": __version__,
        "sources": _order(sources, module), "memories": sorted(memories), "clock_name": CLOCKS[kind], "design": design,
        "registers_range": plan.REGISTERS_RANGE, "dma_range": plan.DMA_RANGE, "bus_bits": 8 * axi_registers.BUS_BYTES,
        "component": f"hls/{name}_hls/solution1/impl/ip/component.xml",
        "crystal_mhz": plan.CRYSTAL_MHZ.get(board.name, plan.DEFAULT_CRYSTAL_MHZ),
    }  # fmt: skip
    if kind != "pins":
        info, addresses = axi_top(design).info, ADDRESSES[kind]
        longest = axi_registers.HEADER_BYTES + info.frames_max * info.frame_words * info.feature_bytes
        values |= {"addresses": addresses, "length_bits": plan.dma_length_bits(longest)}
        write_overlay(design, name, addresses, values["length_bits"], folder / "overlay")
    scripts = data_folder("rtl_templates") / "vivado"
    (folder / "tcl").mkdir()
    for script in _SCRIPTS[kind]:
        shutil.copyfile(scripts / script, folder / "tcl" / script)
    shutil.copyfile(scripts / "build.tcl", folder / "build.tcl")
    for file in ("config.tcl", "README.md", "Makefile"):
        (folder / file).write_text(templates("rtl_templates", "vivado").get_template(f"{file}.j2").render(values))
    return Project(folder, backend, kind, name, module if kind == "pins" else "system_wrapper")


def _axi_sources(design: Design, folder: Path, external: bool) -> str:
    """AXI shell, with the RTL of the network inside unless it is `external`; the name of the top."""
    if external:
        # Vitis' core always has a length stream, a network of one fixed length as well
        top = replace(axi_top(design, external=True), has_length=True)
        write_shell(top, design.manifest.board.description, folder)
        shutil.copyfile(data_folder("rtl_templates") / "ram.sv", folder / "hwsv_ram.sv")
    else:
        top, paths = write_axi(design, folder)
        _copy_core(paths, folder)
    return top.module


def _pins_sources(design: Design, folder: Path) -> str:
    """UART shell and network; the name of the top. An MMCM makes the clock where the board's is another."""
    board = design.manifest.board
    made = mmcm(board.oscillator_mhz, board.clock_mhz) if board.oscillator_mhz else None
    inner = board.model_copy(update={"oscillator_mhz": board.clock_mhz}) if made else board
    folder.mkdir(parents=True)
    top, paths = write_board(replace(design, manifest=design.manifest.model_copy(update={"board": inner})), folder)
    _copy_core(paths, folder)
    if not made:
        return top.module
    module = f"{top.core}_pins"
    text = templates("rtl_templates", "vivado").get_template("pins_top.sv.j2").render(
        module=module, inner=top.module, board=board, mmcm=made, period=1000 / (board.oscillator_mhz or 1),
        version=__version__,
    )  # fmt: skip
    (folder / f"{module}.sv").write_text(text)
    return module


def _copy_core(paths: list[Path], folder: Path) -> None:
    """The network's RTL beside the shell's; build.tcl makes full paths of the memory files' names."""
    for path in paths:
        text = path.read_text().replace('"../mem/', '"')
        (folder / path.name).write_text(text)


def _plain_memory(path: Path, folder: Path) -> str:
    """Copy a memory file without its comment, which Vivado takes for data (AMD UG901); its name."""
    (folder / path.name).write_text(_COMMENT.sub("", path.read_text()))
    return path.name


def _order(folder: Path, module: str) -> list[str]:
    """Sources: packages first, the top last."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".sv", ".v"))
    return sorted(names, key=lambda n: (Path(n).stem == module, n != "hwsv_axi_registers.sv", n))


def _digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files."""
    state = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        state.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return state.hexdigest()
