# What all scripts of the project share: messages, versions, files.

# Ends the build with one line.
proc give_up {text} {
  puts "ERROR: hwsv: $text"
  exit 1
}

proc say {text} {
  puts "hwsv: $text"
}

# 2022.2 is the oldest release that the commands here are known from, 2025.x the newest.
proc check_version {} {
  set version [version -short]
  if {![regexp {^(\d+)\.(\d+)} $version -> year release]} {
    give_up "Vivado says version '$version', which is none; this project is for 2022.2 to 2025.x"
  }
  if {$year < 2022 || ($year == 2022 && $release < 2)} {
    give_up "Vivado $version is too old: this project is for 2022.2 to 2025.x"
  }
  if {$year > 2025} {
    say "WARNING: Vivado $version is newer than 2025.x, the last one that this project was written for"
  }
}

# Full names of files of this folder; ends the build at the first one that is missing.
proc project_files {names} {
  set found {}
  foreach name $names {
    set path [file join $::here $name]
    if {![file isfile $path]} {
      give_up "$path is missing: write the project again (hwsv build DIR) or copy it whole"
    }
    lappend found $path
  }
  return $found
}

# The RTL as copies in build/src that name their memory files by full path. That is the one name under which every run
# of Vivado finds them, in whatever folder it works; a packaged IP does not carry them reliably.
proc sources_with_memories {} {
  set names {}
  foreach name $::config(memories) path [project_files $::config(memories)] {
    lappend names "\"[file tail $name]\"" "\"$path\""
  }
  set copies {}
  file mkdir [file join $::here build src]
  foreach path [project_files $::config(sources)] {
    set file [open $path]
    set text [read $file]
    close $file
    lappend copies [file join $::here build src [file tail $path]]
    set file [open [lindex $copies end] w]
    puts -nonewline $file [string map $names $text]
    close $file
  }
  return $copies
}

# The newest version of a vendor's IP in this Vivado's catalogue.
proc newest_ip {name} {
  set found [lsort -dictionary [get_ipdefs -all "xilinx.com:ip:${name}:*"]]
  if {$found eq ""} {
    give_up "this Vivado has no IP '$name' for $::config(part); install its device family"
  }
  return [lindex $found end]
}

# Waits for a run; ends the build if it has failed.
proc finish {run} {
  wait_on_run $run
  if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
    give_up "$run failed: [get_property STATUS [get_runs $run]]; see build/project/[get_property NAME [current_project]].runs/$run/runme.log"
  }
}
