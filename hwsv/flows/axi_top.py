"""The top of a Xilinx board's programmable logic: AXI shell and accelerator (docs/axi-shell.md).

::

    <core>_axi.v               the top, Verilog-2001
    hwsv_axi_registers.sv      package: the register map of `hwsv.host.axi_registers`; read it first
    hwsv_axi_*.sv              the shell (``rtl_templates/shell_axi/``)
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import jinja2

from hwsv import __version__
from hwsv.codegen import rtl
from hwsv.codegen.identifiers import design_identifier
from hwsv.design import Design
from hwsv.flows.top import TIMEOUT_SECONDS
from hwsv.graph import INPUT, LENGTH, OUTPUT, UnitGraph
from hwsv.host import axi_registers
from hwsv.host.uart_protocol import Info
from hwsv.resources import data_folder

_LITE = {
    "aw": ("addr", "prot", "valid", "ready"),
    "w": ("data", "strb", "valid", "ready"),
    "b": ("resp", "valid", "ready"),
    "ar": ("addr", "prot", "valid", "ready"),
    "r": ("data", "resp", "valid", "ready"),
}
BUS_PORTS = (
    "aclk", "aresetn",
    *(f"s_axi_{channel}{signal}" for channel, signals in _LITE.items() for signal in signals),
    *(f"{bus}_t{signal}" for bus in ("s_axis", "m_axis") for signal in ("data", "keep", "last", "valid", "ready")),
)  # fmt: skip
"""Ports of every top: clock, reset, AXI4-Lite ``s_axi``, AXI4-Stream ``s_axis`` and ``m_axis``."""


@dataclass(frozen=True)
class AxiTop:
    """What the template prints. external: the core is not inside; its streams are ports (an HLS IP beside it)."""

    module: str
    core: str
    info: Info
    timeout: int
    has_length: bool
    external: bool = False

    @property
    def hash_hex(self) -> str:
        """First byte lowest."""
        return bytes.fromhex(self.info.design_hash)[::-1].hex()

    @property
    def version_hex(self) -> str:
        """First character lowest."""
        return self.info.hwsv_version.encode()[:16].ljust(16, b"\0")[::-1].hex()

    @property
    def interfaces(self) -> list[str]:
        """AXI interfaces of the clock."""
        core = ["m_axis_features", "s_axis_embedding", *(["m_axis_length"] if self.has_length else [])]
        return ["s_axi", "s_axis", "m_axis", *(core if self.external else [])]


def axi_top(design: Design, external: bool = False) -> AxiTop:
    """The top of a compiled design."""
    manifest, spec = design.manifest, design.manifest.input
    low, high = (spec.frames_fixed,) * 2 if spec.frames_fixed else (spec.frames_min, spec.frames_max)
    return top_of(
        design.graph, manifest.name, low, high, manifest.outputs, manifest.board.clock_hz, manifest.hash, external
    )  # fmt: skip


def top_of(
    graph: UnitGraph, name: str, low: int, high: int, outputs: int, clock_hz: float, design_hash: str,
    external: bool = False,
) -> AxiTop:  # fmt: skip
    """The top of the wired graph of design `name` that takes `low` … `high` frames and gives `outputs` integers."""
    features, embedding = graph.stream(INPUT), graph.stream(OUTPUT)
    info = Info(
        feature_bytes=-(-features.word_bits // 8),
        frame_words=features.words_per_frame,
        frames_min=low,
        frames_max=high,
        result_bytes=-(-embedding.word_bits // 8),
        result_words=outputs // embedding.lanes,
        clock_hz=round(clock_hz),
        design_hash=design_hash,
        hwsv_version=__version__,
        protocol=axi_registers.VERSION,
    )
    core = design_identifier(name)
    timeout = min(round(TIMEOUT_SECONDS * clock_hz), 2**32 - 1)
    return AxiTop(f"{core}_axi", core, info, timeout, LENGTH in graph.channels, external)


def write_axi(design: Design, folder: Path, external: bool = False) -> tuple[AxiTop, list[Path]]:
    """Write top and shell of `design` into `folder`; also its RTL into the design where it is missing.

    Returns the top and all sources in the order in which tools must read them; those of the core are left out when it
    is `external`. Raises InputError.
    """
    top = axi_top(design, external)
    shell = write_shell(top, design.manifest.board.description, folder)
    if external:
        ram = folder / "hwsv_ram.sv"
        shutil.copyfile(data_folder("rtl_templates") / "ram.sv", ram)
        return top, [shell[0], ram, *shell[1:]]
    core = design.folder / "rtl"
    if not (core / "files.f").is_file():
        rtl.generate(design.graph, design.manifest.name, core, design.manifest.board)
    return top, [shell[0], *(core / name for name in (core / "files.f").read_text().split()), *shell[1:]]


def write_shell(top: AxiTop, board: str, folder: Path) -> list[Path]:
    """Write package, shell and top into `folder`. board: its description. Returns the files, the package first."""
    folder.mkdir(parents=True, exist_ok=True)
    package, module = folder / "hwsv_axi_registers.sv", folder / f"{top.module}.v"
    package.write_text(registers_package())
    shell = []
    for path in sorted((data_folder("rtl_templates") / "shell_axi").glob("*.sv")):
        shell.append(folder / f"hwsv_{path.stem}.sv")
        shutil.copyfile(path, shell[-1])
    template = _templates().get_template("axi_top.v.j2")
    text = template.render(
        top=top, board=board, ports=BUS_PORTS, address_bits=axi_registers.ADDRESS_BITS, version=__version__
    )
    module.write_text(text)
    return [package, *shell, module]


def registers_package() -> str:
    """The register map as a SystemVerilog package."""
    bits = [*axi_registers.Control, *axi_registers.Status]
    return _templates().get_template("axi_registers.sv.j2").render(map=axi_registers, bits=bits, version=__version__)


def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_folder("rtl_templates") / "project"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
