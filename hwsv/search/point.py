"""A point of the design space: one folding with all that the compiler and the simulator say about it."""

from dataclasses import dataclass

from hwsv.boards import Board, Resources
from hwsv.compile import graph_hash
from hwsv.errors import CheckFailed
from hwsv.estimate import SHELL, UTILISATION, Estimate, estimate
from hwsv.fifo_sizing import SETTLED, least, size
from hwsv.folding import Foldings, Override, bottleneck, fold
from hwsv.graph import UnitGraph
from hwsv.simulator.timing import Deadlock, run
from hwsv.units.sliding_window import SlidingWindow
from hwsv.wiring import wire

Folding = dict[str, dict[str, int]]
"""What a folding file holds: unit -> {"pe": 2, "simd": 16} or {"lanes": 4}."""


@dataclass(frozen=True)
class Problem:
    """What all points share. graph: as imported, not folded; frames: length of the utterance that rates count."""

    graph: UnitGraph
    frames: int
    board: Board


@dataclass(frozen=True)
class Weights:
    """How dear a block RAM and a multiplier are while foldings are priced, in multiples of what the board makes them.

    They are the multipliers of a Lagrangian relaxation: the cheapest folding under dear blocks is the one that a board
    short of blocks needs, and so on; each is an exact minimum of its price (`Foldings.cheapest`).
    """

    bram: float = 1
    dsp: float = 1

    def prices(self, has: Resources) -> Resources:
        """Resources that `hwsv.folding` prices so: as if the board had more or fewer blocks and multipliers."""
        scale = 1000  # of all numbers: their ratios are the prices, and they must be whole
        scarcer = {"bram_blocks": round(scale * has.bram_blocks / self.bram), "dsp": round(scale * has.dsp / self.dsp)}
        return has.model_copy(update={"lut": scale * has.lut, **scarcer})


@dataclass(frozen=True)
class Point:
    """A folding, wired and with sized FIFOs. `cycles`: what it was folded for; `weights`: under which prices.

    interval and latency: exact cycles between embeddings at a steady state, and to the first one. lut, ff, bram, dsp:
    estimates, without the board's shell. area: all of them as one number of LUTs (`UnitEstimate.price`). over: what is
    missing on the board by resource; empty where the design fits. hash: of the design that `hwsv compile` makes of the
    folding; empty where it does not fit: then its FIFOs are not sized (they would only take more).
    """

    folding: Folding
    cycles: int
    weights: Weights
    interval: int
    latency: int
    bottleneck: str
    lut: int
    ff: int
    bram: int
    dsp: int
    area: float
    over: dict[str, int]
    hash: str

    @property
    def fits(self) -> bool:
        return not self.over


def rates(problem: Problem) -> list[int]:
    """Cycles an utterance at which some unit can be folded further, ascending."""
    return Foldings(problem.graph, problem.frames, {}, problem.board.resources).rates()


def foldings(problem: Problem, task: tuple[Weights, list[int]]) -> list[Folding]:
    """The cheapest folding under these prices for each of these cycles."""
    weights, wanted = task
    priced = Foldings(problem.graph, problem.frames, {}, weights.prices(problem.board.resources))
    return [_named(priced.cheapest(cycles)) for cycles in wanted]


def _named(folded: UnitGraph) -> Folding:
    """The folding of every unit but the windows, which follow their readers."""
    found: Folding = {}
    for node in folded:
        if not isinstance(node.unit, SlidingWindow):
            has = {key: getattr(node.unit, key, None) for key in Override.model_fields}
            found[node.name] = {key: value for key, value in has.items() if value is not None}
    return found


def evaluate(problem: Problem, task: tuple[Folding, int, Weights]) -> Point:
    """Wire a folding, size its FIFOs, estimate it, and count its cycles. Raises CheckFailed for a design that hangs."""
    try:
        return _evaluated(problem, *task)
    except Deadlock as error:
        raise CheckFailed(str(error)) from None  # a Deadlock cannot travel between processes


def _evaluated(problem: Problem, folding: Folding, cycles: int, weights: Weights) -> Point:
    graph, frames, board = problem.graph, problem.frames, problem.board
    overrides = {name: Override.model_validate(values) for name, values in folding.items()}
    wired = wire(fold(graph, frames, cycles, overrides, board.resources))
    ample = wired.channels
    wired.channels = least(wired, frames)
    found = estimate(wired, board)
    sized = not missing(found)
    if sized:
        wired.channels = size(wired, frames)
        found = estimate(wired, board)
    # sized FIFOs lose no cycle, so ample ones tell the rate of a design that does not fit
    timing = run(wired, [frames] * SETTLED, wired.channels if sized else ample)
    return Point(
        folding, cycles, weights, timing.interval, timing.latency, bottleneck(wired, frames)[0], found.lut, found.ff,
        found.bram_blocks, found.dsp, sum(unit.price(board.resources) for unit in found.units), missing(found),
        graph_hash(wired) if sized else "",
    )  # fmt: skip


def usable(there: int, resource: str) -> int:
    """What an accelerator may take of a resource: a share of the board, less its shell. resource: as in `SHELL`."""
    return int(UTILISATION[resource] * there) - SHELL[resource]


def missing(found: Estimate) -> dict[str, int]:
    """Resource -> how many too few are on the board, as `Estimate.exceeded` judges."""
    over = {key: used - usable(there, key) for key, used, there in uses(found)}
    return {key: number for key, number in over.items() if number > 0}


def uses(found: Estimate) -> list[tuple[str, int, int]]:
    """(resource as in `SHELL`, used, there are on the board)."""
    return [
        (next(key for key in SHELL if name.startswith(key)), *numbers) for name, numbers in found.use().items()
    ]  # fmt: skip
