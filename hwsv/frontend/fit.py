"""The smallest fixed-point multiply-add that agrees with a function of an integer on every input.

For a shift s, ``v == clip((x * m + b) >> s, low, high)`` means ``L <= x * m + b <= U``, with L = v * 2^s where v > low
and U = (v + 1) * 2^s - 1 where v < high. A bias exists exactly if ``L_j - x_j * m <= U_i - x_i * m`` for all i and j,
which bounds m from both sides; only the ends of each run of equal values matter. Feasibility grows with s, so the
smallest s is found by bisection. All arithmetic is int64.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
MAX_SHIFT = 34
_FAR = 2**60


@dataclass(frozen=True)
class Runs:
    """Runs of equal values of all channels; channel c has those from start[c] to start[c + 1].

    first, last: first and last input of a run; value: its value.
    """

    start: Ints
    first: Ints
    last: Ints
    value: Ints

    @classmethod
    def of(cls, rows: list[tuple[Ints, Ints]]) -> "Runs":
        """From (inputs ascending, values) a channel."""
        firsts, lasts, values, start = [], [], [], [0]
        for x, v in rows:
            change = np.flatnonzero(np.diff(v)) + 1
            heads = np.concatenate([[0], change])
            firsts.append(x[heads])
            lasts.append(x[np.append(change - 1, len(x) - 1)])
            values.append(v[heads])
            start.append(start[-1] + len(heads))
        return cls(np.array(start, np.int64), *(np.concatenate(a).astype(np.int64) for a in (firsts, lasts, values)))


@dataclass(frozen=True)
class Fit:
    """Parameters of `hwsv.units.requantise`: mult, bias [channels, pieces], split [channels], shift."""

    mult: Ints
    bias: Ints
    split: Ints
    shift: int


def fit(runs: Runs, low: int, high: int, pieces: int) -> Fit | None:
    """Parameters with the smallest shift, or None where no shift up to MAX_SHIFT is exact. pieces: 1 or 2."""
    if not _feasible(runs, low, high, MAX_SHIFT, pieces):
        return None
    lowest, highest = 0, MAX_SHIFT
    while lowest < highest:
        middle = (lowest + highest) // 2
        if _feasible(runs, low, high, middle, pieces):
            highest = middle
        else:
            lowest = middle + 1
    channels = len(runs.start) - 1
    mult, bias = np.zeros((2, channels, pieces), np.int64)
    split = np.zeros(channels, np.int64)
    _parameters(runs.start, runs.first, runs.last, runs.value, low, high, lowest, mult, bias, split)
    return Fit(mult, bias, split, lowest)


def _feasible(runs: Runs, low: int, high: int, shift: int, pieces: int) -> bool:
    return bool(_all_fit(runs.start, runs.first, runs.last, runs.value, low, high, shift, pieces))


@njit(cache=True)
def _narrow(first, last, value, low, high, shift, j, end, m_low, m_high):  # type: ignore[no-untyped-def]
    """Bounds of m after run j (taken up to input `end`) joins runs 0 … j - 1."""
    one = np.int64(1) << shift
    lower_j, upper_j = value[j] > low, value[j] < high
    if lower_j and upper_j and end > first[j]:
        limit = (one - 1) // (end - first[j])
        m_low, m_high = max(m_low, -limit), min(m_high, limit)
    for i in range(j):
        if lower_j and value[i] < high:  # m * (x_j - x_i) >= L_j - U_i
            gap = (value[j] - value[i] - 1) * one + 1
            distance = first[j] - last[i] if gap > 0 else end - first[i]
            m_low = max(m_low, -((-gap) // distance))
        if upper_j and value[i] > low:  # m * (x_j - x_i) <= U_j - L_i
            gap = (value[j] - value[i] + 1) * one - 1
            distance = end - first[i] if gap > 0 else first[j] - last[i]
            m_high = min(m_high, gap // distance)
        if m_low > m_high:
            break
    return m_low, m_high


@njit(cache=True)
def _reach(first, last, value, low, high, shift):  # type: ignore[no-untyped-def]
    """Largest input up to which one multiply-add serves (from the first input on)."""
    m_low, m_high = -_FAR, _FAR
    for j in range(len(first)):
        a, b = _narrow(first, last, value, low, high, shift, j, last[j], m_low, m_high)
        if a > b:
            good = last[j - 1] if j else first[0] - 1
            bad = last[j]
            while bad - good > 1:
                middle = (good + bad) // 2 if (good + bad) // 2 >= first[j] else first[j]
                a, b = _narrow(first, last, value, low, high, shift, j, middle, m_low, m_high)
                if a <= b:
                    good = middle
                elif middle == first[j]:
                    return last[j - 1] if j else first[0] - 1
                else:
                    bad = middle
            return good
        m_low, m_high = a, b
    return last[-1]


@njit(cache=True)
def _reach_down(first, last, value, low, high, shift):  # type: ignore[no-untyped-def]
    """Smallest input from which one multiply-add serves up to the last: `_reach` of -f(-x)."""
    return -_reach(-last[::-1], -first[::-1], -value[::-1], -high, -low, shift)


@njit(cache=True)
def _all_fit(start, first, last, value, low, high, shift, pieces):  # type: ignore[no-untyped-def]
    for c in range(len(start) - 1):
        a, b = start[c], start[c + 1]
        end = _reach(first[a:b], last[a:b], value[a:b], low, high, shift)
        if end == last[b - 1]:
            continue
        if pieces == 1 or _reach_down(first[a:b], last[a:b], value[a:b], low, high, shift) > end + 1:
            return False
    return True


@njit(cache=True)
def _piece(first, last, value, low, high, shift):  # type: ignore[no-untyped-def]
    """(m, b) nearest to zero for runs that one multiply-add serves; (0, 0) for none."""
    m_low, m_high = -_FAR, _FAR
    for j in range(len(first)):
        m_low, m_high = _narrow(first, last, value, low, high, shift, j, last[j], m_low, m_high)
    m = min(max(np.int64(0), m_low), m_high)
    one = np.int64(1) << shift
    b_low, b_high = -_FAR, _FAR
    for j in range(len(first)):
        for x in (first[j], last[j]):
            if value[j] > low:
                b_low = max(b_low, value[j] * one - x * m)
            if value[j] < high:
                b_high = min(b_high, (value[j] + 1) * one - 1 - x * m)
    return m, min(max(np.int64(0), b_low), b_high)


@njit(cache=True)
def _parameters(start, first, last, value, low, high, shift, mult, bias, split):  # type: ignore[no-untyped-def]
    for c in range(len(start) - 1):
        a, b = start[c], start[c + 1]
        if mult.shape[1] == 1:
            mult[c, 0], bias[c, 0] = _piece(first[a:b], last[a:b], value[a:b], low, high, shift)
            continue
        earliest = _reach_down(first[a:b], last[a:b], value[a:b], low, high, shift)
        latest = _reach(first[a:b], last[a:b], value[a:b], low, high, shift) + 1
        split[c] = min(max(np.int64(0), earliest), latest)
        k = a
        while k < b and last[k] < split[c]:
            k += 1
        # run k, where the split falls into it, belongs to both pieces
        cut = k < b and first[k] < split[c]
        ends = last[a : k + 1 if cut else k].copy()
        if cut:
            ends[-1] = split[c] - 1
        starts = first[k:b].copy()
        if cut:
            starts[0] = split[c]
        mult[c, 0], bias[c, 0] = _piece(first[a : a + len(ends)], ends, value[a : a + len(ends)], low, high, shift)
        mult[c, 1], bias[c, 1] = _piece(starts, last[k:b], value[k:b], low, high, shift)
