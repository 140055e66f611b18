import dataclasses
import itertools
import math

import numpy as np
import pytest

from hwsv.boards import load_board
from hwsv.errors import InputError
from hwsv.estimate import estimate, estimate_unit
from hwsv.folding import (
    SIZED_DEPTH,
    Override,
    bottleneck,
    candidates,
    fold,
    fold_fastest,
    read_overrides,
    unit_cycles,
)
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.threshold import Threshold
from hwsv.wiring import channel, wire
from tests.graphs import Builder, resnet

FRAMES = 20


@pytest.fixture(scope="module")
def graph() -> UnitGraph:
    return resnet(12, 4, (1, 1), 8)


@pytest.mark.parametrize("cycles", [3_000, 8_000, 50_000, math.inf])
def test_every_unit_keeps_the_rate_and_windows_follow_their_readers(graph, cycles):
    folded = fold(graph, FRAMES, cycles)
    assert max(unit_cycles(folded, FRAMES).values()) <= cycles
    for node in folded:
        if isinstance(node.unit, SlidingWindow):
            (reader,) = [n for n in folded if node.outputs[0] in n.inputs]
            assert node.unit.lanes == reader.unit.inputs()[0].lanes


def chain(channels: int, outputs: int) -> UnitGraph:
    """1x1 convolution, sign, 3x3 convolution, sign, with channel counts whose divisors do not divide each other."""
    rng = np.random.default_rng(0)

    def mvtu(freq, inputs, taps, out):
        weights = rng.choice(np.array([-1, 1]), (out, inputs * taps))
        return Mvtu(freq, inputs * taps, inputs, weights, "BIPOLAR", "BIPOLAR", "INT8", taps > 1)

    def sign(freq, channels):
        thresholds = np.zeros((channels, 1), np.int64)
        return Threshold(freq, channels, "INT8", "BIPOLAR", thresholds, np.zeros(channels, np.int64), -1, 2)

    window = SlidingWindow(4, channels, "BIPOLAR", (3, 3), (1, 1), (1, 1, 1, 1))
    nodes = [
        Node("a", mvtu(4, 2, 1, channels), (INPUT,), ("a_out",)), Node("a_sign", sign(4, channels), ("a_out",), ("x",)),
        Node("w", window, ("x",), ("windows",)), Node("b", mvtu(4, channels, 9, outputs), ("windows",), ("b_out",)),
        Node("b_sign", sign(4, outputs), ("b_out",), (OUTPUT,)),
    ]  # fmt: skip
    return UnitGraph("chain", nodes)


def block() -> UnitGraph:
    """A stem and one residual block without the head: fork, two paths, add."""
    builder = Builder(4)
    builder.stem(2)
    builder.block("b0", 4, 1)
    last = builder.graph.nodes[-1]
    builder.graph.nodes[-1] = dataclasses.replace(last, outputs=(OUTPUT,))
    return builder.graph


def price(graph: UnitGraph, resources) -> float:
    """The wired graph with its forks and converters, every FIFO as deep as the folding assumes."""
    rows = [estimate_unit(n.name, n.unit, [channel(SIZED_DEPTH)] * len(n.outputs), resources) for n in graph]
    return sum(row.price(resources) for row in rows)


@pytest.mark.parametrize("board", ["ulx3s-25f", "pynq-z2"])
@pytest.mark.parametrize(
    "make, rates", [(lambda: chain(6, 4), (240, 900, math.inf)), (block, (250, 600)), (lambda: chain(4, 6), (400,))]
)
def test_the_folding_is_the_cheapest_of_all_that_keep_the_rate(make, rates, board):
    graph, resources = make(), load_board(board).resources
    readers = {n.inputs[0]: n for n in graph}
    free = [n for n in graph if not isinstance(n.unit, SlidingWindow)]
    found = []
    for units in itertools.product(*(candidates(n.unit) for n in free)):
        chosen = {n.name: unit for n, unit in zip(free, units, strict=True)}
        for node in graph:
            if isinstance(node.unit, SlidingWindow):
                lanes = chosen[readers[node.outputs[0]].name].inputs()[0].lanes
                chosen[node.name] = node.unit.with_lanes(lanes=lanes)
        folded = UnitGraph(graph.name, [dataclasses.replace(n, unit=chosen[n.name]) for n in graph])
        if max(unit_cycles(folded, 6).values()) <= max(rates):
            wired = wire(folded)
            found.append((max(unit_cycles(wired, 6).values()), price(wired, resources)))
    for cycles in rates:
        cheapest = min(cost for needed, cost in found if needed <= cycles)
        dearest = max(cost for needed, cost in found if needed <= cycles)
        wired = wire(fold(graph, 6, cycles, resources=resources))
        assert max(unit_cycles(wired, 6).values()) <= cycles
        assert price(wired, resources) == pytest.approx(cheapest)
        assert dearest > cheapest, "there was a choice"


def finish(folded: UnitGraph) -> UnitGraph:
    return wire(folded)


def small_board(**resources):
    board = load_board("ulx3s-25f")
    return board.model_copy(update={"resources": board.resources.model_copy(update=resources)})


@pytest.mark.parametrize("resources, word", [({"lut": 9600, "bram_blocks": 1}, "LUT4"), ({"ff": 6000}, "flip-flops")])
def test_the_fastest_folding_fits_and_the_next_faster_one_does_not(graph, resources, word):
    board = small_board(**resources)
    fastest = fold_fastest(graph, FRAMES, board, {}, finish)
    assert not estimate(fastest.graph, board).exceeded()
    assert word in fastest.limit and board.name in fastest.limit
    assert bottleneck(fastest.graph, FRAMES)[1] == fastest.cycles
    faster = finish(fold(graph, FRAMES, fastest.cycles - 1, resources=board.resources))
    assert word in estimate(faster, board).exceeded()


def test_on_a_large_board_the_largest_folding_is_the_limit(graph):
    fastest = fold_fastest(graph, FRAMES, small_board(lut=10**6, ff=10**6, dsp=10**4, bram_blocks=10**3), {}, finish)
    name, cycles = bottleneck(fastest.graph, FRAMES)
    assert fastest.limit == f"unit {name!r} takes {cycles} cycles even with its largest folding"
    with pytest.raises(InputError, match=f"needs {cycles} cycles"):
        fold(graph, FRAMES, cycles - 1)


def test_a_board_that_is_too_small_is_named_with_its_resource(graph):
    with pytest.raises(InputError, match=r"'handmade' does not fit ulx3s-25f .*: \d+ LUT4 of 500 \(80% may be used\)"):
        fold_fastest(graph, FRAMES, small_board(lut=500), {}, finish)


def test_an_override_is_the_bottleneck_of_the_fastest_folding(graph):
    board = small_board(lut=10**6, ff=10**6, dsp=10**4)
    fastest = fold_fastest(graph, FRAMES, board, {"s1c1_mvtu": Override(pe=1, simd=1)}, finish)
    assert (
        unit_cycles(fastest.graph, FRAMES)["s1c1_mvtu"]
        == fastest.cycles
        > fold_fastest(graph, FRAMES, board, {}, finish).cycles
    )


def test_folding_does_not_change_the_function(graph):
    x = np.random.default_rng(0).integers(-128, 128, (FRAMES, 12, 1))
    expected, folded = graph.golden(x), fold(graph, FRAMES, 3_000).golden(x)
    for tensor, values in expected.items():
        np.testing.assert_array_equal(folded[tensor], values)


def test_overrides_win_over_the_rule(graph):
    overrides = {"s0c0_mvtu": Override(pe=2, simd=4), "s0c0_add": Override(lanes=4), "fc_mvtu": Override(pe=1)}
    folded = fold(graph, FRAMES, math.inf, overrides)
    unit = folded.node("s0c0_mvtu").unit
    assert (unit.pe, unit.simd) == (2, 4) and folded.node("s0c0_window").unit.lanes == 4
    assert folded.node("s0c0_add").unit.lanes == 4
    # an override may be slower than the rate: it is what was asked for
    slow = fold(graph, FRAMES, 3_000, {"s1c1_mvtu": Override(pe=1, simd=1)})
    assert bottleneck(slow, FRAMES)[0] == "s1c1_mvtu" and bottleneck(slow, FRAMES)[1] > 3_000


@pytest.mark.parametrize(
    "name, override, message",
    [
        ("nosuch", {"pe": 1}, r"no unit 'nosuch' in design 'handmade'; it has "),
        ("s0c0_mvtu", {"pe": 3}, r"unit 's0c0_mvtu': .*pe=3 does not divide 4 output channels; legal values: \[1, 2"),
        ("s0c0_mvtu", {"simd": 9}, r"unit 's0c0_mvtu': .*simd=9 does not divide 4 input channels; legal values: \[1"),
        ("s0c0_mvtu", {"lanes": 2}, r"unit 's0c0_mvtu' \(mvtu\) has no folding lanes; it has pe, simd"),
        ("s0c0_add", {"pe": 2}, r"unit 's0c0_add' \(add\) has no folding pe"),
        ("s0c0_add", {"lanes": 3}, r"unit 's0c0_add': .*lanes=3 does not divide 4 channels; legal values: \[1, 2, 4"),
        ("s0c0_window", {"lanes": 2}, r"'s0c0_window' \(sliding_window\) follows its reader: fold 's0c0_mvtu' instead"),
        ("s1c0_pool_window", {"lanes": 2}, "follows its reader: fold 's1c0_pool' instead"),
    ],
)  # fmt: skip
def test_illegal_overrides(graph, name, override, message):
    with pytest.raises(InputError, match=message) as caught:
        fold(graph, FRAMES, 50_000, {name: Override(**override)})
    assert "\n" not in str(caught.value)


def test_an_impossible_rate_names_the_unit_and_the_limit(graph):
    with pytest.raises(InputError, match=r"unit '\w+' needs \d+ cycles .* the target rate allows 100; lower --fps"):
        fold(graph, FRAMES, 100)


def test_a_fast_window_makes_its_reader_wider():
    """A 1x1 convolution of stride 2 reads a quarter of the pixels: its window, not its matrix, sets the lanes."""
    window = SlidingWindow(8, 8, "BIPOLAR", (1, 1), (2, 2))
    mvtu = Mvtu(4, 8, 8, np.ones((2, 8), np.int64), "BIPOLAR", "BIPOLAR", "INT5")
    nodes = [Node("w", window, (INPUT,), ("windows",)), Node("m", mvtu, ("windows",), (OUTPUT,))]
    graph = UnitGraph("g", nodes)
    # 8 frames of 8 pixels of 8 channels; 16 products of 2 x 8
    folded = fold(graph, 8, 256)
    assert folded.node("w").unit.lanes == folded.node("m").unit.simd >= 2
    with pytest.raises(InputError, match="unit 'w' needs 64 cycles"):
        fold(graph, 8, 60)


def test_a_window_with_two_readers_needs_them_alike():
    window = SlidingWindow(4, 4, "BIPOLAR", (1, 1))
    mvtu = Mvtu(4, 4, 4, np.ones((2, 4), np.int64), "BIPOLAR", "BIPOLAR", "INT4")
    nodes = [Node("w", window, (INPUT,), ("t",)), Node("a", mvtu, ("t",), ("x",)), Node("b", mvtu, ("t",), (OUTPUT,))]
    graph = UnitGraph("g", nodes)
    folded = fold(graph, 4, math.inf, {"a": Override(simd=2)})
    assert folded.node("w").unit.lanes == folded.node("b").unit.simd == 2, "b follows what a was given"
    with pytest.raises(InputError, match="unit 'w' feeds two units of different folding"):
        fold(graph, 4, math.inf, {"a": Override(simd=2), "b": Override(simd=4)})


def test_a_folding_file(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("conv: {pe: 2, simd: 16}\nadd: {lanes: 4}\n")
    assert read_overrides(path) == {"conv": Override(pe=2, simd=16), "add": Override(lanes=4)}
    path.write_text("# nothing yet\n")
    assert read_overrides(path) == {}


@pytest.mark.parametrize(
    "content, message",
    [
        (b"conv: {pe: 0}", r"conv\.pe: .*greater than 0"),
        (b"conv: {width: 2}", r"conv\.width: Extra inputs"),
        (b"conv: {pe: many}", r"conv\.pe: "),
        (b"conv: 4", "conv: "),
        (b"[1, 2]", "file: "),
        (b"conv: {pe: [", "not YAML: "),
        (b"\xff\xfe\x00", "not YAML: "),
        (b"a: 2020-13-45", "not YAML: "),
        (b"[" * 1000, "not YAML: "),
        (b"!!python/object/apply:os.system ['true']", "not YAML: "),
    ],
)
def test_bad_folding_files_give_one_line(content, message, tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"folding file .*f\.yaml: {message}") as caught:
        read_overrides(path)
    assert "\n" not in str(caught.value)


def test_a_missing_folding_file(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_overrides(tmp_path / "none.yaml")
