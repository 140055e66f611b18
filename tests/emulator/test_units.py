"""Every kernel against the golden model of its unit: random shapes, strides, paddings and channel counts."""

import dataclasses
from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv import datatypes
from hwsv.emulator import Emulator, stages
from hwsv.errors import InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.base import Unit
from hwsv.units.concat import Concat
from hwsv.units.lookup import Lookup
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.requantise import Requantise
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.threshold import Threshold
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few

CHANNELS = [1, 2, 3, 5, 8, 16, 17, 31, 32, 33, 64, 70]
PAIRS = [("BIPOLAR", "BIPOLAR")] * 3 + [("INT8", "INT8"), ("BIPOLAR", "INT4"), ("UINT3", "BIPOLAR")]


def chain(*units: Unit) -> UnitGraph:
    """Units one after the other; a unit with several inputs takes the same tensor for each."""
    graph, tensor = UnitGraph("chain"), INPUT
    for i, unit in enumerate(units):
        outputs = [f"t{i}_{port}" for port in range(len(unit.outputs()))]
        if i == len(units) - 1:
            outputs[0] = OUTPUT
        graph.nodes.append(Node(f"u{i}", unit, (tensor,) * len(unit.inputs()), tuple(outputs)))
        tensor = outputs[0]
    return graph


def check(graph: UnitGraph, features: np.ndarray) -> None:
    """The emulator's embedding and every tensor of the graph equal the golden model's."""
    golden = graph.golden(features)
    emulator = Emulator(graph)
    np.testing.assert_array_equal(emulator.run(features), golden[OUTPUT].reshape(-1))
    tensors = emulator.tensors(features)
    assert tensors.keys() == golden.keys()
    for name, expected in golden.items():
        assert tensors[name].dtype == np.int64
        np.testing.assert_array_equal(tensors[name], expected, err_msg=name)


def features(r: Random, unit: Unit, frames: int) -> np.ndarray:
    stream = unit.inputs()[0]
    return catalogue.values(r, stream.dtype, (frames, stream.freq, stream.channels))


@pytest.mark.parametrize(
    "kind",
    ["add", "concat", "fork", "lookup", "mvtu", "pool", "requantise", "stats_pool", "threshold", "width_converter"],
)
@few
@given(r=RANDOMS)
def test_a_unit_alone(kind: str, r: Random):
    unit = catalogue.MAKERS[kind](r)
    if isinstance(unit, Add):
        unit = dataclasses.replace(unit, in_dtypes=unit.in_dtypes[:1] * 2)
    elif isinstance(unit, Concat):
        unit = dataclasses.replace(unit, in_channels=unit.in_channels[:1] * 3, lanes=1)
    elif isinstance(unit, Mvtu):
        unit = dataclasses.replace(unit, pad_mark=False)
    elif isinstance(unit, Pool):
        unit = dataclasses.replace(unit, taps=1, pad_mark=False)
    check(chain(unit), features(r, unit, catalogue.legal_frames(r, unit)))


def random_window(r: Random, dtype: str) -> SlidingWindow:
    kernel, stride = (r.randint(1, 5), r.randint(1, 5)), (r.randint(1, 3), r.randint(1, 3))
    if r.random() < 0.5:  # the case of most networks has paths of its own
        kernel, stride = (3, 3), (1, 1)
    pads = tuple(r.randint(0, kernel[i % 2] - 1) for i in range(4))
    if r.random() < 0.5:
        pads = tuple(k // 2 for k in kernel) * 2
    least = max(1, kernel[1] - pads[1] - pads[3])
    constant = catalogue.values(r, dtype, (1,)).item()
    value = r.choice([NO_VALUE, NO_VALUE, constant])
    return SlidingWindow(r.randint(least, least + 9), r.choice(CHANNELS), dtype, kernel, stride, pads, value)


def random_frames(r: Random, window: SlidingWindow) -> int:
    return window.min_frames() + r.choice([0, 1, 2, 7, 40])


def random_function(r: Random, unit: Mvtu | Pool, outputs: int) -> list[Unit]:
    """No, one or two element-wise units behind accumulators; in half of the cases the last one binarises."""
    g, stream = catalogue.generator(r), unit.outputs()[0]
    units: list[Unit] = []
    dtype = stream.dtype
    if r.random() < 0.7:
        rows, pieces = r.choice([1, outputs]), r.choice([1, 2])
        mult = g.integers(-9, 10, (rows, pieces)) * r.choice([1, 1, 2**30])
        split = g.integers(-20, 20, rows) * (pieces - 1)
        step, offset = r.choice([(1, 0), (2, 1), (3, 0), (-2, 1)])
        bias = g.integers(-90, 90, (rows, pieces))
        shift = r.randint(0, 6) + 30 * (int(np.abs(mult).max()) > 9)
        units.append(Requantise(stream.freq, outputs, dtype, "INT8", mult, bias, split, shift, -32, 31, step, offset))
        dtype = "INT8"
    levels = r.choice([0, 1, 1, 3, 20])
    if levels:
        rows = r.choice([1, outputs])
        thresholds, falling = np.sort(g.integers(-40, 40, (rows, levels)), axis=1), g.integers(0, 2, rows)
        out, base, step = ("BIPOLAR", *r.choice([(-1, 2), (1, -2)])) if levels == 1 else ("INT8", -levels, 2)
        if step > 0:  # a unit's results ascend from its base
            units.append(Threshold(stream.freq, outputs, dtype, out, thresholds, falling, base, step))
    return units


@few
@given(r=RANDOMS)
def test_convolutions(r: Random):
    dtype, weight = r.choice(PAIRS)
    window, outputs = random_window(r, dtype), r.choice(CHANNELS)
    inputs = window.taps * window.channels
    weights = catalogue.values(r, weight, (outputs, inputs))
    unit = Mvtu(window.out_freq, inputs, window.channels, weights, dtype, weight, "INT32", window.marks)
    graph = chain(window, unit, *random_function(r, unit, outputs))
    check(graph, features(r, window, random_frames(r, window)))


@few
@given(r=RANDOMS)
def test_poolings(r: Random):
    window = random_window(r, r.choice(["BIPOLAR", "INT8", "UINT3"]))
    operation = r.choice(["max", "sum"])
    low, high = (bound * window.taps for bound in datatypes.limits(window.dtype))
    out = window.dtype if operation == "max" else datatypes.smallest(min(low, 0), high)
    unit = Pool(window.out_freq, window.channels, window.taps, operation, window.dtype, out, window.marks)
    graph = chain(window, unit, *random_function(r, unit, window.channels))
    check(graph, features(r, window, random_frames(r, window)))


@few
@given(r=RANDOMS)
def test_flattened_layers(r: Random):
    """A Linear over whole frames, in bits and in integers, and another one behind it."""
    frames, freq, channels, hidden = r.randint(1, 4), r.randint(1, 4), r.choice(CHANNELS), r.choice(CHANNELS)
    dtype, weight = r.choice([("BIPOLAR", "BIPOLAR"), ("INT8", "INT4"), ("BIPOLAR", "INT2")])
    weights = catalogue.values(r, weight, (hidden, frames * freq * channels))
    first = Mvtu(freq, channels, channels, weights, dtype, weight, "INT24", False, frames)
    sign = Threshold(1, hidden, "INT24", "BIPOLAR", np.zeros((1, 1), np.int64), np.zeros(1, np.int64), -1, 2)
    last = Mvtu(1, hidden, hidden, catalogue.values(r, "BIPOLAR", (7, hidden)), "BIPOLAR", "BIPOLAR", "INT12")
    check(chain(first, sign, last), features(r, first, frames))


@pytest.mark.parametrize(
    ("mult", "bias", "shift", "in_one_pass"),
    [(927590, -(2**28) + 1, 28, True), (-(2**34) + 3, 2**40 + 5, 34, True), (2**46 - 1, -(2**45), 52, False)],
)
def test_products_beyond_32_bits(mult: int, bias: int, shift: int, in_one_pass: bool):
    """Products are cut into halves of 32 bits where that suffices; every input is tried."""
    unit = Requantise(
        1, 1, "INT16", "INT8", np.array([[mult]]), np.array([[bias]]), np.zeros(1, np.int64), shift, -128, 127
    )
    emulator = Emulator(chain(unit))
    every = np.arange(-(2**15), 2**15)[:, None, None]
    np.testing.assert_array_equal(emulator.run(every), unit.golden(every)[0].reshape(-1))
    assert bool((emulator._fused.programs.code[:, 0] == stages.RESIDUAL).all()) == in_one_pass


def test_a_flattened_layer_takes_its_own_length_only():
    unit = Mvtu(2, 3, 3, np.ones((4, 18), np.int64), "INT8", "INT2", "INT24", False, 3)
    with pytest.raises(InputError, match="exactly 3 frames here, not 4"):
        Emulator(chain(unit)).run(np.zeros((4, 2, 3), np.int64))


def test_a_value_outside_a_table_is_an_error():
    unit = Lookup(2, 1, "INT8", "INT8", np.arange(10)[None], -5)
    emulator = Emulator(chain(unit))
    assert emulator.run(np.array([[-5, 4]])).tolist() == [0, 9]
    with pytest.raises(InputError, match="outside the table"):
        emulator.run(np.array([[-6, 4]]))


def test_sums_beyond_32_bits_are_refused():
    weights = np.full((1, 2**10), 127)
    unit = Mvtu(1, 2**10, 2**10, weights, "INT16", "INT8", "INT40")
    with pytest.raises(InputError, match=r"'u0': mvtu: values in .* exceed 32 bits"):
        Emulator(chain(unit))
    Emulator(chain(dataclasses.replace(unit, in_dtype="INT15")))


def test_a_window_of_a_window_is_refused():
    first = SlidingWindow(5, 1, "INT8", (1, 2))
    second = SlidingWindow(4, 2, "INT8", (1, 2))
    with pytest.raises(InputError, match=r"'u1': .*window"):
        Emulator(chain(first, second))
