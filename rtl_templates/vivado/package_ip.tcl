# Packages the RTL as an IP with AXI ports, in build/ip.

proc package_ip {} {
  global config
  create_project -force package build/package -part $config(part)
  add_files -norecurse [sources_with_memories]
  set_property top $config(ip_top) [current_fileset]
  update_compile_order -fileset sources_1

  ipx::package_project -root_dir [file join $::here build/ip] -vendor $config(vendor) -library $config(library) -taxonomy /UserIP -import_files -force
  set core [ipx::current_core]
  set_property name $config(ip_top) $core
  set_property version $config(ip_version) $core
  set_property display_name "$config(ip_top) (hwsv)" $core
  set_property description $config(ip_description) $core
  set_property supported_families [list $config(ip_family) Production] $core
  set interfaces {}
  foreach {name mode} $config(ip_interfaces) {
    set interface [ipx::get_bus_interfaces $name -of_objects $core]
    if {$interface eq ""} {
      give_up "Vivado did not see the interface $name of $config(ip_top)"
    }
    if {[get_property interface_mode $interface] ne $mode} {
      give_up "interface $name of $config(ip_top) is a [get_property interface_mode $interface], not a $mode"
    }
    lappend interfaces $name
  }
  set clock [ipx::get_bus_interfaces $config(ip_clock) -of_objects $core]
  set associated [ipx::get_bus_parameters ASSOCIATED_BUSIF -of_objects $clock]
  if {$associated eq ""} {
    set associated [ipx::add_bus_parameter ASSOCIATED_BUSIF $clock]
  }
  set_property value [join $interfaces :] $associated
  ipx::create_xgui_files $core
  ipx::update_checksums $core
  ipx::check_integrity $core
  ipx::save_core $core
  close_project
}
