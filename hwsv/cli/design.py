"""Commands around a design: boards, compile, estimate, simulate."""

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwsv.cli.app import app
from hwsv.cli.output import Json, check_writable, print_json, print_table, stages
from hwsv.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from hwsv.design import Design
    from hwsv.simulator import SimResult
    from hwsv.units.base import Tensor

DesignFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Design folder, made by 'hwsv compile'.")]


class Backend(StrEnum):
    """What the compiler emits."""

    hls = "hls"
    rtl = "rtl"
    both = "both"


class Check(StrEnum):
    """What ``hwsv simulate`` can be checked against."""

    rtl = "rtl"


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
    fps: Annotated[
        str | None, typer.Option(metavar="N|max", help="Utterances a second to fold for, or the most that fit.")
    ] = None,
    backend: Annotated[Backend, typer.Option(help="What to emit.")] = Backend.both,
    folding: Annotated[Path | None, typer.Option(metavar="FILE.yaml", help="PE, SIMD and lanes by unit.")] = None,
    as_json: Json = False,
) -> None:
    """Compile a network into a design folder."""
    from hwsv.compile import compile_model, parse_fps
    from hwsv.folding import bottleneck

    with stages("compile") as progress:
        design = compile_model(model, board, out, parse_fps(fps), backend.value, folding, progress)
    manifest = design.manifest
    if as_json:
        facts = manifest.model_dump(include={"name", "hash", "target_fps", "limit", "outputs"})
        facts["bottleneck"] = bottleneck(design.graph, manifest.input.frames_example)[0]
        return print_json(facts | {"folder": str(out), "board": manifest.board.name, "units": len(design.graph.nodes)})
    print(f"{out}: {manifest.name} for {manifest.board.name}, {len(design.graph.nodes)} units, {manifest.hash[:12]}")
    print_bottleneck(design)
    print_fit(design)


@app.command()
def estimate(folder: DesignFolder, as_json: Json = False) -> None:
    """Estimate resources by the units' cost models."""
    from hwsv.design import Design
    from hwsv.estimate import estimate as run
    from hwsv.folding import bottleneck, unit_cycles

    design = Design.open(folder)
    found, has = run(design.graph, design.manifest.board), design.manifest.board.resources
    beats = unit_cycles(design.graph, design.manifest.input.frames_example)
    name, cycles = bottleneck(design.graph, design.manifest.input.frames_example)
    if as_json:
        totals = {k: getattr(found, k) for k in ("lut", "ff", "dsp", "bram_blocks", "bram_kbit", "memory_bits")}
        units = [unit.to_json() for unit in found.units]
        facts = totals | {"bottleneck": name, "bottleneck_cycles": cycles, "limit": design.manifest.limit}
        facts["channels"] = {tensor: asdict(channel) for tensor, channel in design.graph.channels.items()}
        return print_json(facts | {"memory": found.memory, "board": has.model_dump(), "units": units})
    rows = [
        (u.node, u.kind, u.folding, round(u.lut), round(u.memory_lut), round(u.ff), u.dsp, u.bram_blocks,
         f"{u.memory_bits:,}", f"{beats.get(u.node, 0):,}")
        for u in found.units
    ]  # fmt: skip
    columns = ["LUT logic", "LUT memory", "FF", "DSP", "RAM blocks", "memory bits", "cycles"]
    print_table("Units (estimates)", ["unit", "kind", "folding", *(f">{column}" for column in columns)], rows)
    print_resources(design)
    print_bottleneck(design)


def print_resources(design: "Design") -> None:
    """Estimated resources against the board's, and memory by kind."""
    from hwsv.estimate import estimate as run

    board = design.manifest.board
    found = run(design.graph, board)
    rows = [
        (name, f"{used:,}", f"{there:,}", f"{100 * used / there:.0f} %" if there else "-")
        for name, (used, there) in found.use().items()
    ]
    print_table(f"Estimated resources on {board.name}", ["resource", ">used", ">board", ">share"], rows)
    kinds = [(kind, f"{bits / 1000:,.1f}") for kind, bits in (found.memory | {"all": found.memory_bits}).items()]
    print_table("Memory by kind", ["kind", ">kbit (1000 bits)"], kinds)
    print_fit(design)


def print_fit(design: "Design") -> None:
    """One line if the estimates exceed the board."""
    from hwsv.estimate import estimate as run

    if exceeded := run(design.graph, design.manifest.board).exceeded():
        print(f"by the estimates it does not fit {design.manifest.board.name}: {exceeded}")


def print_bottleneck(design: "Design") -> None:
    """The unit that sets the rate, and why a design made with --fps max is not faster."""
    from hwsv.folding import bottleneck

    manifest = design.manifest
    name, cycles = bottleneck(design.graph, manifest.input.frames_example)
    print(
        f"bottleneck: {name}, {cycles:,} cycles for {manifest.input.frames_example} frames "
        f"({manifest.board.clock_hz / cycles:,.1f} utterances/s at {manifest.board.clock_mhz:g} MHz)"
    )
    if manifest.limit:
        print(f"limit: {manifest.limit}")


@app.command()
def simulate(
    folder: DesignFolder,
    wav: Annotated[list[Path] | None, typer.Option(help="Audio file; repeat for utterances back to back.")] = None,
    features: Annotated[list[Path] | None, typer.Option(metavar="F.npy", help="Integer features [T, F].")] = None,
    frames: Annotated[list[int] | None, typer.Option(help="Only a length: timing without data.")] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="F.json", help="Write a trace for Perfetto (.json or .json.gz).")
    ] = None,
    check: Annotated[
        Check | None, typer.Option(help="Compare every push and pop with the RTL in Verilator, word and cycle.")
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
    if check and trace:
        raise InputError("give one of --check and --trace")
    check_writable(trace)
    design = Design.open(folder)
    arrays: list[Tensor] | None = None
    if wav or features:
        loaded = audio_features(design, wav) if wav else [load_features(path) for path in features or []]
        arrays = [fit(design, a, str(path)) for a, path in zip(loaded, wav or features or [], strict=True)]
    if check:
        return _check_rtl(design, arrays, frames, as_json)
    result = run(design, arrays, frames, record=True)
    if trace:
        events = write_trace(design.graph, result.frames, design.manifest.board.clock_hz, trace)
        print(f"{trace}: {events:,} events, open it in Perfetto (ui.perfetto.dev)", file=sys.stderr)
    if as_json:
        return print_json(_sim_json(design, result))
    print_cycles(design, result)
    _print_units(design, result)


def _check_rtl(design: "Design", arrays: "list[Tensor] | None", frames: list[int] | None, as_json: bool) -> None:
    """Print the comparison with the RTL; raises CheckFailed with the first difference."""
    import numpy as np

    from hwsv.cosim import Rtl
    from hwsv.embed import fit
    from hwsv.verify.inputs import random_features, random_input

    if frames:
        rng = np.random.default_rng(0)
        arrays = [fit(design, random_input(design, t, rng), f"--frames {t}") for t in frames]
    result = Rtl(design).check(random_features(design, 2) if arrays is None else arrays)
    if as_json:
        print_json(result.to_json())
    else:
        print(
            f"{result.handshakes:,} pushes and pops compared with the RTL: {result.cycle_differences:,} in another "
            f"cycle, {result.word_differences:,} with another word"
        )
    if not result.equal:
        raise CheckFailed(f"the RTL differs from the simulator{' and hangs' * result.rtl_hangs}: {result.first}")
    if result.rtl_hangs:
        raise CheckFailed("the RTL hangs just as the simulator says; 'hwsv simulate' names the cycle")


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
    for tensor in _limiting(design, result):
        print(f"slower than with ample FIFOs: {tensor!r} has {design.graph.channels[tensor].depth} words")


def _limiting(design: "Design", result: "SimResult") -> list[str]:
    """Channels too shallow for these utterances' full rate."""
    from hwsv.fifo_sizing import limiting

    return limiting(design.graph, result.frames, design.graph.channels)


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
        "limiting_fifos": _limiting(design, result),
        "embeddings": [embedding.tolist() for embedding in result.embeddings],
    }
