"""What commands print: tables or JSON on stdout, progress on stderr when it is a terminal."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hwsv.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout; columns that start with ">" are right-aligned. Cells are text, never markup."""
    table = Table(title=Text(title, "bold"), title_justify="left")
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    # Cut-off names are worse than wrapped lines: a table is as wide as it wants to be, whatever the terminal.
    wide = Console(width=400)
    Console(width=max(Console().width, wide.measure(table).maximum)).print(table)


def check_writable(path: Path | None) -> None:
    """Refuse a place that cannot be written before hours of work, not after. Raises InputError."""
    if path and path.is_dir():
        raise InputError(f"{path}: cannot be written: it is a folder")
    if path and not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written: its folder is missing or read-only")


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A function of (task, done, total) that moves one bar per task; None when nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield report


@contextmanager
def stages(title: str) -> Iterator[Callable[[str], None]]:
    """A function that shows the name of the stage a command is in."""
    if not sys.stderr.isatty():
        yield lambda stage: None
        return
    console = Console(stderr=True)
    with console.status(title) as status:
        yield lambda stage: status.update(f"{title}: {stage}")
