"""The top of a Xilinx board's programmable logic: AXI shell and accelerator (docs/axi-shell.md).

::

    <core>_axi.v               the top, Verilog-2001
    hwsv_axi_registers.sv      package: the register map of `hwsv.host.axi_registers`; read it first
    hwsv_axi_*.sv              the shell (``rtl_templates/shell_axi/``)
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from hwsv import __version__
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.templates import templates
from hwsv.design import Design
from hwsv.flows.top import TIMEOUT_SECONDS, copy_shell, core_sources
from hwsv.graph import LENGTH, UnitGraph
from hwsv.host import axi_registers
from hwsv.host.board_info import board_info
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
    return top_of(design.graph, design.manifest.name, board_info(design, axi_registers.VERSION), external)


def top_of(graph: UnitGraph, name: str, info: Info, external: bool = False) -> AxiTop:
    """The top of the wired graph of design `name`."""
    core = design_identifier(name)
    timeout = min(TIMEOUT_SECONDS * info.clock_hz, 2**32 - 1)
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
    return top, [shell[0], *core_sources(design), *shell[1:]]


def write_shell(top: AxiTop, board: str, folder: Path) -> list[Path]:
    """Write package, shell and top into `folder`. board: its description. Returns the files, the package first."""
    shell = copy_shell("shell_axi", folder)
    package, module = folder / "hwsv_axi_registers.sv", folder / f"{top.module}.v"
    package.write_text(registers_package())
    template = templates("rtl_templates", "project").get_template("axi_top.v.j2")
    text = template.render(
        top=top, board=board, ports=BUS_PORTS, address_bits=axi_registers.ADDRESS_BITS, version=__version__
    )
    module.write_text(text)
    return [package, *shell, module]


def registers_package() -> str:
    """The register map as a SystemVerilog package."""
    bits = [*axi_registers.Control, *axi_registers.Status]
    return (
        templates("rtl_templates", "project")
        .get_template("axi_registers.sv.j2")
        .render(map=axi_registers, bits=bits, version=__version__)
    )
