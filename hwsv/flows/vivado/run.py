"""``hwsv build`` for boards with flow ``vivado``: the projects, then the vendor's tools where they are installed."""

import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from hwsv.design import Design
from hwsv.errors import CheckFailed
from hwsv.flows import tools
from hwsv.flows.build import BuildReport
from hwsv.flows.vivado.project import Project, write_projects
from hwsv.simulator.timing import run as cycles

TABLE_ROWS = {
    "lut": r"(?:Slice|CLB) LUTs\*?",
    "ff": r"(?:Slice|CLB) Registers",
    "bram": r"Block RAM Tile",
    "dsp": r"DSPs",
}
"""Rows of Vivado's utilisation report, 7 series and UltraScale+ (the star: a figure before place and route)."""

_HLS_TOOLS = {"vitis_hls": ["-f", "run_hls.tcl"], "vitis-run": ["--mode", "hls", "--tcl", "run_hls.tcl"]}
"""Up to 2024.2, and later."""


def build(design: Design, progress: tools.Progress) -> BuildReport:
    """Write all projects of `design`, and build the first one (RTL, where it was compiled).

    Raises InputError for a board without a project; CheckFailed where the tools are missing (the projects are
    complete, and the message says how to build them), a tool fails or the timing is not met.
    """
    progress("Vivado projects")
    projects = write_projects(design)
    project = projects[0]
    missing = _missing(project)
    if missing:
        others = "".join(f" (or {other.folder})" for other in projects[1:])
        raise CheckFailed(
            f"no bitstream: {' and '.join(missing)} not in PATH; the project is complete, build it where Vivado is "
            f"installed with: make -C {project.folder}{others}"
        )
    seconds = {}
    if project.backend == "hls" and not project.hls_component.is_file():
        tool = next(tool for tool in _HLS_TOOLS if shutil.which(tool))
        progress("Vitis HLS")
        seconds["HLS"] = tools.run(
            [tool, *_HLS_TOOLS[tool]], project.folder / "hls", project.folder / "hls.log", "Vitis HLS"
        )
    started = time.time()
    seconds["Vivado"] = tools.run(
        ["vivado", "-mode", "batch", "-nojournal", "-nolog", "-source", "build.tcl"],
        project.folder, project.folder / "vivado.log", "Vivado",
        lambda line: progress(f"Vivado: {line.removeprefix('hwsv: ')}") if line.startswith("hwsv: ") else None,
    )  # fmt: skip
    for made in (project.bitstream, project.summary, project.utilisation):
        if not made.is_file() or made.stat().st_mtime < started - 2:
            raise CheckFailed(
                f"Vivado ended without an error but left no {made} (log: {project.folder / 'vivado.log'})"
            )
    return report(design, project, seconds)


def report(design: Design, project: Project, seconds: dict[str, float]) -> BuildReport:
    """What a finished project came to. Raises CheckFailed for a report that is not understood."""
    try:
        summary = json.loads(project.summary.read_text())
        period, slack = float(summary["period_ns"]), float(summary["wns_ns"])
        fmax, met = 1000 / (period - slack), min(slack, float(summary["whs_ns"])) >= 0
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise CheckFailed(f"{project.summary}: not a summary of build.tcl ({type(error).__name__})") from error
    used = utilisation(project.utilisation)
    board, example = design.manifest.board, design.manifest.input.frames_example
    interval = cycles(design.graph, [example] * 3).interval
    return BuildReport(
        design=design.manifest.name, board=board.name, device=board.device, bitstream=str(project.bitstream),
        bytes=project.bitstream.stat().st_size, seed=1, seeds_tried=[1], clock_mhz=round(1000 / period, 3),
        fmax_mhz=round(fmax, 2), timing_met=met, lut=round(used["lut"][0]), ff=round(used["ff"][0]),
        bram=used["bram"][0], dsp=round(used["dsp"][0]),
        utilisation={name: (int(-(-n // 1)), int(there)) for name, (n, there) in used.items()},
        critical_path=[], frames=example, interval=interval,
        embeddings_per_second=round(1e9 / period / interval, 2),
        seconds={step: round(value, 1) for step, value in seconds.items()}, tools={"vivado": str(summary["vivado"])},
    )  # fmt: skip


def utilisation(path: Path) -> dict[str, tuple[float, float]]:
    """(used, there) of LUTs, flip-flops, block RAMs of 36 kbit and multipliers. Raises CheckFailed."""
    text = path.read_text()
    found = {}
    for name, row in TABLE_ROWS.items():
        line = re.search(rf"^\|\s*{row}\s*\|(.*)\|\s*$", text, re.MULTILINE)
        cells = [cell.strip() for cell in line[1].split("|")] if line else []
        try:
            # used, fixed, [prohibited,] available, share
            found[name] = (float(cells[0]), float(cells[-2]))
        except (IndexError, ValueError) as error:
            raise CheckFailed(f"{path}: no row for {name} as Vivado writes it") from error
    return found


def _missing(project: Project) -> list[str]:
    """Commands that this project needs and PATH does not have."""
    needed: list[Sequence[str]] = [["vivado"]]
    if project.backend == "hls" and not project.hls_component.is_file():
        needed.append(list(_HLS_TOOLS))
    return [" or ".join(names) for names in needed if not any(shutil.which(name) for name in names)]
