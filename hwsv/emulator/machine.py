"""Runs a whole plan in one compiled call: a table of steps, each one kernel on arrays inside one block of memory.

One call an utterance costs no Python between the steps and holds no lock, so that threads scale.
"""

import hashlib
from pathlib import Path

import numpy as np
from numba import njit

from hwsv.emulator import kernels
from hwsv.emulator.stages import Ports, Span, kernel
from hwsv.emulator.vectors import GROUP, LANES

TAKE, MASK, INDEX, BINARY, INTEGER, MAXIMUM, SUM, POINTWISE, UNPACK, COPY, STATS = range(11)
"""Kinds of step. MASK and INDEX make what depends on the length alone; the others run for every utterance."""

FIELDS = (
    "kind", "x_at", "x_depth", "x_pitch", "x_size", "flat", "rows_in", "rows_out", "p_out", "pitch", "other_at",
    "other_depth", "ints_at", "ints_depth", "bits_at", "bits_depth", "freq_in", "freq_out", "kt", "kf", "st", "sf",
    "t0", "f0", "pad", "neutral", "weights_at", "outputs", "words", "lanes_at", "lanes", "slot", "index_at",
    "index_depth", "mask_at", "windows_at", "acc_at", "acc_depth", "params_at", "low", "high", "code_first",
    "code_end", "passes", "copies",
)  # fmt: skip
"""Columns of the step table. ``*_at``: first word in the memory (in the weights for weights and lanes, in the marks
for index and mask); depths are rows of the arrays ``[depth, pitch]``, of which the first `x_size` columns (`p_out` of
results) are positions; a depth of 0 means that there is no array. flat: x is read as one position."""

Row = np.dtype([(name, np.int64) for name in FIELDS])

DONE, OUT_OF_RANGE = -1, -2
"""Results of the machine beside the number of a step that failed."""


@kernel
def _array(memory, at, depth, pitch):  # type: ignore[no-untyped-def]
    return memory[at : at + depth * pitch].reshape(depth, pitch)


@kernel
def _input(memory, s):  # type: ignore[no-untyped-def]
    """The array that step s reads."""
    x = _array(memory, s.x_at, s.x_depth, s.x_pitch)
    if not s.flat:
        return x
    size = s.x_depth * s.x_size
    flat = np.empty(size + LANES, memory.dtype)  # vectors are read whole
    flat[:size].reshape(s.x_depth, s.x_size)[:, :] = x[:, : s.x_size]
    return flat[:size].reshape(size, 1)


def _machine(sources: str):  # type: ignore[no-untyped-def]
    """The compiled machine. numba keys its cache with what a function closes over: here the text of all kernels."""

    @njit(cache=True, nogil=True, error_model="numpy")
    def run_steps(table, features, memory, marks, weights, programs):  # type: ignore[no-untyped-def]
        """table: `Row` ``[n]``; features: int64 ``[C, P]``; memory, marks, weights: int32.

        Returns DONE, OUT_OF_RANGE for a feature, or the number of the step whose look-up left its table.
        """
        assert sources
        words, weight_words, mark_words = memory.view(np.uint32), weights.view(np.uint32), marks.view(np.uint32)
        doubles, weight_doubles = memory.view(np.float64), weights.view(np.float64)
        zeros = np.zeros(LANES, np.int32)
        for number in range(len(table)):
            s = table[number]
            kind = s.kind
            geometry = (s.freq_in, s.freq_out, s.kt, s.kf, s.st, s.sf, s.t0, s.f0)
            span = Span(s.code_first, s.code_end, s.passes, s.copies)
            other = _array(memory, s.other_at, s.other_depth, s.pitch)
            ints = _array(memory, s.ints_at, s.ints_depth, s.pitch)
            bits = _array(words, s.bits_at, s.bits_depth, s.pitch)
            ports = Ports(other, ints, bits, zeros)
            acc = _array(memory, s.acc_at, s.acc_depth, s.pitch)
            lanes = weight_words[s.lanes_at : s.lanes_at + s.lanes]
            index = _array(marks, s.index_at, s.index_depth, s.pitch)
            groups = (s.outputs + GROUP - 1) // GROUP
            ok = True
            if kind == TAKE:
                if not kernels.take(features, s.low, s.high, ints):
                    return OUT_OF_RANGE
            elif kind == MASK:
                mask = _array(mark_words, s.mask_at, s.words + 1, s.pitch)
                kernels.window_mask(s.rows_in, s.rows_out, geometry, lanes, s.slot, s.pad != 0, mask)
            elif kind == INDEX:
                kernels.tap_index(s.rows_in, s.rows_out, geometry, index)
            elif kind == BINARY:
                ok = kernels.binary_conv(
                    _input(words, s), index, geometry, lanes, s.slot, s.pad,
                    _array(weight_words, s.weights_at, groups, s.words * GROUP), s.outputs,
                    _array(mark_words, s.mask_at, s.words + 1, s.pitch),
                    _array(words, s.windows_at, s.words, LANES), acc, s.p_out, span, programs, ports,
                )  # fmt: skip
            elif kind == INTEGER:
                ok = kernels.integer_conv(
                    _input(memory, s), index, s.pad,
                    _array(weight_doubles, s.weights_at // 2, groups, s.words * GROUP), s.outputs,
                    _array(doubles, s.windows_at // 2, s.words, LANES), acc, s.p_out, span, programs, ports,
                )  # fmt: skip
            elif kind in (MAXIMUM, SUM):
                x = _input(memory, s)
                ok = kernels.pool(x, index, s.neutral, kind == MAXIMUM, acc, s.p_out, span, programs, ports)
            elif kind == POINTWISE:
                ok = kernels.pointwise(_input(memory, s), acc, s.p_out, span, programs, ports)
            elif kind == UNPACK:
                kernels.unpack(_input(words, s), ints)
            elif kind == COPY:
                ints[:, :] = _input(memory, s)
            else:
                p = programs.params[s.params_at :]
                mean, deviation = p[5 : 5 + p[3]], p[5 + p[3] : 5 + p[3] + p[4]]
                kernels.stats_pool(_input(memory, s), s.x_size, s.p_out, p[0], mean, p[1], p[2], deviation, ints)
            if not ok:
                return number
        return DONE

    return run_steps


_FILES = ("intrinsics", "kernels", "passes", "stages", "vectors")
_SOURCES = "".join((Path(__file__).parent / f"{name}.py").read_text() for name in _FILES)
run_steps = _machine(hashlib.sha256(_SOURCES.encode()).hexdigest())
