"""Runs a whole plan in one compiled call: a table of steps, each one kernel on arrays inside one block of memory.

One call an utterance costs no Python between the steps and holds no lock, so that threads scale.
"""

import hashlib
from pathlib import Path

import numpy as np
from numba import njit

from hwsv.emulator import kernels
from hwsv.emulator.stages import Ports, Span, kernel
from hwsv.emulator.vectors import LANES

BINARY, INTEGER, MAXIMUM, SUM, POINTWISE, UNPACK, COPY, STATS, MASK = range(9)
"""Kinds of step."""

FIELDS = (
    "kind", "x_at", "x_depth", "x_size", "rows_in", "rows_out", "p_out", "other_at", "other_depth", "ints_at",
    "ints_depth", "bits_at", "bits_depth", "freq_in", "freq_out", "kt", "kf", "st", "sf", "t0", "f0", "pad", "marked",
    "weights_at", "outputs", "words", "lanes_at", "lanes", "slot", "mask_at", "params_at", "code_first", "code_end",
    "passes",
    "copies",
)  # fmt: skip
"""Columns of the step table. ``*_at``: first word in the memory (in the weights for weights and lanes); depths are
rows of the arrays ``[depth, positions]``; x has `x_size` positions, results `p_out`; a depth of 0 means that there is
no array."""

Row = np.dtype([(name, np.int64) for name in FIELDS])


@kernel
def _array(memory, at, depth, size):  # type: ignore[no-untyped-def]
    return memory[at : at + depth * size].reshape(depth, size)


def _machine(sources: str):  # type: ignore[no-untyped-def]
    """The compiled machine. numba keys its cache with what a function closes over: here the text of all kernels."""

    @njit(cache=True, nogil=True, error_model="numpy")
    def run_steps(table, memory, weights, programs):  # type: ignore[no-untyped-def]
        """table: `Row` ``[n]``; memory, weights: int32. Returns -1, or the number of the step whose look-up left its
        table."""
        assert sources
        words = memory.view(np.uint32)
        weight_words = weights.view(np.uint32)
        longest = 0
        for s in table:
            longest = max(longest, s.p_out)
        zeros, rubbish = np.zeros(longest + LANES, np.int32), np.zeros(longest + LANES, np.uint32)
        for number in range(len(table)):
            s = table[number]
            kind = s.kind
            geometry = (s.freq_in, s.freq_out, s.kt, s.kf, s.st, s.sf, s.t0, s.f0)
            span = Span(s.code_first, s.code_end, s.passes, s.copies)
            other = _array(memory, s.other_at, s.other_depth, s.p_out)
            ints = _array(memory, s.ints_at, s.ints_depth, s.p_out)
            bits = _array(words, s.bits_at, s.bits_depth, s.p_out)
            ports = Ports(other, ints, bits, zeros, rubbish)
            x = _array(memory, s.x_at, s.x_depth, s.x_size)
            ok = True
            if kind in (BINARY, MASK):
                x_bits = _array(words, s.x_at, s.x_depth, s.x_size)
                lanes = weight_words[s.lanes_at : s.lanes_at + s.lanes]
                width = s.p_out + LANES
                mask = _array(words, s.mask_at, s.words, width)
                valid = memory[s.mask_at + s.words * width : s.mask_at + (s.words + 1) * width]
                if kind == MASK:
                    kernels.window_mask(s.rows_in, s.rows_out, geometry, lanes, s.slot, s.pad != 0, mask, valid)
                else:
                    matrix = _array(weight_words, s.weights_at, s.words, s.outputs)
                    ok = kernels.binary_conv(
                        x_bits, s.rows_in, s.rows_out, geometry, lanes, s.slot, s.pad, matrix, mask, valid, span,
                        programs, ports,
                    )  # fmt: skip
            elif kind == INTEGER:
                matrix_ints = _array(weights, s.weights_at, s.words, s.outputs)
                ok = kernels.integer_conv(
                    x, s.rows_in, s.rows_out, geometry, s.pad, matrix_ints, span, programs, ports
                )  # fmt: skip
            elif kind in (MAXIMUM, SUM):
                ok = kernels.pool(
                    x, s.rows_in, s.rows_out, geometry, s.pad, s.marked != 0, kind == MAXIMUM, span, programs, ports,
                )  # fmt: skip
            elif kind == POINTWISE:
                ok = kernels.pointwise(x, span, programs, ports)
            elif kind == UNPACK:
                kernels.unpack(_array(words, s.x_at, s.x_depth, s.x_size), ints)
            elif kind == COPY:
                ints[:, :] = x
            else:
                p = programs.params[s.params_at :]
                mean, deviation = p[5 : 5 + p[3]], p[5 + p[3] : 5 + p[3] + p[4]]
                kernels.stats_pool(x, p[0], mean, p[1], p[2], deviation, ints)
            if not ok:
                return number
        return -1

    return run_steps


_SOURCES = "".join(
    (Path(__file__).parent / f"{name}.py").read_text() for name in ("intrinsics", "kernels", "stages", "vectors")
)
run_steps = _machine(hashlib.sha256(_SOURCES.encode()).hexdigest())
