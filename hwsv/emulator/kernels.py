"""The emulator's numba kernels: convolutions and poolings by window index, each followed by a fused list of stages.

Layout: an integer tensor is ``int32 [C, P]``, a bipolar one ``uint32 [ceil(C/32), P]`` (bit c % 32 of word c // 32, 1 is
+1), with P = T * F positions in stream order. Positions innermost means that every loop is a long run over neighbouring
memory with per-channel constants, whatever the number of channels: LLVM turns it into full vectors (``vpopcntd`` where
the machine has it), thresholds and requantisers included. Work goes in blocks of whole output rows that stay in L1.

Indices come from lowered plans that `lower` has checked: nothing here is bounds-checked.
"""

import numpy as np
from numba import njit

from hwsv.emulator.intrinsics import popcount32, shift_left32
from hwsv.emulator.stages import run_stages

BLOCK_WORDS = 6144
"""Window words of a block (24 kB): with their masks they fit a first-level cache of 48 kB."""

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**OPTIONS)
def block_rows(rows, freq, words):
    """Output rows a block, so that windows of `words` words a position stay in the cache."""
    return max(1, min(rows, BLOCK_WORDS // (words * freq)))


@njit(**OPTIONS)
def tap_range(offset, stride, freq_in, freq_out):
    """Output columns [low, high) whose tap, at input column ``column * stride + offset``, lies inside the frame."""
    low = max(0, -(offset // stride)) if offset < 0 else 0
    high = min(freq_out, (freq_in - 1 - offset) // stride + 1)
    return low, max(low, high)


@njit(**OPTIONS)
def gather_bits(x, rows_in, first, count, geometry, lanes, slot, pad, windows, mask, valid):
    """Windows of `count` output rows from row `first`: ``windows, mask [words, count * freq_out]``, ``valid [...]``.

    Tap k takes `slot` bits from bit ``k * slot`` on. lanes: uint32 [words of x], the bits that hold channels.
    pad: 0 padded taps are masked out, +1/-1 they hold that value. valid: unmasked bits of each position.
    """
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    n = count * freq_out
    channels = 0
    for used in lanes:
        channels += popcount32(used)
    windows[:, :n] = 0
    mask[:, :n] = 0
    valid[:n] = kt * kf * channels if pad else 0
    for tap in range(kt * kf):
        ky, kx = tap // kf, tap % kf
        word, shift = (tap * slot) >> 5, (tap * slot) & 31
        low, high = tap_range(kx - f0, sf, freq_in, freq_out)
        for j in range(len(lanes)):
            flip = lanes[j] if pad > 0 else np.uint32(0)
            marks = shift_left32(lanes[j], np.uint32(shift))
            if pad:
                full = mask[word + j, :n]
                fill = windows[word + j, :n]
                preset = shift_left32(flip, np.uint32(shift))
                for i in range(n):
                    full[i] |= marks
                    fill[i] |= preset
            for row in range(count):
                y = (first + row) * st - t0 + ky
                if y < 0 or y >= rows_in:
                    continue
                at = row * freq_out
                target = windows[word + j, at + low : at + high]
                marked = mask[word + j, at + low : at + high]
                source = x[j, y * freq_in + low * sf - f0 + kx :]
                # xor with the preset padding bits leaves the tap's own bits
                if sf == 1:
                    for i in range(high - low):
                        target[i] ^= shift_left32(source[i] ^ flip, np.uint32(shift))
                        marked[i] |= marks
                else:
                    for i in range(high - low):
                        target[i] ^= shift_left32(source[i * sf] ^ flip, np.uint32(shift))
                        marked[i] |= marks
                if j == 0 and not pad:
                    counts = valid[at + low : at + high]
                    for i in range(high - low):
                        counts[i] += channels


@njit(**OPTIONS)
def gather_ints(x, rows_in, first, count, geometry, pad, windows):
    """Integer windows ``int32 [taps * C, count * freq_out]``; padded taps hold `pad` (0 where they are marked)."""
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    channels = x.shape[0]
    windows[:, : count * freq_out] = pad
    for tap in range(kt * kf):
        ky, kx = tap // kf, tap % kf
        low, high = tap_range(kx - f0, sf, freq_in, freq_out)
        for row in range(count):
            y = (first + row) * st - t0 + ky
            if y < 0 or y >= rows_in:
                continue
            at = row * freq_out
            for c in range(channels):
                target = windows[tap * channels + c, at + low : at + high]
                source = x[c, y * freq_in + low * sf - f0 + kx :]
                for i in range(high - low):
                    target[i] = source[i * sf]


@njit(**OPTIONS)
def xnor_dots(windows, mask, valid, weights, n, acc):
    """``acc[i] = valid[i] - 2 * popcount((windows[:, i] ^ weights) & mask[:, i])``: bipolar dot products."""
    words = len(weights)
    if n == 1:
        differ = np.int64(0)
        column, marks = windows[:, 0], mask[:, 0]
        for k in range(words):
            differ += popcount32((column[k] ^ weights[k]) & marks[k])
        acc[0] = valid[0] - 2 * differ
        return
    for i in range(n):
        acc[i] = valid[i]
    k = 0
    while k + 4 <= words:  # four words a pass: the accumulators are read and written once for them
        a, b, c, d = windows[k, :n], windows[k + 1, :n], windows[k + 2, :n], windows[k + 3, :n]
        ma, mb, mc, md = mask[k, :n], mask[k + 1, :n], mask[k + 2, :n], mask[k + 3, :n]
        wa, wb, wc, wd = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for i in range(n):
            differ = popcount32((a[i] ^ wa) & ma[i]) + popcount32((b[i] ^ wb) & mb[i])
            differ += popcount32((c[i] ^ wc) & mc[i]) + popcount32((d[i] ^ wd) & md[i])
            acc[i] -= 2 * differ
        k += 4
    while k < words:
        a, ma, wa = windows[k, :n], mask[k, :n], weights[k]
        for i in range(n):
            acc[i] -= 2 * popcount32((a[i] ^ wa) & ma[i])
        k += 1


@njit(**OPTIONS)
def integer_dots(windows, weights, n, acc):
    """``acc[i] = sum_k windows[k, i] * weights[k]`` in int32 (the plan has checked that no sum can overflow)."""
    words = len(weights)
    if n == 1:
        total = np.int64(0)
        column = windows[:, 0]
        for k in range(words):
            total += column[k] * weights[k]
        acc[0] = total
        return
    for i in range(n):
        acc[i] = 0
    k = 0
    while k + 3 <= words:
        a, b, c = windows[k, :n], windows[k + 1, :n], windows[k + 2, :n]
        wa, wb, wc = weights[k], weights[k + 1], weights[k + 2]
        for i in range(n):
            acc[i] += np.int32(a[i] * wa + b[i] * wb + c[i] * wc)
        k += 3
    while k < words:
        a, wa = windows[k, :n], weights[k]
        for i in range(n):
            acc[i] += np.int32(a[i] * wa)
        k += 1


@njit(**OPTIONS)
def binary_conv(x, rows_in, rows_out, geometry, lanes, slot, pad, weights, stages, other, ints, bits):
    """Bipolar x bipolar. x: uint32 ``[words, P]``; weights: uint32 ``[out channels, window words]``.

    Returns False when a lookup left its table.
    """
    freq_out = geometry[1]
    outputs, words = weights.shape
    step = block_rows(rows_out, freq_out, words)
    windows = np.empty((words, step * freq_out), np.uint32)
    mask = np.empty((words, step * freq_out), np.uint32)
    valid = np.empty(step * freq_out, np.int32)
    acc = np.empty(step * freq_out, np.int32)
    ok = True
    for first in range(0, rows_out, step):
        count = min(step, rows_out - first)
        n = count * freq_out
        gather_bits(x, rows_in, first, count, geometry, lanes, slot, pad, windows, mask, valid)
        for o in range(outputs):
            xnor_dots(windows, mask, valid, weights[o], n, acc)
            ok &= run_stages(acc[:n], o, first * freq_out, stages, other, ints, bits)
    return ok


@njit(**OPTIONS)
def integer_conv(x, rows_in, rows_out, geometry, pad, weights, stages, other, ints, bits):
    """Integer x integer. x: int32 ``[C, P]``; weights: int32 ``[out channels, taps * C]``."""
    freq_out = geometry[1]
    outputs, words = weights.shape
    step = block_rows(rows_out, freq_out, words)
    windows = np.empty((words, step * freq_out), np.int32)
    acc = np.empty(step * freq_out, np.int32)
    ok = True
    for first in range(0, rows_out, step):
        count = min(step, rows_out - first)
        n = count * freq_out
        gather_ints(x, rows_in, first, count, geometry, pad, windows)
        for o in range(outputs):
            integer_dots(windows, weights[o], n, acc)
            ok &= run_stages(acc[:n], o, first * freq_out, stages, other, ints, bits)
    return ok


@njit(**OPTIONS)
def pool(x, rows_in, rows_out, geometry, pad, marked, maximum, stages, other, ints, bits):
    """Maximum or sum over windows of int32 ``[C, P]``. `marked`: padded taps are left out, else they hold `pad`."""
    freq_in, freq_out, kt, kf, st, sf, t0, f0 = geometry
    step = block_rows(rows_out, freq_out, 4)
    acc = np.empty(step * freq_out, np.int32)
    # what a tap outside the frame contributes, and what a position starts from
    start = np.int32(np.iinfo(np.int32).min if maximum else 0)
    ok = True
    for first in range(0, rows_out, step):
        count = min(step, rows_out - first)
        for c in range(x.shape[0]):
            acc[:] = start
            for row in range(count):
                line = acc[row * freq_out : (row + 1) * freq_out]
                for tap in range(kt * kf):
                    y = (first + row) * st - t0 + tap // kf
                    offset = tap % kf - f0
                    low, high = tap_range(offset, sf, freq_in, freq_out)
                    if y < 0 or y >= rows_in:
                        low = high = 0
                    if not marked:
                        for i in range(freq_out):
                            if i < low or i >= high:
                                line[i] = max(line[i], np.int32(pad)) if maximum else line[i] + pad
                    target = line[low:high]
                    source = x[c, y * freq_in + low * sf + offset :] if high > low else x[c]
                    if maximum:
                        for i in range(high - low):
                            target[i] = max(target[i], source[i * sf])
                    else:
                        for i in range(high - low):
                            target[i] += source[i * sf]
            ok &= run_stages(acc[: count * freq_out], c, first * freq_out, stages, other, ints, bits)
    return ok


@njit(**OPTIONS)
def pointwise(x, stages, other, ints, bits):
    """Stages only, on int32 ``[C, P]``."""
    channels, positions = x.shape
    acc = np.empty(min(positions, 1024), np.int32)
    ok = True
    for first in range(0, positions, len(acc)):
        n = min(len(acc), positions - first)
        for c in range(channels):
            acc[:n] = x[c, first : first + n]
            ok &= run_stages(acc[:n], c, first, stages, other, ints, bits)
    return ok


@njit(**OPTIONS)
def unpack(x, ints):
    """Bits ``uint32 [words, P]`` to +-1 in int32 ``[C, P]``."""
    for c in range(ints.shape[0]):
        source, target = x[c >> 5], ints[c]
        bit = np.uint32(1 << (c & 31))
        for i in range(len(target)):
            target[i] = 1 if source[i] & bit else -1


@njit(**OPTIONS)
def stats_pool(x, mult, mean_thresholds, mean_offset, dev_thresholds, ints):
    """Counts of `StatsPool`'s inequalities: int32 ``[C, P]`` to ``[2C, Q]``, Q = 1 (all pooled) or frequencies.

    mult: (mean_mult, dev_mult). All sums are int64.
    """
    channels, positions = x.shape
    width = ints.shape[1]
    count = positions // width
    for c in range(channels):
        for f in range(width):
            line = x[c, f:]
            s1, s2 = np.int64(0), np.int64(0)
            if width == 1:
                for i in range(count):
                    value = np.int64(line[i])
                    s1 += value
                    s2 += value * value
            else:
                for i in range(count):
                    value = np.int64(line[i * width])
                    s1 += value
                    s2 += value * value
            v = count * s2 - s1 * s1
            mean, deviation = mean_offset, 0
            for threshold in mean_thresholds:
                mean += mult[0] * s1 >= threshold * count
            for threshold in dev_thresholds:
                deviation += mult[1] * v >= threshold * count * count
            ints[c, f] = mean
            ints[channels + c, f] = deviation

