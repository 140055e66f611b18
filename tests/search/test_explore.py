import dataclasses
import math

import pytest

from hwsv.boards import load_board
from hwsv.compile import graph_hash
from hwsv.errors import InputError
from hwsv.estimate import SHELL, UTILISATION, estimate, estimate_unit
from hwsv.fifo_sizing import size
from hwsv.folding import SIZED_DEPTH, Override, fold
from hwsv.search.explore import WEIGHTS, Found, explore, pareto
from hwsv.search.point import Point, Problem, Weights, evaluate, foldings, missing, rates
from hwsv.search.workers import workers
from hwsv.simulator.timing import run
from hwsv.wiring import channel, wire
from tests.graphs import resnet

FRAMES = 20


def board(**resources):
    """An ULX3S-25F with other resources."""
    made = load_board("ulx3s-25f")
    return made.model_copy(update={"resources": made.resources.model_copy(update=resources)})


def problem(**resources) -> Problem:
    return Problem(resnet(12, 4, (1, 1), 8), FRAMES, board(**resources))


def search(found_for: Problem, budget: int, wanted: float | None = None) -> Found:
    with workers(found_for) as call:
        return explore(found_for, call, budget, wanted, lambda what, done, total: None)


@pytest.fixture(scope="module")
def tight() -> Problem:
    """A board with as many flip-flops as the second fastest design needs."""
    points = search(problem(), 24).points
    ff = next(p.ff for p in points if p.ff < points[0].ff)
    return problem(ff=math.ceil((ff + SHELL["flip-flops"]) / UTILISATION["flip-flops"]))


@pytest.fixture(scope="module")
def found(tight) -> Found:
    return search(tight, 24)


def point(interval: int, lut: int, bram: int = 0, dsp: int = 0, **more) -> Point:
    facts = {"folding": {"u": {"lanes": interval}}, "cycles": 1, "weights": Weights(), "latency": 1, "bottleneck": ""}
    facts |= {"ff": 0, "area": 0, "over": {}, "hash": "", **more}
    return Point(**facts, interval=interval, lut=lut, bram=bram, dsp=dsp)


def test_a_point_is_what_the_compiler_and_the_simulator_make_of_its_folding(tight, found):
    asked, here = tight, found.points[found.chosen]
    overrides = {name: Override(**values) for name, values in here.folding.items()}
    graph = wire(fold(asked.graph, FRAMES, 1e9, overrides, asked.board.resources))
    graph.channels = size(graph, FRAMES)
    estimated, timing = estimate(graph, asked.board), run(graph, [FRAMES] * 4)
    assert (here.lut, here.ff, here.bram, here.dsp) == (
        estimated.lut, estimated.ff, estimated.bram_blocks, estimated.dsp,
    )  # fmt: skip
    assert (here.interval, here.latency) == (timing.interval, timing.latency)
    assert here.hash == graph_hash(graph)
    assert here.fits and not estimated.exceeded()


def test_the_fastest_that_fits_is_chosen_and_faster_ones_do_not_fit(found):
    chosen = found.points[found.chosen]
    faster = [p for p in found.points if p.interval < chosen.interval]
    assert faster and all(p.over.keys() == {"flip-flops"} for p in faster)
    assert found.chosen in found.pareto


def test_the_smallest_for_a_rate_is_chosen():
    asked = problem()
    slow = rates(asked)[len(rates(asked)) // 2]
    found = search(asked, 12, slow)
    chosen = found.points[found.chosen]
    assert chosen.interval <= slow
    assert chosen.area == min(p.area for p in found.points if p.fits and p.interval <= slow)
    assert chosen.area < found.points[0].area, "there was a choice"


def test_no_folding_is_tried_twice_and_the_budget_holds(found):
    assert len({str(p.folding) for p in found.points}) == len(found.points) <= 24
    assert len(search(problem(), 2).points) == 2


def test_points_that_do_not_fit_name_what_is_missing(found):
    for p in found.points:
        assert p.fits == (not p.over) == bool(p.hash)
    assert any(not p.fits for p in found.points)


def test_what_is_missing_agrees_with_the_compiler():
    asked = problem()
    graph = wire(fold(asked.graph, FRAMES, 1e9, resources=asked.board.resources))
    for resources in ({"lut": 5000}, {"ff": 3000}, {"dsp": 0}, {"bram_blocks": 0}, {}):
        estimated = estimate(graph, board(**resources))
        assert bool(missing(estimated)) == bool(estimated.exceeded()), resources


def test_pareto_keeps_what_nothing_beats_and_the_first_of_equals():
    points = [
        point(10, 100), point(20, 50), point(20, 50, dsp=1), point(20, 50), point(30, 60), point(30, 60, bram=-1),
        point(5, 1, over={"LUT": 1}),
    ]  # fmt: skip
    assert pareto(points) == [0, 1, 5]


def test_each_folding_is_the_cheapest_under_its_own_prices():
    asked = Problem(resnet(8, 16, (1, 1), 64), FRAMES, board())
    cycles = rates(asked)[-1]
    usual, free_blocks = Weights(), Weights(bram=0.1)

    def price(made_under: Weights, seen_under: Weights) -> float:
        (folding,) = foldings(asked, (made_under, [cycles]))
        has = seen_under.prices(asked.board.resources)
        overrides = {name: Override(**values) for name, values in folding.items()}
        wired = wire(fold(asked.graph, FRAMES, cycles, overrides, has))
        fifo = channel(SIZED_DEPTH)
        return sum(estimate_unit(n.name, n.unit, [fifo] * len(n.outputs), has).price(has) for n in wired)

    assert price(usual, usual) < price(free_blocks, usual)
    assert price(free_blocks, free_blocks) < price(usual, free_blocks)


def test_weights_are_ratios_of_prices():
    has = board().resources
    prices = Weights(bram=4, dsp=0.5).prices(has)
    assert prices.lut / prices.bram_blocks == pytest.approx(4 * has.lut / has.bram_blocks, rel=1e-3)
    assert prices.lut / prices.dsp == pytest.approx(0.5 * has.lut / has.dsp, rel=1e-3)


def test_a_board_that_is_too_small_is_named_with_what_is_missing():
    with pytest.raises(InputError, match=r"not fit ulx3s-25f in any of \d foldings; the nearest lacks [\d,]+ LUT4"):
        search(problem(lut=2000), 4)


def test_a_rate_that_no_fitting_folding_reaches_is_refused_with_the_best_one():
    with pytest.raises(InputError, match=r"does 1e\+06 utterances a second at 40 MHz; the fastest found does \d+"):
        search(problem(), 4, wanted=40)


def test_evaluate_does_not_depend_on_the_prices_of_the_search():
    asked = problem()
    (folding,) = foldings(asked, (WEIGHTS[0], [rates(asked)[-1]]))
    one, other = (evaluate(asked, (folding, 5000, weights)) for weights in WEIGHTS[:2])
    assert dataclasses.replace(one, weights=other.weights) == other
