"""requantise.sv, threshold.sv and lookup.sv against the cycle simulator: every push and pop, word and cycle."""

from random import Random

import numpy as np
import pytest

from hwsv import datatypes
from hwsv.cosim import Case, cosimulate
from hwsv.units.base import Unit
from hwsv.units.lookup import Lookup
from hwsv.units.requantise import Requantise
from hwsv.units.threshold import Threshold
from tests.rtl.alone import all_block_ram, alone, random_case
from tests.units import catalogue


def ends(unit: Unit, values: list[int]) -> Case:
    """The unit on these values, those that its input type holds, in every channel."""
    low, high = datatypes.limits(unit.inputs()[0].dtype)
    legal = [v for v in values if low <= v <= high]
    channels = unit.inputs()[0].channels
    return Case(alone(unit), [np.repeat(np.array(legal, np.int64), channels).reshape(len(legal), 1, channels)])


def hard() -> list[Case]:
    """Values beyond 32 bits, every type, and functions that the random units do not have."""
    big, extremes = 2**40, [-(2**62) + 1, -(2**40), -(2**31), -2, -1, 0, 1, 2, 127, 2**31, 2**40, 2**61]
    cases = []
    for dtype in ("BIPOLAR", "UINT1", "INT1", "INT8", "UINT20", "INT34"):
        values = sorted({*extremes, *datatypes.limits(dtype)} - ({0} if dtype == "BIPOLAR" else set()))
        mult, bias = np.array([[-3, 2**20 - 1], [1, -(2**20)]]), np.array([[big, -1], [5, -big]])
        units: list[Unit] = [
            Requantise(1, 2, dtype, "INT45", mult, bias, np.array([0, -1]), 3, -big, big, -3, big - 1, lanes=2),
            Requantise(1, 2, dtype, "UINT43", abs(mult), abs(bias), np.array([0, 1]), 0, 0, 2 * big, 1, 3),
            Requantise(1, 2, dtype, "BIPOLAR", mult[:, :1], bias[:, 1:], np.zeros(2, np.int64), 61, -1, 0, 2, 1),
            Requantise(1, 3, dtype, "INT8", np.ones((1, 1), np.int64), np.zeros((1, 1), np.int64), np.zeros(1), 0,
                       -128, 127, lanes=3),
            Requantise(1, 2, dtype, "INT4", np.array([[-2], [1]]), np.array([[-1], [0]]), np.zeros(2), 1, -8, 7),
            Threshold(1, 2, dtype, "INT44", np.array([[-big, -1, 0, big], [0, 0, 1, 1]]), np.array([1, 0]), big, -5),
            Threshold(1, 4, dtype, "BIPOLAR", np.array([[0]]), np.array([1]), 1, -2, lanes=2),
            Threshold(1, 2, dtype, "UINT8", np.sort(np.arange(510).reshape(2, 255) % 77), np.array([0, 0]), 0, 1),
        ]  # fmt: skip
        cases += [ends(unit, values) for unit in units]
    # a table for fewer values than the type holds, from a value that takes more than 32 bits
    table = np.arange(10).reshape(2, 5) - 5
    cases.append(ends(Lookup(1, 2, "INT40", "INT4", table, big // 4), [big // 4 + i for i in range(5)]))
    cases.append(ends(Lookup(1, 4, "INT8", "INT4", table[:1], -3, lanes=2), list(range(-3, 2))))
    cases.append(ends(Lookup(1, 2, "BIPOLAR", "BIPOLAR", np.array([[1, -1, -1], [-1, 1, 1]]), -1, lanes=2), [-1, 1]))
    cases.append(ends(Lookup(1, 1, "UINT1", "INT50", np.array([[-(2**49)]]), 0), [0]))
    return cases


@pytest.mark.parametrize("board", [None, all_block_ram()], ids=["lut", "block_ram"])
def test_elementwise_units(tmp_path, board):
    r = Random(3)
    makers = [catalogue.requantise, catalogue.threshold, catalogue.lookup]
    cases = [random_case(r, make(r)) for make in makers * 12] + (hard() if board else [])
    for case, result in zip(cases, cosimulate(cases, tmp_path, board), strict=True):
        assert result.equal and result.handshakes > 0, (result.first, case.graph.nodes[0].unit, case.graph.channels)
