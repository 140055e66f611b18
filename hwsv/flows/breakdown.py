"""Resources of every unit and FIFO of a design, each synthesised alone: what the cost models are compared with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsv.codegen import rtl
from hwsv.codegen.identifiers import identifier
from hwsv.codegen.rtl_model import RtlChannel, RtlModel, RtlUnit
from hwsv.flows import tools
from hwsv.flows.synthesis import Resources, count, synthesise
from hwsv.graph import UnitGraph

NOTHING = Resources(0, 0, 0, 0)
_TOP = "hwsv_parts"


@dataclass(frozen=True)
class Share:
    """What a unit takes, memories included, and what the FIFOs at its outputs take."""

    unit: Resources = NOTHING
    fifos: Resources = NOTHING


def breakdown(
    graph: UnitGraph, model: RtlModel, family: str, folder: Path, progress: tools.Progress = lambda what: None
) -> dict[str, Share]:
    """unit -> its share. `model`: the RTL of the wired `graph` (`hwsv.codegen.rtl_model.build`), whose memory files are
    in ``folder/mem``; ``folder/parts`` is made.

    Units and FIFOs with the same parameters are synthesised once. Raises CheckFailed with yosys' message.
    """
    out = folder / "parts"
    rtl.write_modules(out, [unit.kind for unit in model.units])
    wrappers: dict[str, str] = {}  # text -> module
    units = {unit.name: _named(wrappers, _unit(model, unit)) for unit in model.units}
    fifos = {channel.tensor: _named(wrappers, _fifo(channel)) for channel in model.channels}
    text = "\n".join(body.replace("MODULE", name) for body, name in wrappers.items())
    instances = "".join(f"  (* keep *) {name} {name}_0 ();\n" for name in wrappers.values())
    (out / f"{_TOP}.sv").write_text(f"{text}\nmodule {_TOP};\n{instances}endmodule\n")
    netlist = out / f"{_TOP}.json"
    synthesise(sorted(out.glob("*.sv")), _TOP, family, netlist, out, progress)
    found = _count_modules(netlist)
    shares = {}
    for node in graph:
        behind = sum((found[fifos[tensor]] for tensor in node.outputs), NOTHING)
        shares[node.name] = Share(found[units[identifier(node.name)]], behind)
    return shares


def _named(wrappers: dict[str, str], body: str) -> str:
    return wrappers.setdefault(body, f"hwsv_part_{len(wrappers)}")


def _unit(model: RtlModel, unit: RtlUnit) -> str:
    """A module MODULE that holds only the unit, with ports for all of its signals."""
    bits = {channel.name: channel.bits for channel in model.channels}
    wide_in, wide_out = (sum(bits[name] for name in names) for names in (unit.inputs, unit.outputs))
    ports = [
        ("input", 1, "clk"), ("input", 1, "rst"),
        ("input", len(unit.inputs), "in_valid"), ("input", wide_in, "in_data"), ("output", len(unit.inputs), "in_pop"),
        ("input", len(unit.outputs), "out_credit"), ("output", len(unit.outputs), "out_issue"),
        ("output", len(unit.outputs), "out_push"), ("output", wide_out, "out_data"),
    ]  # fmt: skip
    if unit.length:
        ports += [("input", 1, "length_valid"), ("input", 16, "length_data"), ("output", 1, "length_pop")]
    return _wrapper(f"hwsv_{unit.kind}", unit.parameters, ports)


def _fifo(channel: RtlChannel) -> str:
    width = channel.bits
    parameters = {"WIDTH": width, "DEPTH": channel.depth, "LATENCY": channel.latency, "BLOCK": channel.block}
    ports = [("input", 1, name) for name in ("clk", "rst", "issue", "push", "pop")]
    ports += [("input", width, "push_data"), ("output", width, "data"), ("output", 1, "credit"), ("output", 1, "valid")]
    return _wrapper("hwsv_fifo", [(name, str(value)) for name, value in parameters.items()], ports)


def _wrapper(module: str, parameters: list[tuple[str, str]], ports: list[tuple[str, int, str]]) -> str:
    """The text of a module MODULE around `module`; it stays whole in synthesis."""
    declared = ", ".join(f"{direction} logic [{bits - 1}:0] {name}" for direction, bits, name in ports)
    values = ", ".join(f".{name}({value})" for name, value in parameters)
    connected = ", ".join(f".{name}" for _, _, name in ports)
    return f"(* keep_hierarchy *) module MODULE ({declared});\n  {module} #({values}) part ({connected});\nendmodule\n"


def _count_modules(netlist: Path) -> dict[str, Resources]:
    modules: dict[str, Any] = json.loads(netlist.read_text())["modules"]
    found = {}
    for name, content in modules.items():
        cells: dict[str, int] = {}
        for cell in content["cells"].values():
            cells[cell["type"]] = cells.get(cell["type"], 0) + 1
        found[name.split("$")[0]] = count(cells)
    return found
