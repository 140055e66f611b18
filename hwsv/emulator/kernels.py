"""The emulator's numba kernels: convolutions and poolings by window index, each followed by a fused list of stages.

Layout: an integer tensor is ``int32 [C, P]``, a bipolar one ``uint32 [ceil(C/32), P]`` (bit c % 32 of word c // 32, 1
is +1), with P = T * F positions in stream order. Positions innermost means that every loop is a long run over
neighbouring memory with per-channel constants, whatever the number of channels: it becomes full vectors (``vpopcntd``
where the machine has it), thresholds and requantisers included. Work goes in blocks of whole output rows that stay in
the first-level cache.

A geometry is the tuple (freq in, freq out, kernel t, kernel f, stride t, stride f, pad t, pad f), pads at the start.
Indices come from plans that `lower` has checked: nothing here is bounds-checked.
"""

import numpy as np

from hwsv.emulator.intrinsics import integer_rows, pass_rows, pool_rows, popcount32, shift_left32, xnor_rows
from hwsv.emulator.stages import Span, copy_channels, kernel, run_stages
from hwsv.emulator.vectors import LANES

BLOCK_WORDS = 4096
"""Window words of a block (16 kB): they and as many words of mask fit a first-level cache; half of it was slower."""


NO_PASSES = Span(0, 0, 0, 0)
"""Accumulators only: the program follows channel by channel."""


@kernel
def padded(n):
    """n rounded up to whole vectors."""
    return (n + LANES - 1) // LANES * LANES


@kernel
def block_rows(rows, freq, words):
    """Output rows a block, so that windows of `words` words a position stay in the cache."""
    return max(1, min(rows, BLOCK_WORDS // (words * freq)))


@kernel
def tap_range(offset, stride, freq_in, freq_out):
    """Output columns [low, high) whose tap, at input column ``column * stride + offset``, lies inside the frame."""
    low = -(offset // stride) if offset < 0 else 0
    high = min(freq_out, (freq_in - 1 - offset) // stride + 1)
    return low, max(low, high)


@kernel
def window_mask(rows_in, rows_out, geometry, lanes, slot, constant, mask, valid):
    """Which window bits count: ``mask`` uint32 ``[words, P]``, and how many at each position: ``valid`` int32
    ``[P]``.

    Tap k has bits ``k * slot`` on; lanes: uint32, the bits of each of its words that hold channels. constant: padded
    taps hold a value, so that all taps count.
    """
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    mask[:, :] = 0
    inner, ready = 0, 0  # the interior rows are all alike: the first is made, and doubled until there are enough
    for row in range(rows_out):
        top = row * st - t0
        if top >= 0 and top + kt <= rows_in:
            inner += 1
            if inner > 1:
                continue
            ready = row
        for tap in range(kt * kf):
            y = top + tap // kf
            low, high = tap_range(tap % kf - f0, sf, freq_in, freq_out)
            if constant:
                low, high = 0, freq_out
            elif y < 0 or y >= rows_in:
                continue
            word, shift = (tap * slot) >> 5, np.uint32((tap * slot) & 31)
            for j in range(len(lanes)):
                line, marks = mask[word + j], shift_left32(lanes[j], shift)
                for i in range(row * freq_out + low, row * freq_out + high):
                    line[i] |= marks
    for k in range(len(mask)):
        done, start = 1, ready * freq_out
        while done < inner:
            more = min(done, inner - done) * freq_out
            begin = start + done * freq_out
            mask[k, begin : begin + more] = mask[k, start : start + more]
            done *= 2
    valid[:] = 0
    for k in range(len(mask)):
        line = mask[k]
        for i in range(len(valid)):
            valid[i] += popcount32(line[i])


@kernel
def gather_bits(x, rows_in, first, count, geometry, lanes, slot, pad, windows):
    """Windows of `count` output rows from row `first` on: ``windows`` uint32 ``[words, >= count * freq_out]``.

    Bits that the mask of `window_mask` leaves out are undefined. pad: value of padded taps, 0 where they are masked.
    """
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    n = count * freq_out
    size = x.shape[1]
    # at stride 1 a tap is one run over the whole block: where it leaves a row, the mask covers what it reads
    runs = sf == 1 and st == 1 and freq_in == freq_out and not pad
    if slot < 32 or pad:
        windows[:, :] = 0
    for tap in range(kt * kf):
        ky, kx = tap // kf, tap % kf
        word, shift = (tap * slot) >> 5, np.uint32((tap * slot) & 31)
        low, high = tap_range(kx - f0, sf, freq_in, freq_out)
        for j in range(len(lanes)):
            source, target = x[j], windows[word + j]
            if runs:
                start = (first + ky - t0) * freq_in + kx - f0
                begin = max(0, -start)
                end = max(begin, min(n, size - start))
                _merge(source[start + begin : start + end], target[begin:end], shift, slot < 32)
                continue
            flip = lanes[j] if pad > 0 else np.uint32(0)
            preset = shift_left32(flip, shift)
            if pad > 0:
                for i in range(n):
                    target[i] |= preset
            for row in range(count):
                y = (first + row) * st - t0 + ky
                if y < 0 or y >= rows_in:
                    continue
                at, base = row * freq_out, y * freq_in + kx - f0
                if slot < 32 or pad:  # xor with the preset padding leaves the tap's own bits
                    for i in range(low, high):
                        target[at + i] ^= shift_left32(source[base + i * sf] ^ flip, shift)
                else:
                    for i in range(low, high):
                        target[at + i] = source[base + i * sf]


@kernel
def _merge(source, target, shift, shared):
    """Place a tap's words in a window word that it may share with other taps."""
    if shared:
        for i in range(len(target)):
            target[i] |= shift_left32(source[i], shift)
    else:
        for i in range(len(target)):
            target[i] = source[i]


@kernel
def binary_conv(x, rows_in, rows_out, geometry, lanes, slot, pad, weights, mask, valid, span, programs, ports):
    """Bipolar x bipolar. x: uint32 ``[words, P]``; weights: uint32 ``[window words, out channels]``.

    mask, valid: of `window_mask`, over all positions (and `LANES` more). Returns False when a lookup left its table.
    """
    freq_out = geometry[1]
    words, outputs = weights.shape
    step = block_rows(rows_out, freq_out, words)
    windows = np.zeros((words, padded(step * freq_out)), np.uint32)
    acc = np.empty(padded(step * freq_out), np.int32)
    ok = True
    for first in range(0, rows_out, step):
        count = min(step, rows_out - first)
        at, n = first * freq_out, count * freq_out
        gather_bits(x, rows_in, first, count, geometry, lanes, slot, pad, windows)
        if span.passes:
            xnor_rows(windows, mask, valid, weights, acc, n, at, 0, outputs, span, programs, ports)
            continue
        for o in range(outputs):
            xnor_rows(windows, mask, valid, weights, acc, n, at, o, o + 1, NO_PASSES, programs, ports)
            ok &= run_stages(acc, n, at, o, span, programs, ports)
    copy_channels(outputs, span, ports.ints)
    return ok


@kernel
def gather_ints(x, rows_in, first, count, geometry, pad, windows):
    """Integer windows ``int32 [taps * C, >= count * freq_out]``; padded taps hold `pad` (0 where they are marked)."""
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    channels = len(x)
    windows[:, :] = pad
    for tap in range(kt * kf):
        ky, kx = tap // kf, tap % kf
        low, high = tap_range(kx - f0, sf, freq_in, freq_out)
        for c in range(channels):
            source, target = x[c], windows[tap * channels + c]
            for row in range(count):
                y = (first + row) * st - t0 + ky
                if y < 0 or y >= rows_in:
                    continue
                at, base = row * freq_out, y * freq_in + kx - f0
                for i in range(low, high):
                    target[at + i] = source[base + i * sf]


@kernel
def integer_conv(x, rows_in, rows_out, geometry, pad, weights, span, programs, ports):
    """Integer x integer. x: int32 ``[C, P]``; weights: int32 ``[taps * C, out channels]``."""
    freq_out = geometry[1]
    words, outputs = weights.shape
    step = block_rows(rows_out, freq_out, words)
    windows = np.empty((words, padded(step * freq_out)), np.int32)
    acc, sums = np.empty(padded(step * freq_out), np.int32), np.empty(outputs, np.int32)
    ok = True
    for first in range(0, rows_out, step):
        count = min(step, rows_out - first)
        at, n = first * freq_out, count * freq_out
        gather_ints(x, rows_in, first, count, geometry, pad, windows)
        if n == 1:  # a fully connected layer: the outputs take the positions' place in the vectors
            integer_rows(weights, windows, sums, outputs, 0, 0, 1, NO_PASSES, programs, ports)
            for o in range(outputs):
                acc[0] = sums[o]
                if span.passes:
                    pass_rows(acc, n, at, o, span, programs, ports)
                else:
                    ok &= run_stages(acc, n, at, o, span, programs, ports)
        elif span.passes:
            integer_rows(windows, weights, acc, n, at, 0, outputs, span, programs, ports)
        else:
            for o in range(outputs):
                integer_rows(windows, weights, acc, n, at, o, o + 1, NO_PASSES, programs, ports)
                ok &= run_stages(acc, n, at, o, span, programs, ports)
    copy_channels(outputs, span, ports.ints)
    return ok


@kernel
def pool(x, rows_in, rows_out, geometry, pad, marked, maximum, span, programs, ports):
    """Maximum or sum over windows of int32 ``[C, P]``. marked: padded taps are left out, else they hold `pad`."""
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    channels = len(x)
    positions, taps = rows_out * freq_out, kt * kf
    neutral = (np.iinfo(np.int32).min if maximum else 0) if marked else pad
    index = np.full((taps, padded(positions)), -1, np.int32)
    for tap in range(taps):
        low, high = tap_range(tap % kf - f0, sf, freq_in, freq_out)
        line = index[tap]
        for row in range(rows_out):
            y = row * st - t0 + tap // kf
            if 0 <= y < rows_in:
                at, base = row * freq_out, y * freq_in + tap % kf - f0
                for i in range(low, high):
                    line[at + i] = base + i * sf
    acc = np.empty(padded(positions), np.int32)
    ok = True
    if span.passes:
        pool_rows(x, index, neutral, maximum, acc, positions, 0, 0, channels, span, programs, ports)
    else:
        for c in range(channels):
            pool_rows(x, index, neutral, maximum, acc, positions, 0, c, c + 1, NO_PASSES, programs, ports)
            ok &= run_stages(acc, positions, 0, c, span, programs, ports)
    copy_channels(channels, span, ports.ints)
    return ok


@kernel
def pointwise(x, span, programs, ports):
    """Stages only, on int32 ``[C, P]``."""
    channels, positions = x.shape
    acc = np.empty(padded(positions), np.int32)
    ok = True
    for c in range(channels):
        acc[:positions] = x[c]
        ok &= run_stages(acc, positions, 0, c, span, programs, ports)
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
def stats_pool(x, mean_mult, mean_thresholds, mean_offset, dev_mult, dev_thresholds, ints):
    """Counts of `StatsPool`'s inequalities: int32 ``[C, P]`` to ``[2C, Q]``, Q = 1 (all pooled) or frequencies.

    All sums are int64.
    """
    channels, positions = x.shape
    width = ints.shape[1]
    count = positions // width
    for c in range(channels):
        for f in range(width):
            s1, s2 = np.int64(0), np.int64(0)
            for i in range(f, positions, width):
                value = np.int64(x[c, i])
                s1 += value
                s2 += value * value
            v = count * s2 - s1 * s1
            mean, deviation = mean_offset, 0
            for threshold in mean_thresholds:
                mean += mean_mult * s1 >= threshold * count
            for threshold in dev_thresholds:
                deviation += dev_mult * v >= threshold * count * count
            ints[c, f] = mean
            ints[channels + c, f] = deviation
