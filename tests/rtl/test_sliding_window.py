"""sliding_window.sv against the cycle simulator: every push and pop, word and cycle."""

from random import Random

import numpy as np

from hwsv.cosim import Case, cosimulate
from hwsv.units.sliding_window import SlidingWindow
from tests.rtl.alone import all_block_ram, alone, random_case
from tests.simulator.networks import random_stalls
from tests.units import catalogue

HARD = [
    # a position of one beat: a whole row, rows skipped, the length decides what the first beat frees
    SlidingWindow(1, 1, "INT8", (1, 1)),
    SlidingWindow(1, 2, "INT4", (1, 1), (3, 1), lanes=2),
    SlidingWindow(2, 3, "UINT3", (1, 1), (2, 2), lanes=3),
    # the length decides what the second beat frees, and whether it is padding
    SlidingWindow(1, 2, "INT8", (1, 1), (3, 1)),
    SlidingWindow(2, 3, "INT3", (3, 1), (1, 1), (0, 0, 2, 0), lanes=3),
    # strides beyond the kernel, pixels and rows left over
    SlidingWindow(7, 2, "INT8", (1, 1), (2, 2)),
    SlidingWindow(9, 1, "INT3", (2, 2), (5, 4), (1, 0, 1, 1)),
    # one tap a row with one word; windows that begin several rows above the frame, more than a stride
    SlidingWindow(1, 4, "BIPOLAR", (3, 1), (1, 1), (1, 0, 1, 0), lanes=4),
    SlidingWindow(3, 1, "BIPOLAR", (5, 2), (2, 1), (4, 1, 4, 0)),
    SlidingWindow(2, 2, "INT8", (4, 3), (3, 1), (3, 2, 0, 1), 5),
    # a kernel wider than the frame; constants instead of marks; words wider than 64 bits
    SlidingWindow(2, 2, "INT2", (2, 5), (1, 2), (0, 4, 1, 3)),
    SlidingWindow(3, 2, "BIPOLAR", (3, 3), (1, 1), (1, 1, 1, 1), -1, lanes=2),
    SlidingWindow(4, 3, "INT62", (2, 2), (1, 1), (1, 1, 0, 0), -(2**40), lanes=3),
    SlidingWindow(3, 160, "BIPOLAR", (3, 3), (2, 2), (1, 1, 1, 1), lanes=80),
]


def lengths(r: Random, unit: SlidingWindow) -> Case:
    """All lengths from the shortest on, mixed."""
    frames = [unit.min_frames() + extra for extra in (0, 1, 0, 2, 7, 0, 3, 1, 1, 4, 5, 6)]
    features = [catalogue.values(r, unit.dtype, (t, unit.freq, unit.channels)) for t in frames]
    return Case(alone(unit, r.choice([2, 4])), features, random_stalls(r))


def longest() -> Case:
    """The longest utterances that a length channel can tell, and short ones behind them."""
    unit = SlidingWindow(1, 1, "INT8", (3, 1), (2, 1), (2, 0, 2, 0))
    return Case(alone(unit, 3), [np.arange(t).reshape(t, 1, 1) % 100 for t in (2**16 - 1, 1, 2**16 - 2, 3)])


def check(cases: list[Case], folder, board=None) -> None:
    for case, result in zip(cases, cosimulate(cases, folder, board), strict=True):
        assert result.equal and result.handshakes > 0, (result.first, case.graph.nodes[0].unit, case.graph.channels)


def test_random_windows(tmp_path):
    r = Random(4)
    check([random_case(r, catalogue.sliding_window(r), 5) for _ in range(12)], tmp_path, all_block_ram())


def test_hard_windows(tmp_path):
    r = Random(5)
    check([*(lengths(r, unit) for unit in HARD), longest()], tmp_path)
