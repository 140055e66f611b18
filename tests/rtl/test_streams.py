"""fork.sv, concat.sv, width_converter.sv and length_fork.sv against the cycle simulator."""

from random import Random

import numpy as np
import pytest

from hwsv.cosim import Case, cosimulate
from hwsv.graph import INPUT, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.concat import Concat
from hwsv.units.fork import Fork
from hwsv.units.length_fork import LengthFork
from hwsv.units.width_converter import WidthConverter
from tests.rtl.alone import random_case
from tests.simulator.networks import random_stalls
from tests.units import catalogue


def joined(r: Random) -> Case:
    """A fork and two concats, inputs of different channels: a, b, c -> (a + b) + c or c + (a + b)."""
    channels = r.choice(catalogue.CHANNELS)
    lanes, dtype, freq = catalogue.lanes(r, channels), r.choice(catalogue.DTYPES), catalogue.freq(r)
    last = [("ab", 2 * channels), ("c", channels)]
    r.shuffle(last)
    nodes = [
        Node("fork", Fork(freq, channels, dtype, 3, lanes), (INPUT,), ("a", "b", "c")),
        Node("two", Concat(freq, (channels, channels), dtype, lanes), ("a", "b"), ("ab",)),
        Node("all", Concat(freq, tuple(n for _, n in last), dtype, lanes), tuple(t for t, _ in last), (OUTPUT,)),
    ]
    pixel = 3 * channels // lanes  # a bypass holds one
    ends = {t: Channel(pixel + r.randint(1, 4), r.randint(1, 3)) for t in (INPUT, OUTPUT, "a", "b", "c", "ab")}
    graph = UnitGraph("joined", nodes, ends)
    features = [catalogue.values(r, dtype, (t, freq, channels)) for t in (3, 1, 2)]
    return Case(graph, features, random_stalls(r))


def lengths(r: Random, chains: list[list[tuple[int, int, int]]]) -> Case:
    """Lengths from the shortest on, random ones and the longest through the chains of windows."""
    flat = tuple(number for chain in chains for window in chain for number in window)
    names = tuple(f"copy{i}" for i in range(len(chains)))
    concat = Concat(1, (1,) * len(chains), "UINT16")
    nodes = [
        Node("lengths", LengthFork(flat, tuple(len(chain) for chain in chains)), (INPUT,), names),
        Node("unit", concat, names, (OUTPUT,)),
    ]
    graph = UnitGraph("lengths", nodes, {t: Channel(3, r.randint(1, 3)) for t in (INPUT, OUTPUT, *names)})
    shortest = next(t for t in range(1, 999) if min(behind(chains, t), default=1) >= 1)
    values = [*range(shortest, shortest + 40), *(r.randint(shortest, 65535) for _ in range(60)), *range(65500, 65536)]
    return Case(graph, [np.array([[[t]]], np.int64) for t in values], random_stalls(r))


def behind(chains: list[list[tuple[int, int, int]]], frames: int) -> list[int]:
    """Frames behind each window of each chain; 0 where one is too short."""
    found = []
    for chain in chains:
        t = frames
        for kernel, stride, padding in chain:
            t = (t + padding - kernel) // stride + 1 if t + padding >= kernel else 0
            found.append(t)
    return found


CHAINS = [
    [[], [(3, 2, 2)], [(3, 2, 2), (3, 1, 2), (2, 2, 1)], [(3, 2, 2), (3, 2, 2), (3, 2, 2), (3, 2, 2)]],
    [[(1, 3, 0)], [(5, 3, 0), (4, 5, 2)], [(5, 7, 8)], [(7, 3, 0), (3, 2, 1), (5, 1, 0), (2, 3, 1)]],
    [[(9, 1, 0)], [(2, 100, 0)], [(1, 11, 0), (1, 13, 0)]],
]


def test_streams(tmp_path):
    r = Random(6)
    converters = [WidthConverter(2, 12, "INT4", a, b) for a, b in ((1, 12), (12, 1), (3, 6), (6, 2), (4, 4))]
    converters.append(WidthConverter(1, 96, "BIPOLAR", 1, 96))
    cases = [random_case(r, unit) for unit in [*converters, catalogue.width_converter(r)]]
    cases += [joined(r) for _ in range(6)] + [lengths(r, chains) for chains in CHAINS]
    for case, result in zip(cases, cosimulate(cases, tmp_path), strict=True):
        assert result.equal and result.handshakes > 0, (result.first, case.graph.nodes[0].unit, case.graph.channels)
        assert not result.rtl_hangs


@pytest.mark.parametrize("chain", [chain for chains in CHAINS for chain in chains])
def test_a_chain_of_windows_is_one_division(chain):
    flat = tuple(number for window in chain for number in window)
    unit = LengthFork(flat, (len(chain),))
    parameters = unit.rtl_parameters()
    (add,), (stride,), (bias,) = parameters["ADDS"], parameters["STRIDES"], parameters["BIASES"]
    frames = np.arange(1, 65536).reshape(-1, 1, 1)
    np.testing.assert_array_equal((frames + add) // stride + bias, unit.golden(frames)[0])
