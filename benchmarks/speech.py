"""What needs the speech corpus: verify and evaluate on real utterances."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hwsv.design import Design


def all_rows(design: Design, corpus: Path) -> Iterator[tuple[str, str, str]]:
    """(benchmark, figure, detail) of the benchmarks on speech."""
    trials = corpus / "lists" / "so762_test.trials"
    command = [
        sys.executable, "-m", "hwsv", "evaluate", str(design.folder), "--trials", str(trials),
        "--root", str(corpus / "audio"), "--json",
    ]  # fmt: skip
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    count = sum(1 for _ in trials.open())
    yield "evaluate", f"{seconds:.0f} s", f"{count} trials of so762_test, features not cached"
