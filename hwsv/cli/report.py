"""The command that explains a design: report."""

from pathlib import Path
from typing import Annotated

import typer

from hwsv.cli.app import app
from hwsv.cli.design import DesignFolder
from hwsv.cli.output import Json, check_writable, print_json, stages


@app.command()
def report(
    folder: DesignFolder,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE.html", help="Page to write (DIR/report.html).")
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="What 'hwsv evaluate --json' printed, instead of what the design keeps."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain a design in one self-contained HTML page: pipeline, cycles, FIFOs, resources, error rates."""
    from hwsv.design import Design
    from hwsv.report.content import gather
    from hwsv.report.page import render

    design = Design.open(folder)
    path = out or design.folder / "report.html"
    check_writable(path)
    with stages("report") as progress:
        progress("simulation and estimates")
        found = gather(design, evaluation)
        progress("page")
        path.write_text(render(found), encoding="utf-8")
    if as_json:
        facts = {
            "file": str(path),
            "bytes": path.stat().st_size,
            "frames": found.activity.frames,
            "latency_cycles": found.activity.latency,
            "interval_cycles": found.activity.interval,
            "bottleneck": found.activity.bottleneck,
            "units": len(found.units),
            "fifos": len(found.fifos),
            "built": found.built is not None,
            "evaluated": sorted(found.evaluation.lists) if found.evaluation else [],
        }
        return print_json(facts)
    size = path.stat().st_size
    print(f"{path}: {len(found.units)} units, {len(found.fifos)} FIFOs, {size:,} bytes; open it in a browser")
