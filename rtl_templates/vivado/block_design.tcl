# The block design: processor, DMA, accelerator; one clock, one reset, all addresses by name.
#
#   ps master -> control (SmartConnect) -> registers of the DMA and of the accelerator
#   memory -> DMA -> accelerator -> DMA -> memory, by way of memory (SmartConnect) and the ps slave

proc link {from to} {
  connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}

# One net from `source` to every pin of `sinks`.
proc net {source sinks} {
  foreach sink $sinks {
    connect_bd_net [get_bd_pins $source] [get_bd_pins $sink]
  }
}

proc ip_cell {name ip settings} {
  create_bd_cell -type ip -vlnv [newest_ip $ip] $name
  if {$settings ne ""} {
    set_property -dict $settings [get_bd_cells $name]
  }
}

# The interface of an HLS core for the C++ argument `name`; Vitis appends _r to some names (length is one).
proc hls_interface {name} {
  foreach candidate [list $name ${name}_r] {
    set found [get_bd_intf_pins -quiet core/$candidate]
    if {$found ne ""} {
      return core/$candidate
    }
  }
  give_up "the HLS core has no stream '$name'; was another design exported?"
}

proc make_block_design {} {
  global config
  create_project -force $config(name) build/project -part $config(part)
  set folders {}
  foreach folder $config(ip_folders) {
    lappend folders [file join $::here $folder]
  }
  set_property ip_repo_paths $folders [current_project]
  update_ip_catalog -rebuild
  create_bd_design system
  set ps [make_processor]

  ip_cell reset proc_sys_reset {}
  ip_cell control smartconnect {CONFIG.NUM_SI 1 CONFIG.NUM_MI 2 CONFIG.NUM_CLKS 1}
  ip_cell memory smartconnect {CONFIG.NUM_SI 2 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 1}
  ip_cell dma axi_dma [list \
    CONFIG.c_include_sg 0 \
    CONFIG.c_sg_include_stscntrl_strm 0 \
    CONFIG.c_sg_length_width $config(dma_length_bits) \
    CONFIG.c_include_mm2s 1 \
    CONFIG.c_include_s2mm 1 \
    CONFIG.c_m_axi_mm2s_data_width 32 \
    CONFIG.c_m_axis_mm2s_tdata_width $config(stream_bits) \
    CONFIG.c_m_axi_s2mm_data_width 32 \
    CONFIG.c_s_axis_s2mm_tdata_width $config(stream_bits) \
    CONFIG.c_addr_width 32 \
  ]
  create_bd_cell -type ip -vlnv $config(vendor):$config(library):$config(ip_top):$config(ip_version) accelerator

  link [dict get $ps control] control/S00_AXI
  link control/M00_AXI dma/S_AXI_LITE
  link control/M01_AXI accelerator/$config(registers)
  link dma/M_AXI_MM2S memory/S00_AXI
  link dma/M_AXI_S2MM memory/S01_AXI
  link memory/M00_AXI [dict get $ps memory]
  link dma/M_AXIS_MM2S accelerator/$config(stream_in)
  link accelerator/$config(stream_out) dma/S_AXIS_S2MM

  set clocked [list {*}[dict get $ps clocked] reset/slowest_sync_clk control/aclk memory/aclk \
    dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk accelerator/$config(ip_clock)]
  set resets [list control/aresetn memory/aresetn dma/axi_resetn accelerator/$config(ip_reset)]
  if {$config(core) ne ""} {
    # the network, from Vitis HLS, with the shell's reset: every utterance may start afresh
    create_bd_cell -type ip -vlnv $config(core) core
    link accelerator/$config(core_features) [hls_interface features]
    link accelerator/$config(core_length) [hls_interface length]
    link [hls_interface embedding] accelerator/$config(core_embedding)
    lappend clocked core/ap_clk
    net accelerator/$config(core_reset) core/ap_rst_n
  }
  net [dict get $ps clock] $clocked
  net [dict get $ps reset] reset/ext_reset_in
  net reset/peripheral_aresetn $resets

  # what the driver expects: overlay/overlay.json has the same numbers
  set registers [get_bd_addr_spaces [dict get $ps registers]]
  assign_bd_address -offset $config(dma_offset) -range $config(dma_range) -target_address_space $registers \
    [get_bd_addr_segs dma/S_AXI_LITE/Reg] -force
  assign_bd_address -offset $config(registers_offset) -range $config(registers_range) -target_address_space $registers \
    [get_bd_addr_segs -of_objects [get_bd_intf_pins accelerator/$config(registers)]] -force
  foreach space {dma/Data_MM2S dma/Data_S2MM} {
    assign_bd_address -offset 0x0 -range $config(dram_range) -target_address_space [get_bd_addr_spaces $space] \
      [get_bd_addr_segs [dict get $ps dram]] -force
    foreach other [dict get $ps others] {
      set segment [get_bd_addr_segs -quiet $other]
      if {$segment ne ""} {
        exclude_bd_addr_seg -target_address_space [get_bd_addr_spaces $space] $segment
      }
    }
  }

  validate_bd_design
  save_bd_design
  generate_target all [get_files system.bd]
  add_files -norecurse [make_wrapper -files [get_files system.bd] -top]
  set_property top system_wrapper [current_fileset]
  update_compile_order -fileset sources_1
}
