# Synthesis, place and route, reports; a bitstream only when the timing is met.

# To Vivado a memory file that it cannot read is a warning; the network would be built with zeros for weights.
proc check_memories {} {
  foreach log [glob -nocomplain build/project/$::config(name).runs/*/runme.log] {
    set file [open $log]
    set text [read $file]
    close $file
    if {[regexp -line {^.*could not open \$readmem.*$} $text line]} {
      give_up "a memory file was not read: $line (in $log)"
    }
  }
}

proc implement {jobs} {
  global config
  file mkdir reports
  say "synthesis"
  launch_runs synth_1 -jobs $jobs
  finish synth_1
  check_memories
  say "place and route"
  launch_runs impl_1 -to_step route_design -jobs $jobs
  finish impl_1

  open_run impl_1
  report_utilization -file reports/utilization.rpt
  report_timing_summary -file reports/timing.rpt
  set setup [get_property STATS.WNS [get_runs impl_1]]
  set hold [get_property STATS.WHS [get_runs impl_1]]
  set period [get_property PERIOD [get_clocks $config(clock_name)]]
  set summary [open reports/summary.json w]
  puts $summary "{\"vivado\": \"[version -short]\", \"period_ns\": $period, \"wns_ns\": $setup, \"whs_ns\": $hold}"
  close $summary
  close_design
  if {$setup < 0 || $hold < 0} {
    give_up "the timing is not met at $period ns (worst slack: setup $setup ns, hold $hold ns), so there is no bitstream: see reports/timing.rpt; lower clock_mhz in the board file, or compile with fewer --fps"
  }

  say "bitstream"
  launch_runs impl_1 -to_step write_bitstream -jobs $jobs
  finish impl_1
  set run build/project/$config(name).runs/impl_1
  file mkdir [file dirname $config(bitstream)]
  file copy -force $run/$config(top).bit $config(bitstream)
  if {$config(handoff) ne ""} {
    # PYNQ reads addresses and clocks from this file, by the bitstream's name
    set handoff build/project/$config(name).gen/sources_1/bd/system/hw_handoff/system.hwh
    if {![file isfile $handoff]} {
      give_up "$handoff is missing: was the block design generated?"
    }
    file copy -force $handoff $config(handoff)
    file copy -force reports/summary.json [file join [file dirname $config(handoff)] timing.json]
  }
  say "done: $config(bitstream), worst slack $setup ns at $period ns"
}
