"""Drivers of boards, one file each; `hwsv.host.drivers.driver` holds the one interface and finds them."""
