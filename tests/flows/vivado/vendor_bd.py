"""A block design: cells, nets, addresses; and what Vivado's validation, and ours, finds in it."""

from collections import Counter
from dataclasses import dataclass, field

from tests.flows.vivado.vendor_ip import Ip, Pin

WINDOWS = {"M_AXI_GP0": (0x4000_0000, 2**30), "M_AXI_HPM0_FPD": (0xA000_0000, 2**28)}
"""What a master of a processor reaches (UG585, UG1085)."""


@dataclass
class Segment:
    """An assigned piece of an address space."""

    segment: str
    offset: int
    size: int


@dataclass
class BlockDesign:
    """cells: name -> what it is; nets: sets of ``cell/pin``; links: pairs of interfaces; ports: external interfaces."""

    name: str
    cells: dict[str, Ip] = field(default_factory=dict)
    ports: set[str] = field(default_factory=set)
    nets: list[set[str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    assigned: dict[str, list[Segment]] = field(default_factory=dict)
    excluded: set[tuple[str, str]] = field(default_factory=set)
    checks: Counter[str] = field(default_factory=Counter)
    valid: bool = False

    def pin(self, path: str) -> Pin:
        cell, name = path.split("/")
        return self.cells[cell].pins[name]

    def connect(self, *paths: str) -> None:
        """One net; nets that share a pin become one."""
        joined = set(paths)
        for net in [net for net in self.nets if net & joined]:
            joined |= net
            self.nets.remove(net)
        drivers = [path for path in joined if self.pin(path).direction == "out"]
        if len(drivers) > 1:
            raise ValueError(f"a net with several drivers: {', '.join(sorted(drivers))}")
        self.nets.append(joined)

    def link(self, first: str, second: str) -> None:
        """Two interfaces, or one and a port."""
        for used in (first, second):
            if any(used in pair for pair in self.links):
                raise ValueError(f"{used} is connected already")
        if second in self.ports:
            first, second = second, first
        if first not in self.ports:
            one, other = self.interface(first), self.interface(second)
            if one.kind != other.kind:
                raise ValueError(f"{first} is {one.kind}, {second} is {other.kind}")
            if {one.mode, other.mode} != {"master", "slave"}:
                raise ValueError(f"{first} and {second} are both {one.mode}s")
            if one.bits != other.bits:
                raise ValueError(f"{first} has {one.bits} bits, {second} {other.bits}")
        self.links.append((first, second))

    def interface(self, path: str):
        cell, name = path.split("/")
        return self.cells[cell].interfaces[name]

    def other(self, path: str) -> str | None:
        """The other end of an interface's connection."""
        for pair in self.links:
            if path in pair:
                return pair[1 - pair.index(path)]
        return None

    def reached(self, master: str) -> set[str]:
        """Slave interfaces that a master gets to, through interconnects."""
        end = self.other(master)
        if end is None:
            return set()
        cell = end.split("/")[0]
        onward = [f"{cell}/{name}" for name in self.cells[cell].interfaces if name[:1] == "M" and name.endswith("_AXI")]
        if end.split("/")[1].startswith("S0") and onward:
            return set().union(*(self.reached(path) for path in onward))
        return {end}

    def assign(self, space: str, segment: str, offset: int, size: int) -> None:
        cell, name = segment.split("/", 1)
        interface, least = self.cells[cell].segments[name]
        if size & (size - 1) or size < 2**12:
            raise ValueError(f"{segment}: a range of {size:#x} bytes")
        if offset % size:
            raise ValueError(f"{segment}: {offset:#x} is no multiple of its range {size:#x}")
        if size > least:
            raise ValueError(f"{segment} has {least:#x} bytes, not {size:#x}")
        master_cell, master_space = space.split("/")
        masters = [f"{master_cell}/{master}" for master in self.cells[master_cell].spaces[master_space]]
        via = [master for master in masters if f"{cell}/{interface}" in self.reached(master)]
        if not via:
            raise ValueError(f"{space} does not reach {segment}")
        low, room = WINDOWS.get(via[0].split("/")[1], (0, 2**32))
        if not low <= offset <= offset + size <= low + room:
            raise ValueError(f"{segment}: {offset:#x} is outside of what {via[0]} reaches")
        for there in self.assigned.setdefault(space, []):
            if offset < there.offset + there.size and there.offset < offset + size:
                raise ValueError(f"{segment} at {offset:#x} overlaps {there.segment} at {there.offset:#x}")
        self.assigned[space].append(Segment(segment, offset, size))

    def validate(self) -> None:
        """Everything connected, clocked, reset and mapped; else ValueError."""
        self.checks.clear()
        for cell, ip in self.cells.items():
            self.checks["interfaces"] += len(ip.interfaces)
            for name, interface in ip.interfaces.items():
                if not interface.optional and self.other(f"{cell}/{name}") is None:
                    raise ValueError(f"interface {cell}/{name} is not connected")
            for name, pin in ip.pins.items():
                if not pin.optional:
                    self.checks["clocks and resets"] += 1
                    self._check_driven(f"{cell}/{name}", pin)
            for space, masters in ip.spaces.items():
                self._check_mapped(f"{cell}/{space}", [f"{cell}/{master}" for master in masters])
        self.valid = True

    def _check_driven(self, path: str, pin: Pin) -> None:
        net = next((net for net in self.nets if path in net), None)
        drivers = [other for other in net or () if self.pin(other).direction == "out"]
        if not drivers or (pin.direction == "out" and net == {path}):
            raise ValueError(f"{pin.role} {path} is not connected")
        if self.pin(drivers[0]).role != pin.role:
            raise ValueError(f"{path} is a {pin.role}, {drivers[0]} a {self.pin(drivers[0]).role}")

    def _check_mapped(self, space: str, masters: list[str]) -> None:
        mapped = {s.segment for s in self.assigned.get(space, [])}
        for master in masters:
            for slave in self.reached(master):
                cell, name = slave.split("/")
                for segment in [s for s, (interface, _) in self.cells[cell].segments.items() if interface == name]:
                    if f"{cell}/{segment}" not in mapped and (space, f"{cell}/{segment}") not in self.excluded:
                        raise ValueError(f"{space} has no address for {cell}/{segment}")
                    self.checks["addresses"] += 1
