import math

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.folding import Override, beats, fold, read_overrides
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from tests.graphs import resnet

FRAMES = 20


@pytest.fixture(scope="module")
def graph() -> UnitGraph:
    return resnet(12, 4, (1, 1), 8)


@pytest.mark.parametrize("cycles", [3_000, 8_000, 50_000])
def test_every_unit_fits_the_budget_with_its_smallest_folding(graph, cycles):
    folded = fold(graph, FRAMES, cycles)
    local = graph.frames(FRAMES)
    for node in folded:
        assert beats(node.unit, local[node.inputs[0]]) <= cycles
        if isinstance(node.unit, SlidingWindow):
            (reader,) = [n for n in folded if node.outputs[0] in n.inputs]
            assert node.unit.lanes == reader.unit.inputs()[0].lanes
        elif isinstance(node.unit, Mvtu):
            lanes = node.unit.pe * node.unit.simd
            for pe, simd in ((p, s) for p in range(1, 33) for s in range(1, 33) if p * s < lanes):
                try:
                    smaller = node.unit.with_lanes(pe=pe, simd=simd)
                except InputError:
                    continue
                assert beats(smaller, local[node.inputs[0]]) > cycles, "a smaller folding is fast enough"


def test_a_slow_rate_folds_everything_to_one_lane(graph):
    for node in fold(graph, FRAMES, math.inf):
        assert all(getattr(node.unit, name, 1) == 1 for name in ("pe", "simd", "lanes"))


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
    slow = {"fc_mvtu": Override(pe=1, simd=1)}
    assert beats(fold(graph, FRAMES, 3_000).node("fc_mvtu").unit, 1) < 3_000
    assert fold(graph, FRAMES, 3_000, slow).node("fc_mvtu").unit.simd == 1


@pytest.mark.parametrize(
    "name, override, message",
    [
        ("nosuch", {"pe": 1}, r"no unit 'nosuch' in design 'handmade'; units: stem_window"),
        ("s0c0_mvtu", {"pe": 3}, r"unit 's0c0_mvtu': .*pe=3 does not divide 4 output channels; legal values: \[1, 2"),
        ("s0c0_mvtu", {"simd": 9}, r"unit 's0c0_mvtu': .*simd=9 does not divide 4 input channels; legal values: \[1"),
        ("s0c0_mvtu", {"lanes": 2}, r"unit 's0c0_mvtu' \(mvtu\) has no folding lanes"),
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
    assert folded.node("w").unit.lanes == folded.node("m").unit.simd == 2
    with pytest.raises(InputError, match="unit 'w' needs 64 cycles"):
        fold(graph, 8, 60)


def test_a_window_with_two_readers_needs_them_alike():
    window = SlidingWindow(4, 4, "BIPOLAR", (1, 1))
    mvtu = Mvtu(4, 4, 4, np.ones((2, 4), np.int64), "BIPOLAR", "BIPOLAR", "INT4")
    nodes = [Node("w", window, (INPUT,), ("t",)), Node("a", mvtu, ("t",), ("x",)), Node("b", mvtu, ("t",), (OUTPUT,))]
    graph = UnitGraph("g", nodes)
    assert fold(graph, 4, math.inf, {n: Override(simd=2) for n in "ab"}).node("w").unit.lanes == 2
    with pytest.raises(InputError, match="unit 'w' feeds two units of different folding"):
        fold(graph, 4, math.inf, {"a": Override(simd=2)})


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
