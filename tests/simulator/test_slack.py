"""Latest times and the least depths that follow from them, against brute force."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from hwsv.graph import Channel
from hwsv.simulator.slack import bounds, critical, latest_issues
from hwsv.simulator.tables import build, resize
from hwsv.simulator.timing import Deadlock, execute
from tests.simulator import networks


def case(seed: int):
    """Tables of a random network with ample FIFOs of random latencies, and its recorded run."""
    r = Random(seed)
    graph = networks.random_wired(r)
    channels = {t: Channel(4 * c.depth, r.randint(1, 2)) for t, c in graph.channels.items()}
    tables = build(graph, networks.random_frames(r, graph), channels)
    return channels, tables, execute(tables, record=True)


@pytest.mark.parametrize("seed", range(600, 616))
def test_a_word_less_than_the_bound_is_late_and_most_bounds_are_exact(seed):
    channels, tables, state = case(seed)
    least = bounds(tables, state, state["finish"])

    def in_time(tensor: str, depth: int) -> bool:
        try:
            sized = resize(tables, channels | {tensor: replace(channels[tensor], depth=depth)})
            return bool((execute(sized)["finish"] == state["finish"]).all())
        except Deadlock:
            return False

    exact = 0
    for tensor, depth in zip(tables.channels, least.tolist(), strict=True):
        assert depth == 1 or not in_time(tensor, depth - 1), f"{tensor}: {depth - 1} is enough"
        exact += in_time(tensor, depth)
    assert exact >= 0.8 * len(least)


@pytest.mark.parametrize("seed", range(620, 632))
def test_latest_times(seed):
    """No push is due before it happens, some are due just then; all are due as much later as the embeddings are."""
    _, tables, state = case(seed)
    issued = np.concatenate([
        state["push_time"][tables.push_first[c] : tables.push_first[c + 1]] - tables.latency[tables.producer[c]]
        for c in range(len(tables.channels))
    ])  # fmt: skip
    due = latest_issues(tables, state["finish"])
    assert (due >= issued).all() and (due == issued).any()
    np.testing.assert_array_equal(latest_issues(tables, state["finish"] + 1000), due + 1000)


def test_critical_channels_are_those_that_words_wait_for():
    """A sole FIFO that is too small for the full rate is critical, and nothing is where nothing is late."""
    channels, tables, state = case(605)
    assert not critical(tables, state, state["finish"]).any()
    for number, tensor in enumerate(tables.channels):
        small = resize(tables, channels | {tensor: replace(channels[tensor], depth=1)})
        try:
            slow = execute(small, record=True)
        except Deadlock:
            continue
        late = bool((slow["finish"] > state["finish"]).any())
        assert critical(small, slow, state["finish"])[number] == late
