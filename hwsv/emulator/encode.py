"""Element-wise units as stages of a kernel's program, with the interval of values that each can produce.

Everything a kernel computes is int32 (one 64-bit variant of requantise apart), so every interval is checked here, once.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsv import datatypes
from hwsv.emulator import stages
from hwsv.emulator.stages import COLUMNS, Stages
from hwsv.errors import InputError
from hwsv.units.add import Add
from hwsv.units.base import Unit
from hwsv.units.lookup import Lookup
from hwsv.units.requantise import Requantise
from hwsv.units.threshold import Threshold

Interval = tuple[int, int]
"""Smallest and largest value that a tensor can hold."""

MAX_TABLE = 2**12
"""Inputs of a channel for which a many-level threshold is evaluated into a table."""

MIN_TABLE_LEVELS = 12
"""Levels from which on one table look-up is cheaper than counting comparisons."""


def check_int32(interval: Interval, what: str) -> Interval:
    """`interval`, or InputError when it does not fit int32."""
    if interval[0] < -(2**31) or interval[1] >= 2**31 - 1:  # a threshold may lie one above the largest value
        raise InputError(f"{what}: values in [{interval[0]}, {interval[1]}] exceed 32 bits, which the emulator computes in")
    return interval


def is_sign(unit: Unit) -> bool:
    """True for a threshold whose results are kept as bits."""
    return isinstance(unit, Threshold) and unit.levels == 1 and {unit.base, unit.base + unit.step} == {-1, 1}


@dataclass
class Program:
    """A stage program being written; `interval` bounds the row after the last stage."""

    interval: Interval = (0, 0)
    code: list[list[int]] = field(default_factory=list)
    params: list[int] = field(default_factory=list)
    tables: list[int] = field(default_factory=list)

    def finish(self) -> Stages:
        """The arrays that a kernel takes."""
        code = np.zeros((len(self.code), COLUMNS), np.int64)
        for row, values in zip(code, self.code, strict=True):
            row[: len(values)] = values
        return Stages(code, np.array(self.params, np.int64), np.array(self.tables, np.int32))

    def append(self, unit: Unit, other: Interval = (0, 0)) -> None:
        """Append an element-wise unit whose first operand is the row; `other` bounds the second one of an Add."""
        if isinstance(unit, Requantise):
            self._requantise(unit)
        elif isinstance(unit, Threshold):
            self._threshold(unit)
        elif isinstance(unit, Lookup):
            self._table(unit.table, unit.first)
        elif isinstance(unit, Add):
            self._add(unit, unit.mult, other)
        else:
            raise InputError(f"the emulator has no kernel for unit kind {unit.kind!r}")

    def add_swapped(self, unit: Add, other: Interval) -> None:
        """Append an Add whose second operand is the row."""
        self._add(unit, (unit.mult[1], unit.mult[0]), other)

    def sign(self, unit: Threshold) -> None:
        """Store the row's signs as bits; the row stays as it is."""
        levels = self._reachable(unit.thresholds)
        falling = unit.falling ^ int(unit.step < 0)
        self._constants(stages.BITS, np.stack([levels[:, 0], falling], axis=1))

    def positive(self) -> None:
        """Store ``row >= 1`` as bits: packs a tensor of +-1."""
        self._constants(stages.BITS, np.array([[1, 0]]))

    def store(self, copies: int, channels: int) -> None:
        """Store the row as integers, in `copies` channels that lie `channels` apart."""
        self.code.append([stages.STORE, copies, channels])

    def _constants(self, op: int, constants: NDArray[np.int64], *others: int) -> None:
        """A stage with one row of constants a channel, or one for all."""
        stride = constants.shape[1] if len(constants) > 1 else 0
        self.code.append([op, len(self.params), stride, *others])
        self.params += constants.reshape(-1).tolist()

    def _reachable(self, thresholds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Thresholds beyond the row's interval, moved to where they decide the same in int32."""
        low, high = self.interval
        return np.clip(thresholds, low, high + 1)

    def _requantise(self, unit: Requantise) -> None:
        ends = [_int_products(unit.mult, x, unit.bias) for x in self.interval]
        largest = max(max(abs(v) for v in end) for end in ends)
        if largest >= 2**63:
            raise InputError("requantise: x * mult + bias exceeds 64 bits")
        fits = max(largest, *(int(np.abs(a).max()) for a in (unit.mult, unit.bias))) < 2**31 and unit.shift < 32
        split = np.clip(unit.split, -(2**31), 2**31 - 1)
        last = unit.pieces - 1
        constants = np.stack([unit.mult[:, 0], unit.bias[:, 0], unit.mult[:, last], unit.bias[:, last], split], axis=1)
        op = stages.REQUANTISE32 if fits else stages.REQUANTISE64
        check_int32((unit.low, unit.high), "requantise")
        self._constants(op, constants, unit.pieces, unit.shift, unit.low, unit.high, unit.step, unit.offset)
        results = [unit.step * v + unit.offset for v in (unit.low, unit.high)]
        self.interval = check_int32((min(results), max(results)), "requantise")

    def _threshold(self, unit: Threshold) -> None:
        low, high = self.interval
        if unit.levels >= MIN_TABLE_LEVELS and high - low < MAX_TABLE:
            rows = len(unit.thresholds)
            inputs = np.broadcast_to(np.arange(low, high + 1)[:, None, None], (high - low + 1, 1, unit.channels))
            self._table(unit.golden(inputs)[0][:, 0, :rows].T, low)
            return
        constants = np.concatenate([unit.falling[:, None], self._reachable(unit.thresholds)], axis=1)
        self._constants(stages.COUNT, constants, unit.levels, unit.base, unit.step)
        results = (unit.base, unit.base + unit.step * unit.levels)
        self.interval = check_int32((min(results), max(results)), "threshold")

    def _table(self, table: NDArray[np.int64], first: int) -> None:
        low, high = check_int32((int(table.min()), int(table.max())), "lookup")
        entries = table.shape[1]
        check_int32((self.interval[0] - first, self.interval[1] - first), "lookup")
        self.code.append([stages.TABLE, len(self.tables), entries if len(table) > 1 else 0, entries, first])
        self.tables += table.reshape(-1).tolist()
        self.interval = (low, high)

    def _add(self, unit: Add, mult: tuple[int, int], other: Interval) -> None:
        ends = [[m * v for v in interval] for m, interval in zip(mult, (self.interval, other), strict=True)]
        for end in ends:
            check_int32((min(end), max(end)), "add")
        check_int32((sum(map(min, ends)), sum(map(max, ends))), "add")
        check_int32((min(mult), max(mult)), "add")
        self.code.append([stages.ADD, *mult, unit.low, unit.high])
        self.interval = check_int32((unit.low, unit.high), "add")


def _int_products(mult: NDArray[np.int64], x: int, bias: NDArray[np.int64]) -> list[int]:
    """``x * mult + bias`` in unbounded integers."""
    return [x * m + b for m, b in zip(mult.reshape(-1).tolist(), bias.reshape(-1).tolist(), strict=True)]


def limits(dtype: str) -> Interval:
    """The interval of a data type."""
    return check_int32(datatypes.limits(dtype), dtype)
