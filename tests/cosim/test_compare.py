"""Counting and naming differences, on handshakes made for the purpose."""

from dataclasses import replace

import numpy as np
import pytest

from hwsv.cosim.bench import Channel, Recording
from hwsv.cosim.compare import compare
from hwsv.cosim.expected import Expected
from hwsv.graph import Channel as Fifo
from hwsv.graph import Node, UnitGraph
from hwsv.units.fork import Fork
from hwsv.units.width_converter import WidthConverter


@pytest.fixture
def graph():
    """features -> fork -> a, b; b -> converter -> embedding: only names, latencies and depths matter."""
    nodes = [
        Node("fork", Fork(1, 2, "INT4", 2, 1), ("features",), ("a", "b")),
        Node("narrow", WidthConverter(1, 2, "INT4", 2, 1), ("b",), ("embedding",)),
    ]
    return UnitGraph("made", nodes, dict.fromkeys(("features", "a", "b", "embedding"), Fifo(4)))


def channel(pushes, pops):
    return Channel(np.array(pushes), np.array(pops), np.arange(len(pushes), dtype=np.uint64)[:, None])


@pytest.fixture
def expected():
    channels = {
        "features": channel([0, 1, 2], [1, 2, 3]), "a": channel([2, 3, 4], []), "b": channel([2, 3, 4], [3, 4, 5]),
        "embedding": channel([4, 5, 6], [5, 6, 7]),
    }  # fmt: skip
    return Expected(channels, False, 10, 8)


def recorded(expected, **changed):
    return Recording(8, np.zeros((3, 1), np.uint64), expected.channels | changed)


def test_equal(graph, expected):
    result = compare(graph, expected, recorded(expected), 3)
    assert result.equal and result.first is None and not result.rtl_hangs
    assert result.handshakes == 3 + 3 + 3 + 0 + 3 + 3 + 3 + 3


def test_the_earliest_beat_is_the_cause(graph, expected):
    """The fork is late with its second word, and then everything behind it."""
    late = {"features": channel([0, 1, 2], [1, 4, 5]), "a": channel([2, 5, 6], []), "b": channel([2, 5, 6], [3, 6, 7]),
            "embedding": channel([4, 7, 8], [5, 8, 9])}  # fmt: skip
    result = compare(graph, expected, recorded(expected, **late), 3)
    assert (result.cycle_differences, result.word_differences) == (12, 0)
    first = result.first
    assert (first.unit, first.channel, first.kind, first.number) == ("fork", "b", "push", 1)
    assert (first.cycle_expected, first.cycle_found) == (3, 5)
    assert "unit fork, channel b, push 1 " in str(first) and "expected cycle 3, found cycle 5" in str(first)


def test_a_channel_without_credit_is_named_first(graph, expected):
    """`a` holds one word and never more: it, not `b`, made the fork stop."""
    stopped = {"features": channel([0, 1, 2], [1]), "a": channel([2], []), "b": channel([2], [3]),
               "embedding": channel([4], [5])}  # fmt: skip
    found = replace(recorded(expected, **stopped), outputs=np.zeros((1, 1), np.uint64))
    result = compare(graph, expected, found, 3)
    assert result.rtl_hangs
    assert (result.first.unit, result.first.channel) == ("fork", "a")
    assert "(1 of its 4 words in use, never more): expected cycle 3, found none" in str(result.first)
    assert result.cycle_differences == 2 * 6


def test_surplus_handshakes_count(graph, expected):
    result = compare(graph, expected, recorded(expected, a=channel([2, 3, 4, 9], [])), 3)
    assert result.cycle_differences == 1
    assert (result.first.cycle_expected, result.first.cycle_found) == (None, 9)


def test_a_wrong_word(graph, expected):
    wrong = channel([2, 3, 4], [3, 4, 5])
    wrong.words[2] = 0x1F
    result = compare(graph, expected, recorded(expected, b=wrong), 3)
    assert (result.cycle_differences, result.word_differences) == (0, 1)
    assert str(result.first) == "unit fork, channel b, push 2, cycle 4: expected word 2, found 1f"
