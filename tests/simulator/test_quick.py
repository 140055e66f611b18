"""The quick kernel against the plain one: the same times, the same stalls, the same deadlocks."""

from random import Random

import numpy as np
import pytest

from hwsv.simulator import kernel, quick
from hwsv.simulator.quick_kernel import EVEN, GENERAL, KIND, SINGLE
from hwsv.simulator.tables import build
from hwsv.simulator.timing import attempt
from tests.simulator import networks

RESULTS = ("finish", "pushed", "popped", "stall_empty", "stall_full", "stall_needs", "stall_space")


def both(seed: int, shallow: float):
    """Results of the quick and the plain kernel on a random network; None for a deadlock."""
    r = Random(seed)
    graph = networks.random_wired(r)
    tables = build(
        graph, networks.random_frames(r, graph), networks.random_channels(r, graph, shallow), networks.random_stalls(r)
    )
    state, done = attempt(tables, record=True)  # recording takes the plain kernel
    return tables, quick.run(tables), state if done else None


@pytest.mark.parametrize("shallow", [0, 0.4, 1])
def test_same_times_and_stalls(shallow):
    hung = kinds = 0
    for seed in range(700, 760):
        tables, fast, plain = both(seed, shallow)
        assert (fast is None) == (plain is None), seed
        hung += plain is None
        if fast is not None and plain is not None:
            for name in RESULTS:
                np.testing.assert_array_equal(fast[name], plain[name], err_msg=f"{name}, seed {seed}")
        kinds |= sum(1 << kind for kind in (GENERAL, SINGLE, EVEN) if (tables.arrays["actor"][:, KIND] == kind).any())
    assert kinds == 7, "every kind of actor must occur"
    assert hung < 60 and (hung > 0 or shallow < 1)


def test_the_comparison_can_fail():
    """A FIFO one cycle slower than the plain kernel's shows."""
    tables, fast, plain = both(701, 0)
    tables.arrays["channel_latency"] = tables.arrays["channel_latency"] + 1
    slower = quick.run(tables)
    assert fast is not None and slower is not None and plain is not None
    assert (slower["finish"] > plain["finish"]).all()


def test_a_deadlock_is_diagnosed_by_the_plain_kernel():
    for seed in range(700, 760):
        tables, fast, _ = both(seed, 1)
        if fast is None:
            state, done = attempt(tables)
            assert not done and (state["state"] != kernel.DONE).any()
            return
    raise AssertionError("no network hangs")
