"""Who owns which cells of a netlist: every unit's share, for comparison with its cost model.

yosys flattens a design, but names what it makes after what it is made of: a LUT is called after the register or the
port that it drives. So shares are as right as these names at the borders of units, and their sum is exact.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from hwsv.codegen.identifiers import identifier
from hwsv.codegen.rtl_model import graph_ports
from hwsv.flows.synthesis import Resources, count
from hwsv.graph import UnitGraph

NOTHING = Resources(0, 0, 0, 0)


@dataclass(frozen=True)
class Share:
    """What a unit takes, memories included, and what the FIFOs at its outputs take."""

    unit: Resources = NOTHING
    fifos: Resources = NOTHING

    @property
    def both(self) -> Resources:
        return self.unit + self.fifos


def breakdown(netlist: Path, top: str, graph: UnitGraph, core: str = "core") -> dict[str, Share]:
    """unit -> its share of `netlist` (`hwsv.flows.synthesis.synthesise`); "": the rest (shell, FIFOs of the inputs).

    core: instance of the accelerator in `top`; empty where `top` is the accelerator.
    """
    ports = graph_ports(graph)
    units = {identifier(node.name): node.name for node in graph}
    fifos = {
        f"{tensor if tensor in ports else identifier(tensor)}_fifo": node.name
        for node in graph
        for tensor in node.outputs
    }
    start = rf"^(?:\$\w+\\)?{core}[.\\]+" if core else r"^(?:\$flatten\\)?"
    instance = re.compile(start + r"([A-Za-z_]\w*)")
    cells: dict[tuple[str, str], dict[str, int]] = {}
    for name, cell in json.loads(netlist.read_text())["modules"][top]["cells"].items():
        found = instance.search(name)
        who = found[1] if found else ""
        key = (units[who], "unit") if who in units else (fifos.get(who, ""), "fifos")
        kinds = cells.setdefault(key, {})
        kinds[cell["type"]] = kinds.get(cell["type"], 0) + 1
    return {
        name: Share(count(cells.get((name, "unit"), {})), count(cells.get((name, "fifos"), {})))
        for name in [*(node.name for node in graph), ""]
    }
