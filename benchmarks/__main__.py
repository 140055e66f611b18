"""Run all benchmarks on a compiled design: ``python -m benchmarks build/nano [--corpus FOLDER]``."""

import argparse
import itertools
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import mvtu_area, rtl, scale, sizing, speech, speed
from benchmarks.machine import describe
from hwsv.design import Design


def main() -> None:
    """Print one table of figures; each line says what was measured and against what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("design", type=Path)
    parser.add_argument("--float", type=Path, default=Path("training/zoo/nano_float.onnx"))
    parser.add_argument("--model", type=Path, default=Path("training/zoo/nano.onnx"))
    parser.add_argument("--corpus", type=Path, help="folder with audio/ and lists/")
    parser.add_argument("--scale", type=Path, metavar="FOLDER", help="also ResNet34, compiled there (minutes)")
    options = parser.parse_args()
    console = Console()
    console.print(describe())
    design = Design.open(options.design)
    table = Table("benchmark", "figure", "detail", title=f"hwsv benchmarks, design {design.manifest.name}")
    started = time.perf_counter()
    rows = [
        speed.all_rows(design, options.model, options.float),
        sizing.all_rows(design),
        rtl.all_rows(design),
        [scale.efficiency(design)],
        mvtu_area.all_rows(),
    ]
    if options.scale:
        options.scale.mkdir(parents=True, exist_ok=True)
        rows.append(scale.all_rows(options.scale, rtl=True, long=False))
    if options.corpus:
        rows.append(speech.all_rows(design, options.corpus))
    for row in itertools.chain(*rows):
        table.add_row(*map(escape, row))
    console.print(table)
    console.print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
