"""The RTL of random units and networks passes Verilator's ``-Wall`` and yosys' ``read_slang`` without a warning."""

import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from hwsv.boards import load_board
from hwsv.codegen import rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.cosim import verilator
from tests.rtl import configurations
from tests.units import catalogue

_READ = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    design.run_pass(command)
"""


@pytest.fixture(scope="module")
def designs(tmp_path_factory):
    """(folder of the RTL, its tops): a few random designs side by side."""
    r, folder, tops = Random(11), tmp_path_factory.mktemp("designs") / "rtl", []
    for number in range(20):
        graph = configurations.random_case(r).graph
        graph.nodes = [replace(node, name=f"d{number}_{node.name}") for node in graph]
        write_memories(graph, folder.parent / "mem")
        rtl.generate(graph, f"design{number}", folder, load_board(r.choice(["ulx3s-25f", "tang-nano-20k"])))
        tops.append(f"design{number}")
    return folder, tops


def test_verilator_has_no_warnings(designs):
    folder, tops = designs
    for top in tops:
        assert verilator.lint(folder, top, [*sorted(folder.glob("hwsv_*.sv")), folder / f"{top}.sv"]) == ""


def test_slang_has_no_warnings_and_yosys_finds_no_latch(designs):
    folder, tops = designs
    modules, commands = " ".join(sorted(path.name for path in folder.glob("hwsv_*.sv"))), []
    for top in tops:
        commands += [f"read_slang --top {top} {modules} {top}.sv", "proc", "check -assert"]
        commands += ["select -assert-none t:$dlatch", "design -reset"]
    done = subprocess.run([sys.executable, "-c", _READ, *commands], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-1000:]
    assert done.stdout.count("Build succeeded: 0 errors, 0 warnings") == len(tops)


@pytest.mark.parametrize("kind", ["mvtu", "requantise", "threshold", "lookup"])
def test_wrong_memories_end_the_elaboration(tmp_path, kind):
    """A memory that is a bit too wide is refused by name."""
    rtl.write_modules(tmp_path, [kind])
    unit = catalogue.MAKERS[kind](Random(1))
    parameters = dict(unit.rtl_parameters())
    for name, (_, depth, width) in unit.memory_shapes().items():
        parameters |= {f"{name.upper()}_DEPTH": depth, f"{name.upper()}_BITS": width + 1}
    values = [f"-G{name}={value}" for name, value in parameters.items()]
    said = verilator.lint(tmp_path, f"hwsv_{kind}", sorted(tmp_path.glob("*.sv")), values)
    assert f"{kind}: the" in said and "memor" in said
