# A project without a processor: the board's top with its UART shell, and its pins.

proc make_pins_project {} {
  global config
  create_project -force $config(name) build/project -part $config(part)
  add_files -norecurse [sources_with_memories]
  add_files -fileset constrs_1 -norecurse [project_files $config(constraints)]
  set_property top $config(top) [current_fileset]
  update_compile_order -fileset sources_1
}
