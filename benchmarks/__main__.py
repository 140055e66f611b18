"""Run all benchmarks on a compiled design: ``python -m benchmarks build/nano [--corpus FOLDER]``."""

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import rtl, sizing, speech, speed
from benchmarks.machine import describe
from hwsv.design import Design


def main() -> None:
    """Print one table of figures; each line says what was measured and against what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("design", type=Path)
    parser.add_argument("--float", type=Path, default=Path("training/zoo/nano_float.onnx"))
    parser.add_argument("--model", type=Path, default=Path("training/zoo/nano.onnx"))
    parser.add_argument("--corpus", type=Path, help="folder with audio/ and lists/")
    options = parser.parse_args()
    console = Console()
    console.print(describe())
    design = Design.open(options.design)
    table = Table("benchmark", "figure", "detail", title=f"hwsv benchmarks, design {design.manifest.name}")
    started = time.perf_counter()
    for name, figure, detail in speed.all_rows(design, options.model, options.float):
        table.add_row(name, figure, detail)
    for name, figure, detail in sizing.all_rows(design):
        table.add_row(name, figure, detail)
    for name, figure, detail in rtl.all_rows(design):
        table.add_row(name, figure, detail)
    if options.corpus:
        for name, figure, detail in speech.all_rows(design, options.corpus):
            table.add_row(name, figure, detail)
    console.print(table)
    console.print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
