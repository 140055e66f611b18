"""Traces for Perfetto (ui.perfetto.dev): every actor a track, busy or waiting, and waiting for what.

The file is Chrome's trace event format (JSON, gzipped if the name ends in .gz), for Perfetto and chrome://tracing.
Perfetto colours slices by their name, so a slice's name is the *reason* of the stall and its channel is an argument.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from hwsv.errors import InputError
from hwsv.graph import UnitGraph
from hwsv.simulator import kernel
from hwsv.simulator.tables import Tables, build
from hwsv.simulator.timing import execute

MAX_STALLS = 300_000
"""Stalls in a trace; where there are more, neighbours of one reason are merged more coarsely. Keeps files loadable."""

REASONS = {
    kernel.EMPTY: ("waits for input", "bad"),
    kernel.FULL: ("waits for output space", "terrible"),
    kernel.NEEDS: ("waits for buffered data", "yellow"),
    kernel.SPACE: ("waits for buffer space", "olive"),
}
"""Slice name and colour of each kind of stall."""


def write_trace(graph: UnitGraph, frames: list[int], clock_hz: float, path: Path) -> int:
    """Trace utterances of `frames` frames back to back into `path` (``.json`` or ``.json.gz``); returns its events.

    Timestamps are microseconds at `clock_hz`; the cycles are arguments. Raises Deadlock, InputError.
    """
    if not path.name.endswith((".json", ".json.gz")):
        raise InputError(f"{path}: a trace is a .json or .json.gz file")
    tables = build(graph, frames)
    events = _names(tables, graph.name) + _slices(tables, _stalls(tables), 1e6 / clock_hz)
    text = json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}, separators=(",", ":")).encode()
    # mtime=0: the same run gives the same bytes
    path.write_bytes(gzip.compress(text, mtime=0) if path.name.endswith(".gz") else text)
    return len(events)


def _stalls(tables: Tables) -> dict[str, np.ndarray]:
    """The log of stalls at the finest resolution that fits."""
    resolution = 1
    while True:
        state = execute(tables, log=MAX_STALLS, resolution=resolution)
        count = int(state["log_count"][0])
        if count < MAX_STALLS:
            return {name: state[f"log_{name}"][:count] for name in ("actor", "begin", "end", "cause", "culprit")} | {
                "now": state["now"]
            }
        resolution *= 8


def _names(tables: Tables, design: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{"ph": "M", "pid": 1, "name": "process_name", "args": {"name": design}}]
    for a, (node, actor) in enumerate(tables.actors):
        label = node if node == actor else f"{node} ({actor})"
        events.append({"ph": "M", "pid": 1, "tid": a + 1, "name": "thread_name", "args": {"name": label}})
        events.append({"ph": "M", "pid": 1, "tid": a + 1, "name": "thread_sort_index", "args": {"sort_index": a}})
    return events


def _slices(tables: Tables, stalls: dict[str, np.ndarray], microseconds: float) -> list[dict[str, Any]]:
    """Stalls, and the busy time between them."""
    events = []
    for a in range(len(tables.actors)):
        mine = np.flatnonzero(stalls["actor"] == a)
        at = 0
        for i in mine:
            begin, end = int(stalls["begin"][i]), int(stalls["end"][i])
            if begin > at:
                events.append(_slice(a, at, begin, "busy", "good", {}, microseconds))
            cause, culprit = int(stalls["cause"][i]), int(stalls["culprit"][i])
            name, colour = REASONS[cause]
            on = tables.channels[culprit] if cause in (kernel.EMPTY, kernel.FULL) else tables.buffers[culprit][1]
            events.append(_slice(a, begin, end, name, colour, {"on": on}, microseconds))
            at = end
        end = int(stalls["now"][a]) + 1
        if end > at:
            events.append(_slice(a, at, end, "busy", "good", {}, microseconds))
    return events


def _slice(
    actor: int, begin: int, end: int, name: str, colour: str, more: dict[str, Any], microseconds: float
) -> dict[str, Any]:
    return {
        "ph": "X", "pid": 1, "tid": actor + 1, "name": name, "cname": colour, "ts": round(begin * microseconds, 4),
        "dur": round((end - begin) * microseconds, 4), "args": {"cycle": begin, "cycles": end - begin, **more},
    }  # fmt: skip
