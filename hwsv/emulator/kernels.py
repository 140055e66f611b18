"""The emulator's numba kernels: convolutions and poolings by window index, each followed by a fused list of stages.

Layout: an integer tensor is ``int32 [C, P]``, a bipolar one ``uint32 [ceil(C/32), P]`` (bit c % 32 of word c // 32, 1
is +1), with P = T * F positions in stream order. Positions innermost means that every loop is a long run over
neighbouring memory with per-channel constants, whatever the number of channels: it becomes full vectors (``vpopcntd``
where the machine has it), thresholds and requantisers included. The window of a vector of positions is gathered once,
used by all output channels, and never leaves the first-level cache.

A geometry is the tuple (freq in, freq out, kernel t, kernel f, stride t, stride f, pad t, pad f), pads at the start.
Indices come from plans that `lower` has checked: nothing here is bounds-checked.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsv.emulator.intrinsics import integer_rows, pool_rows, popcount32, shift_left32, xnor_rows
from hwsv.emulator.passes import pass_rows
from hwsv.emulator.stages import Span, copy_channels, kernel, run_stages
from hwsv.emulator.vectors import GROUP

NO_PASSES = Span(0, 0, 0, 0)
"""Accumulators only: the program follows channel by channel."""


class Taps(NamedTuple):
    """How packed windows are gathered: by moves, int64 ``[n, 4]`` of lane (row of x), tap, word and shift in it.

    runs: at stride 1 the taps of neighbours are neighbours, from `starts` on, and the row holds channels in `lanes`;
    else `places` (of `tap_index`) says where they lie, and `missing` is what padded taps hold in each row.
    """

    moves: NDArray[np.int64]
    runs: bool
    starts: NDArray[np.int64]
    lanes: NDArray[np.uint32]
    places: NDArray[np.int32]
    missing: NDArray[np.uint32]


@kernel
def take(features, low, high, x):
    """Features int64 ``[C, P]`` to int32 ``[C, >= P]``. Returns False when one lies outside low … high."""
    least, most = low, high
    for c in range(len(features)):
        source, target = features[c], x[c]
        for i in range(len(source)):
            least, most = min(least, source[i]), max(most, source[i])
            target[i] = source[i]
    return least == low and most == high


@kernel
def tap_range(offset, stride, freq_in, freq_out):
    """Output columns [low, high) whose tap, at input column ``column * stride + offset``, lies inside the frame."""
    low = -(offset // stride) if offset < 0 else 0
    high = min(freq_out, (freq_in - 1 - offset) // stride + 1)
    return low, max(low, high)


@kernel
def window_mask(rows_in, rows_out, geometry, lanes, slot, constant, mask):
    """Which window bits count, uint32 ``[words + 1, >= P]``; the last row: how many of them at each position.

    Tap k has bits ``k * slot`` on; lanes: uint32, the bits of each of its words that hold channels. constant: padded
    taps hold a value, so that all taps count.
    """
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    mask[:, :] = 0
    for tap in range(kt * kf):
        low, high = tap_range(tap % kf - f0, sf, freq_in, freq_out)
        if constant:
            low, high = 0, freq_out
        word, shift = (tap * slot) >> 5, np.uint32((tap * slot) & 31)
        for j in range(len(lanes)):
            line, marks = mask[word + j], shift_left32(lanes[j], shift)
            for row in range(rows_out):
                y = row * st - t0 + tap // kf
                if constant or 0 <= y < rows_in:
                    for i in range(row * freq_out + low, row * freq_out + high):
                        line[i] |= marks
    valid = mask[-1]
    for k in range(len(mask) - 1):
        line = mask[k]
        for i in range(len(valid)):
            valid[i] += popcount32(line[i])


@kernel
def tap_index(rows_in, rows_out, geometry, index):
    """Where each tap of each window lies, int32 ``[taps, >= P]``; -1 where it is padded."""
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    index[:, :] = -1
    for tap in range(kt * kf):
        low, high = tap_range(tap % kf - f0, sf, freq_in, freq_out)
        line = index[tap]
        for row in range(rows_out):
            y = row * st - t0 + tap // kf
            if 0 <= y < rows_in:
                at, base = row * freq_out, y * freq_in + tap % kf - f0
                for i in range(low, high):
                    line[at + i] = base + i * sf


@kernel
def binary_conv(x, index, geometry, lanes, slot, pad, weights, outputs, mask, windows, acc, n, span, programs, ports):
    """Bipolar x bipolar at n positions. x: uint32 ``[lanes, P]``; weights: uint32 ``[groups, words * GROUP]``.

    index: of `tap_index`, without rows where the taps of neighbours are neighbours; mask: of `window_mask`; pad:
    value of padded taps, 0 where they are masked.
    windows uint32 ``[words, LANES]``, acc int32 ``[outputs, n]``: scratch. Returns False when a lookup left its table.
    """
    freq_in, _, kt, kf, _, _, t0, f0 = geometry
    starts, moves = np.empty(kt * kf, np.int64), np.empty((kt * kf * len(lanes), 4), np.int64)
    for tap in range(kt * kf):
        starts[tap] = (tap // kf - t0) * freq_in + tap % kf - f0
        for lane in range(len(lanes)):
            move = moves[tap * len(lanes) + lane]
            move[0], move[1], move[2], move[3] = lane, tap, (tap * slot >> 5) + lane, tap * slot & 31
    taps = Taps(moves, len(index) == 0, starts, lanes, index, lanes if pad > 0 else np.zeros_like(lanes))
    passes = span if span.passes else NO_PASSES
    xnor_rows(x, taps, windows, mask, weights, acc, n, outputs, passes, programs, ports)
    return finish(acc, n, outputs, span, passes.end, programs, ports)


@kernel
def integer_conv(x, index, pad, weights, outputs, windows, acc, n, span, programs, ports):
    """Integer x integer at n positions. x: int32 ``[C, P]``; weights: float64 ``[groups, taps * C * GROUP]``.

    index: of `tap_index`; pad: value of padded taps. windows float64 ``[taps * C, LANES]``, acc int32 ``[outputs,
    n]``: scratch.
    """
    if n == 1 and len(x) == len(windows):
        dense(x[:, 0].astype(np.float64), weights, acc)
        return finish(acc, n, outputs, span, 0, programs, ports)
    passes = span if span.passes else NO_PASSES
    integer_rows(x, index, pad, windows, weights, acc, n, outputs, passes, programs, ports)
    return finish(acc, n, outputs, span, passes.end, programs, ports)


@njit(nogil=True, fastmath={"reassoc", "contract"})  # sums of integers: exact in any order
def dense(x, weights, acc):
    """Products at one position: ``acc[:, 0]``. x: float64 ``[words]``; weights: of `integer_conv`."""
    for group in range(len(weights)):
        line = weights[group]
        a, b, c, d = 0.0, 0.0, 0.0, 0.0  # GROUP of them, so that neighbours are read together
        for k in range(len(x)):
            a += x[k] * line[4 * k]
            b += x[k] * line[4 * k + 1]
            c += x[k] * line[4 * k + 2]
            d += x[k] * line[4 * k + 3]
        at = group * GROUP
        acc[at, 0], acc[at + 1, 0], acc[at + 2, 0], acc[at + 3, 0] = a, b, c, d


@kernel
def pool(x, index, neutral, maximum, acc, n, span, programs, ports):
    """Maximum or sum over windows of int32 ``[C, P]``. index: of `tap_index`; neutral: value of padded taps; acc:
    int32 ``[C, n]``, scratch."""
    passes = span if span.passes else NO_PASSES
    pool_rows(x, index, neutral, maximum, acc, n, len(x), passes, programs, ports)
    return finish(acc, n, len(x), span, passes.end, programs, ports)


@kernel
def pointwise(x, acc, n, span, programs, ports):
    """Stages only, on int32 ``[C, n]``; acc: int32 ``[C, n]``, scratch."""
    ok = True
    for c in range(len(x)):
        acc[c] = x[c]
        ok &= run_stages(acc[c], n, c, span, programs, ports)
    copy_channels(len(x), span, ports.ints)
    return ok


@kernel
def finish(acc, n, channels, span, done, programs, ports):
    """What is left of a step's program after its accumulators; done: 0 if nothing of it was run."""
    ok = True
    if not done:
        for c in range(channels):
            if span.passes:
                pass_rows(acc[c], n, c, span, programs, ports)
            else:
                ok &= run_stages(acc[c], n, c, span, programs, ports)
    copy_channels(channels, span, ports.ints)
    return ok


@kernel
def unpack(x, ints):
    """Bits ``uint32 [words, P]`` to +-1 in int32 ``[C, P]``."""
    for c in range(len(ints)):
        source, target = x[c >> 5], ints[c]
        bit = shift_left32(np.uint32(1), np.uint32(c & 31))
        for i in range(len(target)):
            target[i] = 1 if source[i] & bit else -1


@kernel
def stats_pool(x, positions, width, mean_mult, mean_thresholds, mean_offset, dev_mult, dev_thresholds, ints):
    """Counts of `StatsPool`'s inequalities: int32 ``[C, positions]`` to ``[2C, width]``, width = 1 (all pooled) or
    frequencies.

    All sums are int64.
    """
    channels = len(x)
    count = positions // width
    means, deviations = mean_thresholds * count, dev_thresholds * (count * count)
    for c in range(channels):
        for f in range(width):
            s1, s2 = np.int64(0), np.int64(0)
            for i in range(f, positions, width):
                value = np.int64(x[c, i])
                s1 += value
                s2 += value * value
            ints[c, f] = mean_offset + _reached(mean_mult * s1, means)
            ints[channels + c, f] = _reached(dev_mult * (count * s2 - s1 * s1), deviations)


@kernel
def _reached(value, thresholds):
    """How many thresholds the value reaches."""
    count = 0
    for threshold in thresholds:
        count += value >= threshold
    return count
