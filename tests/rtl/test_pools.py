"""pool.sv and stats_pool.sv against the cycle simulator: every push and pop, word and cycle."""

from random import Random

import numpy as np
import pytest

from hwsv.cosim import Case, cosimulate
from hwsv.units.pool import Pool
from hwsv.units.stats_pool import StatsPool
from tests.rtl.alone import all_block_ram, alone, random_case
from tests.units import catalogue


def back_to_back(r: Random) -> list[Case]:
    """A partial result, and a sum, is needed again after 1, 2, 3 … beats: full rate."""
    cases = []
    for rows in (1, 2, 3, 4, 5):
        for operation in ("sum", "max"):
            pool = Pool(2, 2 * rows, 3, operation, "INT4", "INT6", True, lanes=2)
            cases.append(Case(alone(pool), [catalogue.inputs(r, pool, 3)[0] for _ in range(2)]))
        means, devs = np.arange(-9, 9, 2), (1 + 2 * np.arange(7)) ** 2
        stats = StatsPool(1, rows * 2, "INT7", "INT5", True, 2, means, -4, 4, devs, lanes=2)
        cases.append(Case(alone(stats), [catalogue.inputs(r, stats, t)[0] for t in (1, 1, 5, 2)]))
    return cases


def widest_sums(r: Random) -> list[Case]:
    """65536 positions at the ends of their type, and thresholds at what they give."""
    cases = []
    for dtype, low, high in (("INT8", -128, 127), ("UINT8", 0, 255)):
        means, devs = np.array([-256, -128, -1, 0, 1, 254, 255]), np.array([0, 1, 16256, 16383, 16384, 65025])
        unit = StatsPool(8, 2, dtype, "INT8", True, 2, means, -3, 1, devs, lanes=2)
        lower = catalogue.generator(r).random((8192, 8, 2)) < 0.5
        lower[..., 1] = True
        ends = np.where(lower, low, high)
        cases.append(Case(alone(unit), [ends, ends[:3], low + high - ends]))
    return cases


@pytest.mark.parametrize("board", [None, all_block_ram()], ids=["lut", "block_ram"])
def test_every_handshake(tmp_path, board):
    r = Random(5)
    cases = [random_case(r, make(r)) for make in (catalogue.pool, catalogue.stats_pool) for _ in range(6)]
    cases += back_to_back(r) + widest_sums(r)
    for case, result in zip(cases, cosimulate(cases, tmp_path, board), strict=True):
        assert result.equal and result.handshakes > 0, (result.first, case.graph.nodes[0].unit, case.graph.channels)
