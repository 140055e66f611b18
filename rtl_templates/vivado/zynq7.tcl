# The processing system of a Zynq-7000: one general-purpose master, one high-performance slave, one clock.
#
# Memory, pins and PLLs of the processor were set up by the board's boot loader; loading a bitstream does not change
# them. So there is nothing here of the board's DDR, only its crystal, which the clock's dividers depend on.

proc make_processor {} {
  global config
  create_bd_cell -type ip -vlnv [newest_ip processing_system7] ps
  set_property -dict [list \
    CONFIG.PCW_CRYSTAL_PERIPHERAL_FREQMHZ $config(crystal_mhz) \
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $config(clock_mhz) \
    CONFIG.PCW_EN_CLK0_PORT 1 \
    CONFIG.PCW_EN_RST0_PORT 1 \
    CONFIG.PCW_USE_M_AXI_GP0 1 \
    CONFIG.PCW_USE_S_AXI_HP0 1 \
    CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
  ] [get_bd_cells ps]
  create_bd_intf_port -mode Master -vlnv xilinx.com:interface:ddrx_rtl:1.0 DDR
  create_bd_intf_port -mode Master -vlnv xilinx.com:display_processing_system7:fixedio_rtl:1.0 FIXED_IO
  connect_bd_intf_net [get_bd_intf_ports DDR] [get_bd_intf_pins ps/DDR]
  connect_bd_intf_net [get_bd_intf_ports FIXED_IO] [get_bd_intf_pins ps/FIXED_IO]
  return [dict create \
    clock ps/FCLK_CLK0 reset ps/FCLK_RESET0_N clocked {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK} \
    control ps/M_AXI_GP0 memory ps/S_AXI_HP0 registers ps/Data dram ps/S_AXI_HP0/HP0_DDR_LOWOCM others {}]
}
