"""SystemVerilog of a design: ``DIR/rtl/``, which Verilator, yosys and Vivado read as it stands.

::

    <name>.sv                whole network: units and channels, AXI-Stream ports
    units/<unit>_top.sv      one unit with a channel at every port
    hwsv_<module>.sv         the units and what they are built of (``rtl_templates/``)
    files.f                  the sources of the network, for any tool's ``-f``

Memories are read from ``../mem/``: simulators and synthesis run in ``DIR/rtl``.
"""

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2

from hwsv import __version__
from hwsv.boards import Board
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.rtl_model import RtlModel, build, unit_model
from hwsv.codegen.templates import templates
from hwsv.graph import UnitGraph
from hwsv.resources import data_folder

BUILDING_BLOCKS = ("fifo", "rom", "ram", "delay", "element", "multiply", "partials")
"""Modules that units are built of."""


def generate(graph: UnitGraph, name: str, folder: Path, board: Board) -> RtlModel:
    """Write the RTL of the wired `graph` into `folder`; its memories must be in ``../mem``. Raises InputError."""
    module = design_identifier(name)
    model = build(graph, module, board)
    write_modules(folder, [unit.kind for unit in model.units])
    write_top(folder / f"{module}.sv", model)
    for unit in model.units:
        write_top(folder / "units" / f"{unit.name}_top.sv", unit_model(model, unit))
    sources = sorted(path.name for path in folder.glob("hwsv_*.sv"))
    (folder / "files.f").write_text("\n".join([*sources, f"{module}.sv"]) + "\n")
    return model


def write_modules(folder: Path, kinds: Sequence[str]) -> None:
    """Copy the modules of the units of `kinds`, and what they are built of."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in sorted({*kinds, *BUILDING_BLOCKS}):
        shutil.copyfile(data_folder("rtl_templates") / f"{kind}.sv", folder / f"hwsv_{kind}.sv")


def write_top(path: Path, model: RtlModel) -> None:
    """Write the top of `model`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_templates().get_template("top.sv.j2").render(model=model, version=__version__))


def _concat(names: Sequence[str], suffix: str) -> str:
    """Signals of several ports as one vector, port 0 in the least significant bits."""
    signals = [f"{name}_{suffix}" for name in names]
    return signals[0] if len(signals) == 1 else "{" + ", ".join(reversed(signals)) + "}"


@cache
def _templates() -> jinja2.Environment:
    environment = templates("rtl_templates", "project").overlay()
    environment.filters = environment.filters | {"concat": _concat}
    return environment
