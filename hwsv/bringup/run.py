"""One step after the other until one fails."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from hwsv.boards import load_board
from hwsv.bringup.hints import tries
from hwsv.bringup.report import Report, Status, StepResult
from hwsv.bringup.steps import STEPS, Bench
from hwsv.cosim.board import DIVISOR, SimulatedBoard
from hwsv.design import Design
from hwsv.errors import HwsvError, InputError
from hwsv.flows.top import board_top
from hwsv.host.drivers.driver import TIMEOUT_S

SIMULATED = "sim"
"""The port of a simulated board (`hwsv.host.drivers.sim`)."""

OnStep = Callable[[StepResult], None]


@dataclass(frozen=True)
class Request:
    """What to bring up. port: None for a simulated board; timeout_s: None for what fits; the rest is of `Bench`."""

    design: Design
    port: str | None
    timeout_s: float | None = None
    load: bool = True
    wavs: Sequence[Path] = ()
    random_utterances: int = 2
    seed: int = 0


def check(request: Request, board: str) -> None:
    """Raises InputError for what no step can cure: a design of another board, a port that does not exist."""
    manifest = request.design.manifest
    if manifest.board.name != load_board(board).name:
        raise InputError(
            f"{request.design.folder} was compiled for {manifest.board.name}, not for {board}: name another folder, or "
            "compile for this board"
        )
    port = request.port
    if port is not None and port.startswith("/") and not Path(port).exists():
        found = sorted(str(path) for pattern in ("ttyUSB*", "ttyACM*") for path in Path("/dev").glob(pattern))
        raise InputError(
            f"{port}: no such port; serial ports here: {', '.join(found) or 'none (is the board plugged in?)'}"
        )
    for path in request.wavs:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    if len(request.wavs) == 1:
        raise InputError("give two recordings with --wav or more: the first is enrolled, the others are claims")


def bring_up(request: Request, on_step: OnStep, on_start: Callable[[str], None] = lambda name: None) -> Report:
    """All steps; `on_start` gets what is being done, `on_step` each result. The report, with the failure if there is
    one, is written into the design's folder.

    Raises InputError where there cannot be a simulated board.
    """
    bench = _bench(request)
    if bench.simulated:
        on_start("building the simulated board (minutes, once)")
        SimulatedBoard(request.design).build()
    report = Report(request.design, bench.port, bench.simulated)
    with closing(bench):
        for name in STEPS:
            on_start(name)
            report.steps.append(StepResult(name, "not run") if report.failed else _step(name, bench))
            on_step(report.steps[-1])
    report.write()
    return report


def _bench(request: Request) -> Bench:
    design = request.design
    bench = Bench(
        design, request.port or SIMULATED, None, request.timeout_s or TIMEOUT_S, load=request.load, wavs=request.wavs,
        random_utterances=request.random_utterances, seed=request.seed,
    )  # fmt: skip
    scheme, _, divisor = bench.port.partition(":")
    if scheme == SIMULATED:
        return replace(bench, simulated=True, divisor=int(divisor) if divisor.isdigit() else DIVISOR, runs=1)
    uart = design.manifest.board.pins.uart_rx is not None
    return replace(bench, divisor=board_top(design).divisor) if uart else bench


def _step(name: str, bench: Bench) -> StepResult:
    started = time.perf_counter()
    try:
        found = STEPS[name](bench)
    except HwsvError as error:
        message = str(error)
        advice = tries(name, message, bench.design.manifest.board, bench.design.folder, bench.port)
        return StepResult(name, "failed", message, time.perf_counter() - started, advice, dump=error.dump)
    status: Status = "skipped" if found.skipped else "ok"
    return StepResult(name, status, found.message, time.perf_counter() - started, facts=found.facts)
