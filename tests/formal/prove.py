"""Unbounded proofs: SystemVerilog -> and-inverter graph (pyosys) -> property-directed reachability (its yosys-abc)."""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT = 300
"""Seconds for one proof."""

_SYNTHESIS = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    design.run_pass(command)
"""


def prove(top: str, sources: Sequence[Path], folder: Path, parameters: Mapping[str, int] | None = None) -> int | None:
    """Prove that output ``bad`` of module `top` (clock ``clk``, one output) is 0 in every reachable state.

    Tools run in `folder`: memory files are named from there.
    Returns None when it is proven, else the cycle in which a counterexample sets it. Registers and memories without an
    initial value start with any. Raises AssertionError with the tool's last lines when there is no answer.
    """
    values = "".join(f" -G {name}={value}" for name, value in (parameters or {}).items())
    aiger = "proof.aig"
    passes = (
        f"read_slang --top {top}{values} " + " ".join(str(path.resolve()) for path in sources),
        f"prep -flatten -top {top}", "opt_clean -purge", "memory_map", "techmap", "opt -full", "dffunmap", "aigmap",
        "opt_clean", f"write_aiger -zinit {aiger}",
    )  # fmt: skip
    _run([sys.executable, "-c", _SYNTHESIS, *passes], folder)
    said = _run([_abc(), "-c", f"read_aiger {aiger}; pdr -T {TIMEOUT}"], folder)
    if "Property proved" in said:
        return None
    for line in said.splitlines():
        if "was asserted in frame" in line:
            return int(line.split("frame")[1].split(".")[0])
    raise AssertionError(said[-500:])


def _abc() -> str:
    spec = importlib.util.find_spec("pyosys")
    assert spec and spec.submodule_search_locations, "pip install pyosys==0.70"
    return str(Path(spec.submodule_search_locations[0]) / "yosys-abc")


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=2 * TIMEOUT)
    said = done.stdout + done.stderr
    assert not done.returncode, said[-2000:]
    return said
