"""Stages: what happens to a row of one channel's accumulators before it is stored; a small program that a kernel
runs.

A program is rows of `code`, one a stage, with per-channel constants in `params` (int64) and `tables` (int32); the
programs of all steps of a network share these arrays (`Programs`).
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsv.emulator.passes import pass_rows

REQUANTISE, COUNT, TABLE, ADD, STORE, BITS, RESIDUAL = range(7)
"""Operations. Columns of `code` after the operation:

REQUANTISE: first constant, constants a channel (0: shared), shift, low, high, step, offset, bits to cut off so that
            32 bits suffice (-1: none); constants: split, mult and bias below the split, mult and bias from it on
COUNT:      first constant, constants a channel, levels, base, step; constants: falling, thresholds
TABLE:      first entry, entries a channel (0: shared), entries, first input
ADD:        multiplier of the row, of the other tensor, low, high
STORE:      nothing
BITS:       first constant, constants a channel; constants: threshold, falling
RESIDUAL:   first row of `Programs.fused`, whether it adds, stores bits, stores integers, is wide
"""

COLUMNS = 9


class Programs(NamedTuple):
    """Stage programs: code int64 ``[n, COLUMNS]``, params int64, tables int32.

    fused: int32 ``[rows, len(CONSTANTS)]``, for the programs that `passes.pass_rows` does in one pass.
    """

    code: NDArray[np.int64]
    params: NDArray[np.int64]
    tables: NDArray[np.int32]
    fused: NDArray[np.int32]


class Ports(NamedTuple):
    """Where a program reads and writes: other int32 ``[C, P]`` the second operand of ADD, ints int32 ``[C, P]``, bits
    uint32 ``[words, P]``, each of no rows if there is none; zeros: a vector of int32."""

    other: NDArray[np.int32]
    ints: NDArray[np.int32]
    bits: NDArray[np.uint32]
    zeros: NDArray[np.int32]


class Span(NamedTuple):
    """The program of a step: code rows [first, end); passes: 1 if all of them are RESIDUAL; copies: how often its
    channels are stored, one lot behind the other."""

    first: int
    end: int
    passes: int
    copies: int


def kernel(function: Any) -> Any:
    """Compile a kernel. `machine` alone is cached on disk, since numba would not notice a change in what a function
    calls."""
    return njit(nogil=True, error_model="numpy")(function)


@kernel
def run_stages(acc, n, c, span, programs, ports):  # type: ignore[no-untyped-def]
    """Run any program on the first n of ``acc``, int32: channel c; changed in place.

    Returns False when an input lies outside a table.
    """
    ok = True
    row = acc[:n]
    for s in range(span.first, span.end):
        code = programs.code[s]
        op = code[0]
        constants = programs.params[code[1] + c * code[2] :]
        if op == RESIDUAL:
            pass_rows(acc, n, c, Span(s, s + 1, 1, 1), programs, ports)
        elif op == REQUANTISE:
            _requantise(row, constants, code)
        elif op == COUNT:
            _count(row, constants, code[3], code[4], code[5])
        elif op == ADD:
            _add(row, ports.other[c, :n], code)
        else:
            ok &= _table(row, programs.tables[code[1] + c * code[2] :], code[3], code[4])
    return ok


@kernel
def copy_channels(channels, span, ints):  # type: ignore[no-untyped-def]
    """Duplicate all stored channels as often as the program says."""
    for copy in range(1, span.copies):
        for c in range(channels):
            ints[c + copy * channels] = ints[c]


@kernel
def _requantise(row, constants, code):  # type: ignore[no-untyped-def]
    split, m0, b0, m1, b1 = constants[0], constants[1], constants[2], constants[3], constants[4]
    shift, low, high, step, offset = code[3], code[4], code[5], code[6], code[7]
    for i in range(len(row)):
        x = np.int64(row[i])
        total = x * m1 + b1 if x >= split else x * m0 + b0
        row[i] = step * min(max(total >> shift, low), high) + offset


@kernel
def _count(row, constants, levels, base, step):  # type: ignore[no-untyped-def]
    falling, thresholds = constants[0] != 0, constants[1 : 1 + levels]
    for i in range(len(row)):
        count = 0
        for threshold in thresholds:
            count += row[i] >= threshold
        row[i] = base + step * (levels - count if falling else count)


@kernel
def _table(row, table, entries, first):  # type: ignore[no-untyped-def]
    ok = True
    for i in range(len(row)):
        entry = row[i] - first
        ok &= 0 <= entry < entries
        row[i] = table[min(max(entry, 0), entries - 1)]
    return ok


@kernel
def _add(row, operand, code):  # type: ignore[no-untyped-def]
    a, b, low, high = np.int32(code[1]), np.int32(code[2]), np.int32(code[3]), np.int32(code[4])
    for i in range(len(row)):
        row[i] = min(max(np.int32(a * row[i] + b * operand[i]), low), high)
