"""Commands around a design: boards, compile, estimate, simulate."""

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwsv.cli.app import app
from hwsv.cli.output import Json, check_writable, print_json, print_table, stages
from hwsv.errors import InputError

if TYPE_CHECKING:
    from hwsv.design import Design
    from hwsv.simulator import SimResult

DesignFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Design folder, made by 'hwsv compile'.")]


class Backend(StrEnum):
    """What the compiler emits."""

    hls = "hls"


@app.command()
def boards(as_json: Json = False) -> None:
    """List the boards."""
    from hwsv.boards import board_names, load_board

    known = [load_board(name) for name in board_names()]
    if as_json:
        return print_json({board.name: board.model_dump() for board in known})
    rows = [
        (b.name, b.description, b.flow, b.resources.lut, f"{b.resources.bram_kbit:,}", b.resources.dsp, b.clock_mhz)
        for b in known
    ]
    print_table("Boards", ["board", "description", "flow", ">LUT", ">BRAM kbit", ">DSP", ">clock MHz"], rows)


@app.command("compile")
def compile_(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="QONNX file of the network.")],
    board: Annotated[str, typer.Option(help="Board name (see 'hwsv boards') or a board file.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Design folder to write.")],
    fps: Annotated[float | None, typer.Option(help="Utterances a second to fold for.")] = None,
    backend: Annotated[Backend, typer.Option(help="What to emit.")] = Backend.hls,
    folding: Annotated[Path | None, typer.Option(metavar="FILE.yaml", help="PE, SIMD and lanes by unit.")] = None,
    as_json: Json = False,
) -> None:
    """Compile a network into a design folder."""
    from hwsv.compile import compile_model

    with stages("compile") as progress:
        design = compile_model(model, board, out, fps, backend.value, folding, progress)
    manifest = design.manifest
    if as_json:
        facts = manifest.model_dump(include={"name", "hash", "target_fps", "outputs"})
        return print_json(facts | {"folder": str(out), "board": manifest.board.name, "units": len(design.graph.nodes)})
    print(f"{out}: {manifest.name} for {manifest.board.name}, {len(design.graph.nodes)} units, {manifest.hash[:12]}")


@app.command()
def estimate(folder: DesignFolder, as_json: Json = False) -> None:
    """Estimate resources by the units' cost models."""
    from hwsv.design import Design
    from hwsv.estimate import estimate as run

    design = Design.open(folder)
    found, has = run(design.graph, design.manifest.board), design.manifest.board.resources
    if as_json:
        totals = {k: getattr(found, k) for k in ("lut", "ff", "dsp", "bram_kbit", "memory_bits")}
        units = [asdict(unit) for unit in found.units]
        return print_json(totals | {"memory": found.memory, "board": has.model_dump(), "units": units})
    rows = [(u.node, u.kind, u.folding, round(u.lut), round(u.ff), u.dsp, f"{u.memory_bits:,}") for u in found.units]
    print_table("Units (estimates)", ["unit", "kind", "folding", ">LUT", ">FF", ">DSP", ">memory bits"], rows)
    print_resources(design)


def print_resources(design: "Design") -> None:
    """Estimated resources against the board's, and memory by kind."""
    from hwsv.estimate import estimate as run

    board = design.manifest.board
    found, has = run(design.graph, board), board.resources
    pairs = [
        (f"LUT{has.lut_inputs}", found.lut, has.lut),
        ("flip-flops", found.ff, has.ff),
        ("block RAM kbit", round(found.bram_kbit), has.bram_kbit),
        ("DSP", found.dsp, has.dsp),
    ]
    rows = [(n, f"{used:,}", f"{there:,}", f"{100 * used / there:.0f} %" if there else "-") for n, used, there in pairs]
    print_table(f"Estimated resources on {board.name}", ["resource", ">used", ">board", ">share"], rows)
    kinds = [(kind, f"{bits / 1000:,.1f}") for kind, bits in (found.memory | {"all": found.memory_bits}).items()]
    print_table("Memory by kind", ["kind", ">kbit (1000 bits)"], kinds)


@app.command()
def simulate(
    folder: DesignFolder,
    wav: Annotated[list[Path] | None, typer.Option(help="Audio file; repeat for utterances back to back.")] = None,
    features: Annotated[list[Path] | None, typer.Option(metavar="F.npy", help="Integer features [T, F].")] = None,
    frames: Annotated[list[int] | None, typer.Option(help="Only a length: timing without data.")] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="F.json", help="Write a trace for Perfetto (.json or .json.gz).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict every cycle of the accelerator, and the words it moves."""
    from hwsv.design import Design
    from hwsv.embed import audio_features, fit, load_features
    from hwsv.simulator import simulate as run
    from hwsv.simulator.trace import write_trace

    if sum(map(bool, (wav, features, frames))) > 1:
        raise InputError("give one of --wav, --features and --frames")
    check_writable(trace)
    design = Design.open(folder)
    arrays = None
    if wav or features:
        loaded = audio_features(design, wav) if wav else [load_features(path) for path in features or []]
        arrays = [fit(design, a, str(path)) for a, path in zip(loaded, wav or features or [], strict=True)]
    result = run(design, arrays, frames, record=True)
    if trace:
        events = write_trace(design.graph, result.frames, design.manifest.board.clock_hz, trace)
        print(f"{trace}: {events:,} events, open it in Perfetto (ui.perfetto.dev)", file=sys.stderr)
    if as_json:
        return print_json(_sim_json(design, result))
    print_cycles(design, result)
    _print_units(design, result)


def print_cycles(design: "Design", result: "SimResult") -> None:
    """Latency, interval and what they mean at the board's clock."""
    timing, clock = result.timing, design.manifest.board.clock_hz
    rows = [
        ("latency of the first utterance", f"{timing.latency:,}", f"{1e3 * timing.latency / clock:.2f} ms"),
        ("interval between embeddings", f"{timing.interval:,}", f"{clock / timing.interval:,.1f} embeddings/s"),
        (f"all {len(timing.finish)} utterances", f"{timing.cycles:,}", f"{1e3 * timing.cycles / clock:.2f} ms"),
    ]
    print_table("Cycles", ["", ">cycles", f">at {design.manifest.board.clock_mhz:g} MHz"], rows)


def _print_units(design: "Design", result: "SimResult") -> None:
    timing = result.timing
    rows = []
    for unit in timing.units:
        worst = sorted(unit.stalls.items(), key=lambda item: -item[1])[:2]
        reasons = ", ".join(f"{reason}: {cycles:,}" for reason, cycles in worst)
        rows.append((unit.node, unit.actor, f"{unit.beats:,}", f"{100 * unit.utilisation:.0f} %", reasons))
    print_table("Units", ["unit", "actor", ">beats", ">busy", "most stalled cycles"], rows)
    print(f"bottleneck: {timing.bottleneck.node}")
    channels = [(t, design.graph.channels[t].depth, peak) for t, peak in timing.peak.items()]
    print_table("FIFOs", ["channel", ">depth (words)", ">peak"], channels)


def _sim_json(design: "Design", result: "SimResult") -> dict[str, Any]:
    timing = result.timing
    return {
        "latency_cycles": timing.latency,
        "interval_cycles": timing.interval,
        "cycles": timing.cycles,
        "finish": timing.finish,
        "clock_hz": design.manifest.board.clock_hz,
        "bottleneck": timing.bottleneck.node,
        "units": [asdict(unit) for unit in timing.units],
        "fifos": {t: {"depth": design.graph.channels[t].depth, "peak": peak} for t, peak in timing.peak.items()},
        "embeddings": [embedding.tolist() for embedding in result.embeddings],
    }
