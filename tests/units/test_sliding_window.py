from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsv.bits import PAD
from hwsv.errors import InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.simulator.timing import run
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.wiring import wire
from tests.simulator.reference import explicit_beats
from tests.units import catalogue
from tests.units.onnx_reference import run_op
from tests.units.strategies import RANDOMS, few

GEOMETRIES = [
    # kernel, stride, pads (t0, f0, t1, f1)
    ((3, 3), (1, 1), (1, 1, 1, 1)),
    ((3, 3), (2, 2), (1, 1, 1, 1)),
    ((1, 1), (2, 2), (0, 0, 0, 0)),
    ((1, 1), (1, 1), (0, 0, 0, 0)),
    ((2, 2), (2, 2), (0, 0, 1, 1)),
    ((1, 3), (1, 2), (0, 1, 0, 1)),
    ((7, 7), (2, 2), (3, 3, 3, 3)),
    ((5, 2), (3, 1), (4, 0, 0, 1)),
]


@few
@given(r=RANDOMS)
def test_golden_equals_plain_loops(r: Random):
    unit = catalogue.sliding_window(r)
    frames = catalogue.legal_frames(r, unit)
    (x,) = catalogue.inputs(r, unit, frames)
    (result,) = unit.golden(x)
    for y in range(unit.out_frames(frames)):
        for f in range(unit.out_freq):
            column = 0
            for ky in range(unit.kernel[0]):
                for kx in range(unit.kernel[1]):
                    at = (y * unit.stride[0] + ky - unit.pads[0], f * unit.stride[1] + kx - unit.pads[1])
                    for channel in range(unit.channels):
                        inside = 0 <= at[0] < frames and 0 <= at[1] < unit.freq
                        pad = PAD if unit.pad_value == NO_VALUE else unit.pad_value
                        assert result[y, f, column] == (x[*at, channel] if inside else pad)
                        column += 1
    assert column == result.shape[2]


@pytest.mark.parametrize("kernel, stride, pads", GEOMETRIES)
@pytest.mark.parametrize("more", [0, 1, 6])
def test_window_and_mvtu_are_onnx_conv(kernel, stride, pads, more):
    rng = np.random.default_rng(more)
    window = SlidingWindow(9, 3, "INT8", kernel, stride, pads)
    weights = rng.integers(-7, 8, (4, 3, *kernel))
    matrix = weights.transpose(0, 2, 3, 1).reshape(4, -1)
    mvtu = Mvtu(window.out_freq, 3 * window.taps, 3, matrix, "INT8", "INT4", "INT24", window.marks)
    x = rng.integers(-128, 128, (window.min_frames() + more, 9, 3))
    (acc,) = mvtu.golden(*window.golden(x))
    expected = run_op("Conv", x, weights, strides=stride, pads=pads, kernel_shape=kernel)
    np.testing.assert_array_equal(acc, expected)


@pytest.mark.parametrize("kernel, stride, pads", GEOMETRIES)
@pytest.mark.parametrize("operation", ["max", "sum"])
def test_window_and_pool_are_onnx_pooling(kernel, stride, pads, operation):
    rng = np.random.default_rng(1)
    window = SlidingWindow(9, 2, "INT8", kernel, stride, pads)
    pool = Pool(window.out_freq, 2, window.taps, operation, "INT8", "INT16", window.marks)
    x = rng.integers(-128, 128, (9, 9, 2))
    (result,) = pool.golden(*window.golden(x))
    sizes = {"strides": stride, "pads": pads, "kernel_shape": kernel}
    if operation == "max":
        expected = run_op("MaxPool", x, **sizes)
    else:  # the mean over all taps, padded ones being 0: a small integer over `taps`, so the product rounds back
        expected = run_op("AveragePool", window.taps * x, count_include_pad=1, **sizes)
    np.testing.assert_array_equal(result, expected)


@few
@given(r=RANDOMS)
def test_reader_waits_for_exactly_the_pixels_it_reads(r: Random):
    """The schedule against the rule of docs/timing.md, beat by beat."""
    unit = catalogue.sliding_window(r)
    frames = catalogue.legal_frames(r, unit)
    _, reader = unit.actors(frames)
    beats = explicit_beats(reader)
    positions = [(y, x) for y in range(unit.out_frames(frames)) for x in range(unit.out_freq)]
    # the first pixel that the position or any later one reads; none before the frame's first
    firsts = [
        max(0, (y * unit.stride[0] - unit.pads[0]) * unit.freq + max(0, x * unit.stride[1] - unit.pads[1]))
        for y, x in positions
    ]
    taps = [(ky, kx) for ky in range(unit.kernel[0]) for kx in range(unit.kernel[1])]
    at, written, freed = 0, 0, 0
    for (y, x), release in zip(positions, [*firsts[1:], frames * unit.freq], strict=True):
        for tap, (ky, kx) in enumerate(taps):
            row, column = y * unit.stride[0] + ky - unit.pads[0], x * unit.stride[1] + kx - unit.pads[1]
            inside = 0 <= row < frames and 0 <= column < unit.freq
            assert not inside or row * unit.freq + column >= freed, "the pixel's place may have been overwritten"
            for fold in range(unit.channels // unit.lanes):
                # padding waits for its utterance's first pixel
                least = row * unit.freq + column + 1 if inside else 1
                last = tap == len(taps) - 1 and fold == unit.channels // unit.lanes - 1
                if last:
                    least, freed = max(least, release), release
                beat = beats[at]
                written = max(written, least)
                assert max(beat.needs, max((b.needs for b in beats[:at]), default=0)) == written
                assert max((b.frees for b in beats[: at + 1]), default=0) == freed
                assert (beat.pushes, beat.pops) == (1, int(at == 0))
                at += 1
    assert at == len(beats)


@given(frames=st.integers(1, 12), stride=st.integers(1, 3))
@few
def test_repeated_rows_are_the_rows_of_a_plain_list(frames, stride):
    """Interior rows are one repeated table: the same beats as the first utterance's rows written out."""
    unit = SlidingWindow(3, 2, "INT8", (3, 3), (stride, 1), (1, 1, 1, 1))
    assert len(explicit_beats(unit.actors(frames)[1])) == unit.out_frames(frames) * 3 * 9 * 2


@pytest.mark.parametrize("kernel, stride, pads", [*GEOMETRIES, ((1, 1), (1, 2), (0,) * 4), ((1, 1), (2, 1), (0,) * 4)])
@pytest.mark.parametrize("lanes", [1, 4])
def test_a_window_runs_at_full_rate(kernel, stride, pads, lanes):
    """Utterances follow each other as fast as the slower of writer and reader: the line buffer is large enough."""
    window = SlidingWindow(8, 4, "INT4", kernel, stride, pads, lanes=lanes)
    pool = Pool(window.out_freq, 4, window.taps, "max", "INT4", "INT4", window.marks, lanes)
    nodes = [Node("w", window, (INPUT,), ("t",)), Node("p", pool, ("t",), (OUTPUT,))]
    timing = run(wire(UnitGraph("g", nodes)), [24] * 6)
    assert timing.interval == max(unit.beats for unit in timing.units) / 6


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lanes": 4}, r"lanes=4 does not divide 6 channels; legal values: \[1, 2, 3, 6\]"),
        ({"kernel": (0, 3)}, "out of range"),
        ({"pads": (3, 0, 0, 0)}, "padding must be smaller than the kernel"),
        ({"kernel": (3, 9), "pads": (0, 0, 0, 0)}, "kernel 9 is wider than the padded frame"),
        ({"pad_value": 200}, "padding value 200 is not a INT8"),
        ({"pad_value": 0, "dtype": "BIPOLAR"}, "padding value 0 is not a BIPOLAR"),
        ({"dtype": "FLOAT"}, "data type 'FLOAT' is not supported"),
    ],
)
def test_illegal_parameters(changes, message):
    good = {"freq": 5, "channels": 6, "dtype": "INT8", "kernel": (3, 3), "pads": (1, 1, 1, 1)}
    with pytest.raises(InputError, match=message):
        unit = SlidingWindow(**(good | changes))
        unit.inputs()
