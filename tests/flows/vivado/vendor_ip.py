"""What a block design's model knows of the vendor's IPs: real names of pins, interfaces, parameters, address spaces.

Sources: AMD PG021 (axi_dma), PG164 (proc_sys_reset), PG247 (smartconnect), PG082 (processing_system7), PG201
(zynq_ultra_ps_e), and the block designs that PYNQ publishes. Only what can occur here is listed: anything else fails.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

CATALOGUE = {
    "axi_dma": ["7.1"],
    "proc_sys_reset": ["5.0"],
    "smartconnect": ["1.0"],
    "processing_system7": ["5.5"],
    "zynq_ultra_ps_e": ["3.3", "3.4", "3.10", "3.5"],
}
"""Several versions, not in order: scripts must find the newest by themselves."""


@dataclass
class Interface:
    """A bundle of pins. kind: ``mm``, ``axis``, ``fixed``; bits: TDATA of a stream; optional: may be left open."""

    mode: str
    kind: str
    bits: int = 0
    optional: bool = False


@dataclass
class Pin:
    """direction: ``in`` or ``out``; role: ``clock``, ``reset`` (low), ``high`` (reset, active high), ``other``."""

    direction: str
    role: str
    optional: bool = False


@dataclass
class Ip:
    """An IP as instantiated. segments: of its slaves, name -> (interface, bytes, 0: any); spaces: of its masters."""

    pins: dict[str, Pin] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    segments: dict[str, tuple[str, int]] = field(default_factory=dict)
    spaces: dict[str, list[str]] = field(default_factory=dict)


def _integer(settings: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    value = int(settings.get(name, default))
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is not in {low} .. {high}")
    return value


def axi_dma(settings: dict[str, str]) -> Ip:
    known = {
        "c_include_sg", "c_sg_include_stscntrl_strm", "c_sg_length_width", "c_include_mm2s", "c_include_s2mm",
        "c_m_axi_mm2s_data_width", "c_m_axis_mm2s_tdata_width", "c_m_axi_s2mm_data_width", "c_s_axis_s2mm_tdata_width",
        "c_addr_width",
    }  # fmt: skip
    _check_names(settings, known)
    _integer(settings, "c_sg_length_width", 14, 8, 26)
    _integer(settings, "c_addr_width", 32, 32, 64)
    for side in ("mm2s", "s2mm"):
        stream = f"c_{'m' if side == 'mm2s' else 's'}_axis_{side}_tdata_width"
        if _integer(settings, stream, 32, 8, 1024) > _integer(settings, f"c_m_axi_{side}_data_width", 32, 32, 1024):
            raise ValueError(f"the stream of {side} is wider than its memory side")
    ip = Ip(
        pins={
            "s_axi_lite_aclk": Pin("in", "clock"), "m_axi_mm2s_aclk": Pin("in", "clock"),
            "m_axi_s2mm_aclk": Pin("in", "clock"), "axi_resetn": Pin("in", "reset"),
            "mm2s_prmry_reset_out_n": Pin("out", "reset", True), "s2mm_prmry_reset_out_n": Pin("out", "reset", True),
            "mm2s_introut": Pin("out", "other", True), "s2mm_introut": Pin("out", "other", True),
        },
        interfaces={
            "S_AXI_LITE": Interface("slave", "mm"), "M_AXI_MM2S": Interface("master", "mm"),
            "M_AXI_S2MM": Interface("master", "mm"),
            "M_AXIS_MM2S": Interface("master", "axis", int(settings.get("c_m_axis_mm2s_tdata_width", 32))),
            "S_AXIS_S2MM": Interface("slave", "axis", int(settings.get("c_s_axis_s2mm_tdata_width", 32))),
        },
        segments={"S_AXI_LITE/Reg": ("S_AXI_LITE", 2**16)},
        spaces={"Data_MM2S": ["M_AXI_MM2S"], "Data_S2MM": ["M_AXI_S2MM"]},
    )  # fmt: skip
    if _integer(settings, "c_include_sg", 1, 0, 1):
        ip.pins["m_axi_sg_aclk"] = Pin("in", "clock")
        ip.interfaces["M_AXI_SG"] = Interface("master", "mm")
        ip.spaces["Data_SG"] = ["M_AXI_SG"]
    return ip


def smartconnect(settings: dict[str, str]) -> Ip:
    _check_names(settings, {"NUM_SI", "NUM_MI", "NUM_CLKS"})
    slaves, masters = _integer(settings, "NUM_SI", 1, 1, 16), _integer(settings, "NUM_MI", 1, 1, 16)
    clocks = _integer(settings, "NUM_CLKS", 1, 1, 16)
    return Ip(
        pins={"aresetn": Pin("in", "reset")} | {f"aclk{i or ''}": Pin("in", "clock") for i in range(clocks)},
        interfaces={f"S{i:02}_AXI": Interface("slave", "mm") for i in range(slaves)}
        | {f"M{i:02}_AXI": Interface("master", "mm") for i in range(masters)},
    )


def proc_sys_reset(settings: dict[str, str]) -> Ip:
    _check_names(settings, set())
    outputs = {"mb_reset": "high", "bus_struct_reset": "high", "peripheral_reset": "high"}
    outputs |= {"interconnect_aresetn": "reset", "peripheral_aresetn": "reset"}
    return Ip(
        pins={"slowest_sync_clk": Pin("in", "clock"), "ext_reset_in": Pin("in", "reset")}
        | {name: Pin("in", "high", True) for name in ("aux_reset_in", "mb_debug_sys_rst", "dcm_locked")}
        | {name: Pin("out", role, True) for name, role in outputs.items()}
    )


def processing_system7(settings: dict[str, str]) -> Ip:
    switches = {"PCW_EN_CLK0_PORT", "PCW_EN_RST0_PORT", "PCW_USE_M_AXI_GP0", "PCW_USE_S_AXI_HP0"}
    numbers = {"PCW_CRYSTAL_PERIPHERAL_FREQMHZ", "PCW_FPGA0_PERIPHERAL_FREQMHZ", "PCW_S_AXI_HP0_DATA_WIDTH"}
    _check_names(settings, switches | numbers)
    ip = Ip(interfaces={"DDR": Interface("master", "fixed"), "FIXED_IO": Interface("master", "fixed")})
    if _integer(settings, "PCW_EN_CLK0_PORT", 1, 0, 1):
        ip.pins["FCLK_CLK0"] = Pin("out", "clock", True)
    if _integer(settings, "PCW_EN_RST0_PORT", 1, 0, 1):
        ip.pins["FCLK_RESET0_N"] = Pin("out", "reset", True)
    if _integer(settings, "PCW_USE_M_AXI_GP0", 1, 0, 1):
        ip.pins["M_AXI_GP0_ACLK"] = Pin("in", "clock")
        ip.interfaces["M_AXI_GP0"] = Interface("master", "mm")
        ip.spaces["Data"] = ["M_AXI_GP0"]
    if _integer(settings, "PCW_USE_S_AXI_HP0", 0, 0, 1):
        ip.pins["S_AXI_HP0_ACLK"] = Pin("in", "clock")
        ip.interfaces["S_AXI_HP0"] = Interface("slave", "mm")
        ip.segments["S_AXI_HP0/HP0_DDR_LOWOCM"] = ("S_AXI_HP0", 2**29)
    return ip


def zynq_ultra_ps_e(settings: dict[str, str]) -> Ip:
    masters = {"PSU__USE__M_AXI_GP0": ("M_AXI_HPM0_FPD", "maxihpm0_fpd_aclk", 1)}
    masters["PSU__USE__M_AXI_GP1"] = ("M_AXI_HPM1_FPD", "maxihpm1_fpd_aclk", 1)
    masters["PSU__USE__M_AXI_GP2"] = ("M_AXI_HPM0_LPD", "maxihpm0_lpd_aclk", 0)
    others = {"PSU__FPGA_PL0_ENABLE", "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ", "PSU__USE__S_AXI_GP2"}
    _check_names(settings, set(masters) | others)
    ip = Ip(spaces={"Data": []})
    if _integer(settings, "PSU__FPGA_PL0_ENABLE", 1, 0, 1):
        ip.pins |= {"pl_clk0": Pin("out", "clock", True), "pl_resetn0": Pin("out", "reset", True)}
    for switch, (name, clock, default) in masters.items():
        if _integer(settings, switch, default, 0, 1):
            ip.pins[clock] = Pin("in", "clock")
            ip.interfaces[name] = Interface("master", "mm")
            ip.spaces["Data"].append(name)
    if _integer(settings, "PSU__USE__S_AXI_GP2", 0, 0, 1):
        ip.pins["saxihp0_fpd_aclk"] = Pin("in", "clock")
        ip.interfaces["S_AXI_HP0_FPD"] = Interface("slave", "mm")
        for name, size in (("HP0_DDR_LOW", 2**31), ("HP0_QSPI", 2**29), ("HP0_LPS_OCM", 2**24)):
            ip.segments[f"SAXIGP2/{name}"] = ("S_AXI_HP0_FPD", size)
    return ip


IPS = {
    "axi_dma": axi_dma,
    "smartconnect": smartconnect,
    "proc_sys_reset": proc_sys_reset,
    "processing_system7": processing_system7,
    "zynq_ultra_ps_e": zynq_ultra_ps_e,
}

_PORT = re.compile(r"^\s*(input|output)\s+(?:wire|logic)?\s*(\[[^\]]*\])?\s*(\w+)\s*,?\s*(?://.*)?$", re.MULTILINE)
_LITE = {
    "awaddr",
    "awvalid",
    "awready",
    "wdata",
    "wvalid",
    "wready",
    "bvalid",
    "bready",
    "araddr",
    "arvalid",
    "arready",
}


def ports(text: str, module: str) -> dict[str, tuple[str, int]]:
    """Ports of a module whose ports are numbers: name -> (direction, bits)."""
    body = re.search(rf"^module {module} (?:#\(.*?^\) )?\((.*?)^\);", text, re.MULTILINE | re.DOTALL)
    if not body:
        raise ValueError(f"no module {module}")
    found = {}
    for direction, width, name in _PORT.findall(body[1]):
        high = int(width.strip("[]").split(":")[0]) if width else 0
        found[name] = (direction.removesuffix("put"), high + 1)
    return found


def packaged(top: Path, module: str) -> Ip:
    """What Vivado sees of a Verilog module: AXI interfaces by the names of their ports, clocks and resets by theirs."""
    ip = Ip()
    found = ports(top.read_text(), module)
    buses: dict[str, set[str]] = {}
    for name in found:
        if bus := re.fullmatch(r"([sm]_axi\w*?)_(t?[a-z]+)", name):
            buses.setdefault(bus[1], set()).add(bus[2])
    for name, signals in buses.items():
        if {"tdata", "tvalid", "tready"} <= signals:
            direction, width = found[f"{name}_tdata"]
            ip.interfaces[name] = Interface("master" if direction == "out" else "slave", "axis", width)
        elif signals >= _LITE:
            direction, width = found[f"{name}_awaddr"]
            ip.interfaces[name] = Interface("slave" if direction == "in" else "master", "mm")
            ip.segments[f"{name}/reg0"] = (name, 2**width)
        else:
            raise ValueError(f"{name}: not all of an AXI interface's ports")
    for name, (direction, _) in found.items():
        if name.endswith("aclk"):
            ip.pins[name] = Pin(direction, "clock")
        elif name.endswith("aresetn"):
            ip.pins[name] = Pin(direction, "reset")
        elif not any(name.startswith(bus + "_") for bus in buses):
            raise ValueError(f"port {name} belongs to no interface")
    return ip


def hls(component: dict[str, list]) -> Ip:
    """A core of Vitis HLS: component: stream -> [mode, bits]."""
    return Ip(
        pins={"ap_clk": Pin("in", "clock"), "ap_rst_n": Pin("in", "reset")},
        interfaces={name: Interface(mode, "axis", bits) for name, (mode, bits) in component.items()},
    )


def _check_names(settings: dict[str, str], known: set[str]) -> None:
    if unknown := set(settings) - known:
        raise ValueError(f"no parameter {sorted(unknown)[0]}")
