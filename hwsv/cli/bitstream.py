"""Commands around boards: build."""

from typing import TYPE_CHECKING, Annotated

import typer

from hwsv.cli.app import app
from hwsv.cli.design import DesignFolder
from hwsv.cli.output import Json, print_json, print_table, stages

if TYPE_CHECKING:
    from hwsv.flows.build import BuildReport


@app.command()
def build(
    folder: DesignFolder,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Placements to try until the timing is met.")] = 8,
    first_seed: Annotated[int, typer.Option(min=1, help="The first of them.")] = 1,
    as_json: Json = False,
) -> None:
    """Build the bitstream of a design and its shell: with open tools, or as Vivado projects."""
    from hwsv.design import Design
    from hwsv.flows.build import build as run

    with stages("build") as progress:
        report = run(Design.open(folder), seeds, first_seed, progress)
    if as_json:
        return print_json(report.model_dump())
    print_report(report)


def print_report(report: "BuildReport") -> None:
    """Utilisation, timing and cost of a build."""
    used = [
        (kind, f"{used:,}", f"{there:,}", f"{100 * used / there:.0f} %" if there else "-")
        for kind, (used, there) in sorted(report.utilisation.items())
    ]
    print_table(f"Utilisation of {report.device}", ["cell", ">used", ">there", ">share"], used)
    rows = [
        ("LUTs, flip-flops, RAM blocks, multipliers", f"{report.lut:,}, {report.ff:,}, {report.bram:g}, {report.dsp}"),
        ("clock wanted", f"{report.clock_mhz:g} MHz"),
        ("clock reached", f"{report.fmax_mhz:g} MHz (seed {report.seed} of {len(report.seeds_tried)})"),
        (f"embeddings of {report.frames} frames", f"{report.embeddings_per_second:g} a second"),
        *((f"CPU time, {step}", f"{seconds:g} s") for step, seconds in report.seconds.items()),
        ("bitstream", f"{report.bitstream} ({report.bytes:,} bytes)"),
    ]
    print_table(f"{report.design} on {report.board}", ["", ""], rows)
