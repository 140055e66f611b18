"""Stages: what happens to a row of one channel's accumulators before it is stored; a small program that a kernel runs.

A program is `Stages`: one row of `code` a stage, its per-channel constants in `params` (int64) and `tables` (int32).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsv.emulator.intrinsics import requantise32, shift_left32

REQUANTISE32, REQUANTISE64, COUNT, TABLE, ADD, STORE, BITS = range(7)
"""Operations. Columns of `code` after the operation:

REQUANTISE32/64: first constant, constants a channel (0: shared), pieces, shift, low, high, step, offset;
                 constants: mult, bias of piece 0, mult, bias of the last piece, split
COUNT:  first constant, constants a channel, levels, base, step; constants: falling, thresholds
TABLE:  first entry, entries a channel (0: shared), entries, first input
ADD:    multiplier of the row, of the other tensor, low, high
STORE:  copies (the row goes to `copies` channels, a stride of the channel count apart), channel count
BITS:   first constant, constants a channel; constants: threshold, falling
"""

COLUMNS = 9


class Stages(NamedTuple):
    """A stage program: code int64 ``[n, COLUMNS]``, params int64, tables int32."""

    code: NDArray[np.int64]
    params: NDArray[np.int64]
    tables: NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def run_stages(row, c, at, stages, other, ints, bits):  # type: ignore[no-untyped-def]
    """Run the program on ``row`` int32 ``[n]``: channel c, positions at … at + n, changed in place.

    other: int32 ``[C, P]`` second operand of ADD; ints: int32 ``[C, P]``, bits: uint32 ``[words, P]`` results.
    Returns False when an input lies outside a table.
    """
    n = len(row)
    ok = True
    for s in range(len(stages.code)):
        code = stages.code[s]
        op = code[0]
        if op == REQUANTISE32 or op == REQUANTISE64:
            _requantise(row, op == REQUANTISE32, stages.params[code[1] + c * code[2] :], code)
        elif op == COUNT:
            _count(row, stages.params[code[1] + c * code[2] :], code[3], code[4], code[5])
        elif op == TABLE:
            ok &= _table(row, stages.tables[code[1] + c * code[2] :], code[3], code[4])
        elif op == ADD:
            a, b, low, high = np.int32(code[1]), np.int32(code[2]), np.int32(code[3]), np.int32(code[4])
            operand = other[c, at : at + n]
            for i in range(n):
                row[i] = min(max(np.int32(a * row[i] + b * operand[i]), low), high)
        elif op == STORE:
            for copy in range(code[1]):
                ints[c + copy * code[2], at : at + n] = row
        else:
            constants = stages.params[code[1] + c * code[2] :]
            _store_bits(row, c, constants[0], constants[1], bits[c >> 5, at : at + n])
    return ok


@njit(cache=True, nogil=True, error_model="numpy")
def _requantise(row, narrow, constants, code):  # type: ignore[no-untyped-def]
    pieces, shift = code[3], code[4]
    low, high, step, offset = np.int32(code[5]), np.int32(code[6]), np.int32(code[7]), np.int32(code[8])
    m0, b0, m1, b1, split = constants[0], constants[1], constants[2], constants[3], constants[4]
    if not narrow:
        for i in range(len(row)):
            x = np.int64(row[i])
            total = x * m1 + b1 if x >= split else x * m0 + b0
            row[i] = step * min(max(total >> shift, np.int64(low)), np.int64(high)) + offset
    elif pieces == 1:
        for i in range(len(row)):
            y = requantise32(row[i], m0, b0, shift)
            row[i] = np.int32(step * min(max(y, low), high) + offset)
    else:
        edge = np.int32(split)
        for i in range(len(row)):
            upper, lower = requantise32(row[i], m1, b1, shift), requantise32(row[i], m0, b0, shift)
            y = upper if row[i] >= edge else lower
            row[i] = np.int32(step * min(max(y, low), high) + offset)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(row, constants, levels, base, step):  # type: ignore[no-untyped-def]
    falling, thresholds = constants[0] != 0, constants[1 : 1 + levels]
    for i in range(len(row)):
        count = 0
        for threshold in thresholds:
            count += row[i] >= np.int32(threshold)
        row[i] = base + step * (levels - count if falling else count)


@njit(cache=True, nogil=True, error_model="numpy")
def _table(row, table, entries, first):  # type: ignore[no-untyped-def]
    ok = True
    for i in range(len(row)):
        entry = row[i] - first
        ok &= 0 <= entry < entries
        row[i] = table[min(max(entry, 0), entries - 1)]
    return ok


@njit(cache=True, nogil=True, error_model="numpy")
def _store_bits(row, c, threshold, falling, words):  # type: ignore[no-untyped-def]
    """Bit c % 32 of the words: ``row >= threshold``, inverted where falling. Channel 0 of a word clears the others."""
    edge, flip = np.int32(threshold), np.uint32(falling)
    lane = np.uint32(c & 31)
    if lane == 0:
        for i in range(len(row)):
            words[i] = np.uint32(row[i] >= edge) ^ flip
    else:
        for i in range(len(row)):
            words[i] |= shift_left32(np.uint32(row[i] >= edge) ^ flip, lane)
