# The processing system of a Zynq UltraScale+: one master (HPM0_FPD), one slave (HP0_FPD), one clock.
#
# Memory, pins and PLLs of the processor were set up by the board's boot loader; loading a bitstream does not change
# them, so the IP's defaults stand for them.

proc make_processor {} {
  global config
  create_bd_cell -type ip -vlnv [newest_ip zynq_ultra_ps_e] ps
  set_property -dict [list \
    CONFIG.PSU__FPGA_PL0_ENABLE 1 \
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $config(clock_mhz) \
    CONFIG.PSU__USE__M_AXI_GP0 1 \
    CONFIG.PSU__USE__M_AXI_GP1 0 \
    CONFIG.PSU__USE__M_AXI_GP2 0 \
    CONFIG.PSU__USE__S_AXI_GP2 1 \
  ] [get_bd_cells ps]
  return [dict create \
    clock ps/pl_clk0 reset ps/pl_resetn0 clocked {ps/maxihpm0_fpd_aclk ps/saxihp0_fpd_aclk} \
    control ps/M_AXI_HPM0_FPD memory ps/S_AXI_HP0_FPD registers ps/Data dram ps/SAXIGP2/HP0_DDR_LOW \
    others {ps/SAXIGP2/HP0_DDR_HIGH ps/SAXIGP2/HP0_QSPI ps/SAXIGP2/HP0_LPS_OCM}]
}
