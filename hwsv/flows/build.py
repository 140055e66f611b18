"""``hwsv build``: a compiled design to a bitstream, step by step, none of them repeated for the same inputs.

::

    DIR/bitstream/<top>.sv, hwsv_*.sv       the board's top and the shell
    DIR/bitstream/<top>.json, .stat.json    netlist and its cells
    DIR/bitstream/<top>-<seed>.*            placed and routed
    DIR/bitstream/<top>.bit | .fs           the bitstream
    DIR/bitstream/report.json               `BuildReport`
    DIR/bitstream/*.log                     what the tools said
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pydantic

from hwsv.boards import Board
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.flows import synthesis, tools
from hwsv.flows.place import PACKAGES, Placed, extension, nextpnr, pack, place, write_constraints
from hwsv.flows.synthesis import FAMILIES, Resources, synthesise
from hwsv.flows.top import write_board
from hwsv.simulator.timing import run

FOLDER = "bitstream"
SEEDS = 8
"""Placements that are tried until the timing is met."""
SCRIPT = tools.digest(Path(synthesis.__file__))
"""Of yosys' script: a changed one makes another netlist."""
SPACE_MB = 200
"""Netlist, logs and placements of a design that fills an ECP5-25F are 60 MB."""


class BuildReport(pydantic.BaseModel):
    """report.json. `seconds`: CPU time by step, of the runs that made these files; `utilisation`: cells used and there.

    `interval`: cycles between embeddings of `frames` frames each.
    """

    design: str
    board: str
    device: str
    bitstream: str
    bytes: int
    seed: int
    seeds_tried: list[int]
    clock_mhz: float
    fmax_mhz: float
    timing_met: bool
    lut: int
    ff: int
    bram: float
    dsp: int
    utilisation: dict[str, tuple[int, int]]
    critical_path: list[str]
    frames: int
    interval: int
    embeddings_per_second: float
    seconds: dict[str, float]
    tools: dict[str, str]


def build(
    design: Design, seeds: int = SEEDS, first_seed: int = 1, progress: tools.Progress = lambda what: None
) -> BuildReport:
    """The bitstream of `design` for its board.

    Boards with flow ``vivado``: `hwsv.flows.vivado.run`. Raises InputError where tools are missing, CheckFailed where a
    tool fails, and where no seed meets the timing (the report and the best bitstream are left for a look).
    """
    board = design.manifest.board
    if board.flow == "vivado":
        from hwsv.flows.vivado.run import build as build_with_vivado

        return build_with_vivado(design, progress)
    _check(board)
    versions = tools.require_tools("pyosys", *PACKAGES[board.family])
    nextpnr(board)  # a device that it does not know: now, not after minutes of synthesis
    folder = (design.folder / FOLDER).absolute()
    progress("top and shell")
    top, sources = write_board(design, folder)
    netlist, bitstream = folder / f"{top.module}.json", folder / f"{top.module}{extension(board)}"
    for old in (bitstream, folder / "report.json"):  # of other inputs, should this build end before its time
        old.unlink(missing_ok=True)
    _check_space(folder)
    figures, key = _synthesise(design, top.module, sources, netlist, versions, progress)
    resources = Resources(*(figures[name] for name in ("lut", "ff", "bram", "dsp")))  # type: ignore[arg-type]
    _check_fit(board, resources)
    seconds = {"synthesis": figures["seconds"]}
    constraints = write_constraints(board, folder / top.module)
    placed: dict[int, Placed] = {}
    for seed in range(first_seed, first_seed + seeds):
        placed[seed], took = _place(board, netlist, constraints, seed, key, versions, progress)
        seconds["place and route"] = seconds.get("place and route", 0) + took
        if placed[seed].met:
            break
    best = max(placed, key=lambda s: (placed[s].met, placed[s].fmax_mhz))
    progress("packing")
    seconds["packing"] = pack(board, netlist, best, bitstream)
    example = design.manifest.input.frames_example
    interval = run(design.graph, [example] * 3).interval
    report = BuildReport(
        design=design.manifest.name, board=board.name, device=board.device, bitstream=str(bitstream),
        bytes=bitstream.stat().st_size, seed=best, seeds_tried=list(placed), clock_mhz=board.clock_mhz,
        fmax_mhz=placed[best].fmax_mhz, timing_met=placed[best].met, **asdict(resources),
        utilisation=placed[best].utilisation, critical_path=placed[best].critical_path, frames=example,
        interval=interval, embeddings_per_second=round(board.clock_hz / interval, 2),
        seconds={step: round(value, 1) for step, value in seconds.items()}, tools=versions,
    )  # fmt: skip
    (folder / "report.json").write_text(report.model_dump_json(indent=2) + "\n")
    if not report.timing_met:
        raise CheckFailed(
            f"no seed of {len(placed)} meets {board.clock_mhz:g} MHz on {board.name}: best {report.fmax_mhz:g} MHz "
            f"(seed {best}); critical path in {folder / 'report.json'}"
        )
    return report


def _check(board: Board) -> None:
    if board.family not in FAMILIES or board.family not in PACKAGES:
        raise InputError(f"board {board.name!r}: family {board.family!r}; nextpnr has {', '.join(PACKAGES)}")


def _check_space(folder: Path) -> None:
    """yosys and nextpnr do not notice a file that they could write only half of."""
    free = shutil.disk_usage(folder).free / 1e6
    if free < SPACE_MB:
        raise InputError(f"{folder}: {free:.0f} MB are free, a build may take {SPACE_MB:.0f} MB")


def _check_fit(board: Board, needed: Resources) -> None:
    """nextpnr would name a cell for which there is no place, after minutes."""
    there = board.resources
    rows = (
        ("LUTs", needed.lut, there.lut), ("flip-flops", needed.ff, there.ff),
        ("RAM blocks", needed.bram, there.bram_blocks), ("multipliers", needed.dsp, there.dsp),
    )  # fmt: skip
    if over := [f"{used:,g} of {has:,} {what}" for what, used, has in rows if used > has]:
        raise CheckFailed(
            f"the design does not fit {board.name} by {', '.join(over)}; compile it for fewer --fps, or a larger board"
        )


def _synthesise(
    design: Design, module: str, sources: list[Path], netlist: Path, versions: dict[str, str], progress: tools.Progress
) -> tuple[dict[str, float], str]:
    """Figures of the netlist, and the key of its inputs."""
    memories = sorted((design.folder / "mem").glob("*.mem"))
    family = design.manifest.board.family
    key = tools.digest(SCRIPT, family, module, versions["pyosys"], *sources, *memories)

    def make() -> dict[str, float]:
        resources, seconds = synthesise(sources, module, family, netlist, design.folder / "rtl", progress=progress)
        return asdict(resources) | {"seconds": seconds}

    return tools.once(netlist.with_suffix(".done"), key, [netlist], make), key


def _place(
    board: Board, netlist: Path, constraints: Path, seed: int, key: str, versions: dict[str, str],
    progress: tools.Progress,
) -> tuple[Placed, float]:  # fmt: skip
    """One seed, and the CPU seconds it took when it was run."""
    stamp = netlist.with_name(f"{netlist.stem}-{seed}.done")
    result = stamp.with_suffix(".placed.json")
    routed = stamp.with_suffix(".config" if board.family == "ecp5" else ".pnr.json")
    key = tools.digest(key, constraints, *nextpnr(board), board.clock_mhz, seed, sorted(versions.items()))

    def make() -> dict[str, float]:
        placed, seconds = place(board, netlist, constraints, seed, progress)
        result.write_text(json.dumps(asdict(placed)))
        return {"seconds": seconds}

    seconds = tools.once(stamp, key, [result, routed], make)["seconds"]
    return pydantic.TypeAdapter(Placed).validate_json(result.read_text()), seconds
