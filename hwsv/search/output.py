"""The folder that a search writes: ``search.json``, the picture, and a folding file for every Pareto-optimal point."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from hwsv import __version__
from hwsv.boards import Board
from hwsv.errors import InputError
from hwsv.estimate import SHELL, UTILISATION
from hwsv.search.explore import WEIGHTS, Found
from hwsv.search.picture import draw
from hwsv.search.point import Point, Problem, usable

INDEX = "search.json"
PICTURES = ("pareto.svg", "pareto.png")


def check_place(out: Path) -> None:
    """Refuse a folder that holds something else than a search, before any work. Raises InputError."""
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / INDEX).is_file())):
        raise InputError(f"{out} exists and is not a search: choose another folder or remove it")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not os.access(parent, os.W_OK):
        raise InputError(f"{out}: cannot be made: {parent} is not writable")


def write(found: Found, problem: Problem, model: Path, wanted_fps: float | None, out: Path) -> dict[str, Any]:
    """Write the folder, whole or not at all, in the place of an older search; returns what ``search.json`` holds."""
    check_place(out)
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{out.name}.hwsv-", dir=out.parent))
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {error.strerror}") from error
    try:
        made = workshop / "new"
        made.mkdir(mode=0o755)
        facts = index(found, problem, hashlib.sha256(model.read_bytes()).hexdigest(), wanted_fps)
        (made / INDEX).write_text(json.dumps(facts, indent=1) + "\n")
        for row, point in zip(facts["points"], found.points, strict=True):
            if row["pareto"]:
                (made / row["file"]).write_text(_folding_file(point, problem.board, problem.graph.name))
        draw(found, problem, wanted_fps, [made / name for name in PICTURES])
        if out.exists():
            out.rename(workshop / "old")
        made.rename(out)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return facts


def index(found: Found, problem: Problem, model_sha256: str, wanted_fps: float | None) -> dict[str, Any]:
    """What ``search.json`` holds: nothing that differs between two runs, machines or numbers of workers."""
    board = problem.board
    has = board.resources
    there = {"LUT": has.lut, "flip-flops": has.ff, "block RAM": has.bram_blocks, "DSP": has.dsp}
    return {
        "format": 1,
        "name": problem.graph.name,
        "model_sha256": model_sha256,
        "hwsv_version": __version__,
        "board": board.name,
        "clock_mhz": board.clock_mhz,
        "frames": problem.frames,
        "goal": "fastest" if wanted_fps is None else {"fps": wanted_fps},
        "limits": {
            key: {"board": n, "share": UTILISATION[key], "shell": SHELL[key], "usable": usable(n, key)}
            for key, n in there.items()
        },
        "rates_cycles": found.rates,
        "weights": [asdict(weights) for weights in WEIGHTS],
        "chosen": found.chosen,
        "points": [_row(found, i, board) for i in range(len(found.points))],
    }


def _row(found: Found, number: int, board: Board) -> dict[str, Any]:
    point = found.points[number]
    on_front = number in found.pareto
    return {
        "file": file_name(found, number, board) if on_front else None,
        "pareto": on_front,
        "chosen": number == found.chosen,
        "fits": point.fits,
        "missing": point.over,
        "fps": round(board.clock_hz / point.interval, 4),
        "interval_cycles": point.interval,
        "latency_cycles": point.latency,
        "bottleneck": point.bottleneck,
        "lut": point.lut,
        "ff": point.ff,
        "bram_blocks": point.bram,
        "dsp": point.dsp,
        "area": round(point.area, 1),
        "folded_for_cycles": point.cycles,
        "weights": asdict(point.weights),
        "hash": point.hash or None,
        "folding": point.folding,
    }


def file_name(found: Found, number: int, board: Board) -> str:
    """Of the folding of a Pareto-optimal point: its rank, from the fastest on, and its rate."""
    fps = board.clock_hz / found.points[number].interval
    return f"{found.pareto.index(number) + 1:02d}-{fps:.0f}fps.yaml"


def _folding_file(point: Point, board: Board, name: str) -> str:
    fps = board.clock_hz / point.interval
    head = (
        f"# {name} on {board.name}: {fps:.2f} utterances/s (an embedding every {point.interval} cycles), estimated\n"
        f"# {point.lut} LUT{board.resources.lut_inputs}, {point.ff} flip-flops, {point.bram} block RAM, "
        f"{point.dsp} DSP. Design {point.hash[:12]} of 'hwsv compile --folding'.\n"
    )
    return head + yaml.safe_dump(point.folding, default_flow_style=None, sort_keys=False, width=120)
