"""A random legal unit of every kind. A new unit adds its maker here; `test_contract` then checks it."""

import math
from collections.abc import Callable
from random import Random

import numpy as np

from hwsv import datatypes
from hwsv.bits import PAD
from hwsv.units.add import Add
from hwsv.units.base import Stream, Tensor, Unit, divisors
from hwsv.units.concat import Concat
from hwsv.units.fork import Fork
from hwsv.units.length_fork import LengthFork
from hwsv.units.lookup import Lookup
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.requantise import Requantise
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.stats_pool import StatsPool
from hwsv.units.threshold import Threshold
from hwsv.units.width_converter import WidthConverter

DTYPES = ["BIPOLAR", "INT2", "INT4", "INT8", "UINT1", "UINT3", "UINT8"]
CHANNELS = [1, 2, 3, 4, 6, 8, 12]


def generator(r: Random) -> np.random.Generator:
    return np.random.default_rng(r.randrange(2**32))


def freq(r: Random) -> int:
    return r.randint(1, 5)


def lanes(r: Random, *channels: int) -> int:
    """A lane count that divides all of `channels`."""
    return r.choice(divisors(math.gcd(*channels)))


def values(r: Random, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Random legal elements, the type's limits included."""
    low, high = datatypes.limits(dtype)
    drawn = generator(r).integers(low, high + 1, shape)
    return np.where(drawn >= 0, 1, -1) if dtype == datatypes.BIPOLAR else drawn


def add(r: Random) -> Add:
    channels = r.choice(CHANNELS)
    low, high = sorted((r.randint(-64, 63), r.randint(-64, 63)))
    mult = (r.choice([1, 2, 4]), r.choice([-1, 1, 3]))
    dtypes = (r.choice(DTYPES), r.choice(DTYPES))
    return Add(freq(r), channels, dtypes, "INT7", low, high, mult, lanes(r, channels))


def concat(r: Random) -> Concat:
    inputs = tuple(r.choice(CHANNELS) for _ in range(r.randint(2, 3)))
    return Concat(freq(r), inputs, r.choice(DTYPES), lanes(r, *inputs))


def fork(r: Random) -> Fork:
    channels = r.choice(CHANNELS)
    return Fork(freq(r), channels, r.choice(DTYPES), r.randint(2, 4), lanes(r, channels))


def length_fork(r: Random) -> LengthFork:
    chains = [[(3, r.randint(1, 2), r.randint(0, 2)) for _ in range(r.randint(0, 3))] for _ in range(r.randint(1, 4))]
    flat = tuple(number for chain in chains for stage in chain for number in stage)
    return LengthFork(flat, tuple(len(chain) for chain in chains))


def lookup(r: Random) -> Lookup:
    channels = r.choice(CHANNELS)
    dtype = r.choice(["BIPOLAR", "INT2", "INT4", "UINT3"])
    first, last = datatypes.limits(dtype)
    out = r.choice(DTYPES)
    table = values(r, out, (r.choice([1, channels]), last - first + 1))
    return Lookup(freq(r), channels, dtype, out, table, first, lanes(r, channels))


def mvtu(r: Random) -> Mvtu:
    taps, tap_channels, outputs = r.choice([1, 1, 2, 9]), r.choice(CHANNELS), r.choice(CHANNELS)
    flatten, frequencies = r.choice([0, 0, 3]), r.randint(1, 3)
    synapses = taps * tap_channels * (flatten * frequencies if flatten else 1)
    dtype, weight = r.choice([("BIPOLAR", "BIPOLAR"), ("INT8", "INT4"), ("UINT3", "INT2"), ("BIPOLAR", "INT4")])
    bound = synapses * max(map(abs, datatypes.limits(dtype))) * max(map(abs, datatypes.limits(weight)))
    weights = values(r, weight, (outputs, synapses))
    pe, simd = lanes(r, outputs), lanes(r, tap_channels)
    marked = not flatten and r.random() < 0.5
    return Mvtu(
        frequencies, taps * tap_channels, tap_channels, weights, dtype, weight, datatypes.smallest(-bound, bound),
        marked, flatten, pe, simd,
    )  # fmt: skip


def pool(r: Random) -> Pool:
    channels, taps, dtype = r.choice(CHANNELS), r.randint(1, 9), r.choice(DTYPES)
    low, high = (bound * taps for bound in datatypes.limits(dtype))
    operation = r.choice(["max", "sum"])
    out = dtype if operation == "max" else datatypes.smallest(min(low, 0), high)
    return Pool(freq(r), channels, taps, operation, dtype, out, r.random() < 0.5, lanes(r, channels))


def requantise(r: Random) -> Requantise:
    channels, pieces = r.choice(CHANNELS), r.choice([1, 2])
    rows, g = r.choice([1, channels]), generator(r)
    low, high = sorted((r.randint(-16, 15), r.randint(-16, 15)))
    step, offset = r.choice([(1, 0), (2, 1), (-2, 0)])
    return Requantise(
        freq(r), channels, r.choice(["INT8", "INT12", "UINT3"]), "INT7", g.integers(-40, 41, (rows, pieces)),
        g.integers(-999, 999, (rows, pieces)), g.integers(-50, 50, rows) * (pieces == 2), r.randint(0, 9), low, high,
        step, offset, lanes(r, channels),
    )  # fmt: skip


def sliding_window(r: Random) -> SlidingWindow:
    kernel, stride = (r.randint(1, 4), r.randint(1, 4)), (r.randint(1, 3), r.randint(1, 3))
    pads = tuple(r.randint(0, kernel[i % 2] - 1) for i in range(4))
    least = max(1, kernel[1] - pads[1] - pads[3])
    dtype, channels = r.choice(DTYPES), r.choice([1, 2, 3, 4])
    value = r.choice([NO_VALUE, NO_VALUE, datatypes.limits(dtype)[0]])
    return SlidingWindow(
        r.randint(least, least + 5), channels, dtype, kernel, stride, pads, value, lanes(r, channels)
    )  # fmt: skip


def stats_pool(r: Random) -> StatsPool:
    channels, g = r.choice(CHANNELS), generator(r)
    mean, dev = (np.sort(g.choice(top, r.randint(1, 9), replace=False)) for top in (120, 900))
    return StatsPool(
        freq(r), channels, r.choice(DTYPES), "INT5", r.random() < 0.5, r.choice([1, 3]), mean - 60, -4, 2,
        dev, lanes(r, channels),
    )  # fmt: skip


def threshold(r: Random) -> Threshold:
    channels, levels = r.choice(CHANNELS), r.choice([1, 1, 3, 7])
    rows, g = r.choice([1, channels]), generator(r)
    thresholds = np.sort(g.integers(-140, 140, (rows, levels)), axis=1)
    falling = g.integers(0, 2, rows) * r.choice([0, 1])
    out, base, step = ("BIPOLAR", -1, 2) if levels == 1 else r.choice([("UINT3", 0, 1), ("INT5", -7, 2)])
    return Threshold(
        freq(r), channels, r.choice(["INT8", "UINT8", "INT4"]), out, thresholds, falling, base, step,
        lanes(r, channels),
    )  # fmt: skip


def width_converter(r: Random) -> WidthConverter:
    channels = r.choice(CHANNELS)
    wide = lanes(r, channels)
    pair = [wide, lanes(r, wide)]
    r.shuffle(pair)
    return WidthConverter(freq(r), channels, r.choice(DTYPES), *pair)


MAKERS: dict[str, Callable[[Random], Unit]] = {
    make.__name__: make
    for make in (
        add, concat, fork, length_fork, lookup, mvtu, pool, requantise, sliding_window, stats_pool, threshold,
        width_converter,
    )
}  # fmt: skip
"""kind -> maker of a random legal unit."""


def legal_frames(r: Random, unit: Unit) -> int:
    """A legal number of input frames, often the smallest."""
    if isinstance(unit, LengthFork):
        return 1
    if isinstance(unit, Mvtu) and unit.flatten_frames:
        return unit.flatten_frames
    return unit.min_frames() + r.choice([0, 0, 1, 2, 5, 9])


def inputs(r: Random, unit: Unit, frames: int) -> list[Tensor]:
    """Random input tensors ``[frames, F, C]``, with padded taps on marked streams."""
    if isinstance(unit, LengthFork):
        return [np.array([[[r.randint(30, 2000)]]], np.int64)]
    return [_stream_values(r, unit, stream, frames) for stream in unit.inputs()]


def _stream_values(r: Random, unit: Unit, stream: Stream, frames: int) -> Tensor:
    x = values(r, stream.dtype, (frames, stream.freq, stream.channels))
    if stream.pad_mark:
        tap = unit.tap_channels if isinstance(unit, Mvtu) else unit.channels
        padded = generator(r).random((frames, stream.freq, stream.channels // tap)) < 0.3
        padded[..., -1] = False  # a window holds at least one pixel
        x = np.where(np.repeat(padded, tap, axis=2), PAD, x)
    return x
