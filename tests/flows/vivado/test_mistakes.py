"""What the stand-ins find: a mistake in a script, a missing file, a line less in the constraints."""

import re

import pytest

from tests.flows.vivado import tcl
from tests.flows.vivado.projects import needs_tcl, run

MUTATIONS = [
    # file, old, new, back-end, what is said
    ("tcl/block_design.tcl", " accelerator/$config(ip_clock)", "", "rtl", "clock accelerator/aclk is not connected"),
    ("tcl/block_design.tcl", "dma/m_axi_s2mm_aclk ", "", "rtl", "clock dma/m_axi_s2mm_aclk is not connected"),
    ("tcl/block_design.tcl", "memory/aresetn ", "", "rtl", "reset memory/aresetn is not connected"),
    ("tcl/block_design.tcl", "dma/axi_resetn", "dma/aresetn", "rtl", "nothing found"),
    ("tcl/block_design.tcl", "link memory/M00_AXI", "# link", "rtl", "is not connected|does not reach"),
    ("tcl/block_design.tcl", "link dma/M_AXIS_MM2S", "# link", "rtl", "M_AXIS_MM2S is not connected"),
    ("tcl/block_design.tcl", "control/M01_AXI", "control/M00_AXI", "rtl", "control/M00_AXI is connected already"),
    ("tcl/block_design.tcl", "CONFIG.c_include_sg 0", "CONFIG.c_include_sg 1", "rtl", "M_AXI_SG is not connected"),
    ("tcl/block_design.tcl", "CONFIG.c_addr_width", "CONFIG.c_address_width", "rtl", "no parameter c_address_width"),
    ("tcl/block_design.tcl", "{dma/Data_MM2S dma/Data_S2MM}", "dma/Data_MM2S", "rtl", "Data_S2MM has no address"),
    (
        "tcl/block_design.tcl",
        "net accelerator/$config(core_reset)",
        "# net",
        "hls",
        "core_aresetn is not connected|ap_rst_n",
    ),
    ("tcl/block_design.tcl", "    lappend clocked core/ap_clk\n", "", "hls", "clock core/ap_clk is not connected"),
    ("tcl/block_design.tcl", "core/ap_rst_n", "core/ap_clk", "hls", "several drivers|is a clock"),
    ("tcl/block_design.tcl", "[hls_interface features]", "[hls_interface length]", "hls", "bits"),
    ("tcl/block_design.tcl", "validate_bd_design", "check_bd_design", "rtl", "invalid command name"),
    ("tcl/block_design.tcl", "link dma/M_AXI_S2MM", "# link", "rtl", "does not reach"),
    ("tcl/zynq7.tcl", "PCW_USE_S_AXI_HP0 1", "PCW_USE_S_AXI_HP0 0", "rtl", "LookupError|KeyError"),
    ("tcl/package_ip.tcl", "  set_property top", "  # top", "rtl", "KeyError"),
    ("tcl/package_ip.tcl", "[sources_with_memories]", "[project_files $config(sources)]", "rtl", "would not find"),
    ("tcl/package_ip.tcl", "[join $interfaces :]", "s_axi", "rtl", "not now, or not so"),
    ("config.tcl", "registers_offset 0x43C00000", "registers_offset 0x40408000", "rtl", "overlaps"),
    ("config.tcl", "registers_offset 0x43C00000", "registers_offset 0x43C00800", "rtl", "no multiple of its range"),
    ("config.tcl", "registers_offset 0x43C00000", "registers_offset 0x83C00000", "rtl", "is outside of what"),
    ("config.tcl", "registers_range 0x00001000", "registers_range 0x00010000", "rtl", "has 0x1000 bytes"),
    ("config.tcl", "stream_bits 32", "stream_bits 16", "rtl", "16 bits"),
    ("config.tcl", "  src/hwsv_axi_slice.sv\n", "", "rtl", "no module hwsv_axi_slice"),
    ("hls/run_hls.tcl", "set_part", "# set_part", "hls", "not now, or not so"),
    ("hls/run_hls.tcl", "csynth_design", "", "hls", "not now, or not so"),
    ("hls/run_hls.tcl", "-format ip_catalog", "-format xo", "hls", "not now, or not so"),
]


@needs_tcl
@pytest.mark.parametrize("file, old, new, backend, message", MUTATIONS)
def test_a_mistake_in_a_script_is_found(project, file, old, new, backend, message):
    folder = project("pynq-z2", backend)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(tcl.TclError, match=message):
        run(folder)


@needs_tcl
def test_memory_that_the_dma_must_not_see_is_excluded(project):
    folder = project("zcu104", "rtl")
    path = folder / "tcl/zynqmp.tcl"
    path.write_text(path.read_text().replace("ps/SAXIGP2/HP0_QSPI ", ""))
    with pytest.raises(tcl.TclError, match="Data_MM2S has no address for ps/SAXIGP2/HP0_QSPI"):
        run(folder)


@needs_tcl
@pytest.mark.parametrize("pattern", ["src/hwsv_fifo.sv", "src/*_weights.mem", "src/*_axi.v"])
def test_a_missing_file_is_named(project, pattern):
    folder = project("pynq-z2", "rtl")
    path = next(folder.glob(pattern))
    path.unlink()
    vivado, _ = run(folder)
    assert vivado.exit_code == 1 and str(path.name) in vivado.said[-1] and "is missing" in vivado.said[-1]


@needs_tcl
def test_a_memory_that_vivado_could_not_read_stops_the_build(project):
    folder = project("pynq-z2", "rtl")
    name = re.search(r"^  name (\w+)$", (folder / "config.tcl").read_text(), re.MULTILINE)[1]
    log = folder / f"build/project/{name}.runs/synth_1/runme.log"
    log.parent.mkdir(parents=True)
    log.write_text("ok\nCRITICAL WARNING: [Synth 8-4445] could not open $readmem data file 'a.mem'; ignoring\n")
    vivado, _ = run(folder)
    assert vivado.exit_code == 1 and "could not open $readmem data file 'a.mem'" in vivado.said[-1]


@needs_tcl
def test_memory_files_must_not_have_comments(project):
    folder = project("pynq-z2", "rtl")
    memory = next(folder.glob("src/*.mem"))
    memory.write_text("// a comment\n" + memory.read_text())
    with pytest.raises(tcl.TclError, match="has a comment"):
        run(folder)


@needs_tcl
@pytest.mark.parametrize("line", ["PACKAGE_PIN D10", "create_clock", "set_false_path -to"])
def test_a_line_less_in_the_constraints_is_found(project, line):
    folder = project("arty-a7-100t", "rtl")
    path = folder / "constraints.xdc"
    kept = [text for text in path.read_text().splitlines() if line not in text]
    path.write_text("\n".join(kept))
    with pytest.raises(tcl.TclError):
        run(folder)
