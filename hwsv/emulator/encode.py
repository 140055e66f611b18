"""Element-wise units as stages of a kernel's program, with the interval of values that each can produce.

Rows are int32, so every interval is checked here, once.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsv import datatypes
from hwsv.emulator import stages
from hwsv.emulator.passes import CONSTANTS
from hwsv.emulator.stages import COLUMNS, Programs, Span
from hwsv.emulator.vectors import GROUP
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


NEUTRAL = dict.fromkeys(CONSTANTS, 0) | {
    "mult0": 1, "mult1": 1, "low": -(2**31), "high": 2**31 - 1, "least": -(2**31), "most": 2**31 - 1,
}  # fmt: skip
"""Constants of `passes.pass_rows` that leave the row as it is."""

PIECES = ("mult0", "bias0", "mult1", "bias1")


def check_int32(interval: Interval, what: str) -> Interval:
    """`interval`, or InputError when it does not fit int32."""
    if interval[0] < -(2**31) or interval[1] >= 2**31 - 1:  # a threshold may lie one above the largest value
        raise InputError(
            f"{what}: values in [{interval[0]}, {interval[1]}] exceed 32 bits, which the emulator computes in"
        )
    return interval


def is_power(factor: int) -> bool:
    """True for 1, 2, 4, …"""
    return factor > 0 and factor.bit_count() == 1


def is_sign(unit: Unit) -> bool:
    """True for a threshold whose results are kept as bits."""
    return isinstance(unit, Threshold) and unit.levels == 1 and {unit.base, unit.base + unit.step} == {-1, 1}


@dataclass
class Constants:
    """The constants of all programs of a network."""

    params: list[int] = field(default_factory=list)
    tables: list[int] = field(default_factory=list)

    def link(self, programs: "list[Program]") -> tuple[Programs, list[Span]]:
        """The arrays that kernels take, and where each program lies in them."""
        code: list[list[int]] = []
        fused: list[NDArray[np.int32]] = [np.zeros((0, len(CONSTANTS)), np.int32)]
        spans = []
        for program in programs:
            first = len(code)
            for stage in program.passes():
                if isinstance(stage, Pass):
                    code.append([stages.RESIDUAL, sum(map(len, fused)), *stage.flags])
                    fused.append(stage.constants)
                else:
                    code.append(stage)
            passes = all(row[0] == stages.RESIDUAL for row in code[first:])
            spans.append(Span(first, len(code), int(passes), program.copies))
        arrays = Programs(
            np.array([row + [0] * (COLUMNS - len(row)) for row in code], np.int64).reshape(-1, COLUMNS),
            np.array(self.params, np.int64),
            np.array(self.tables, np.int32),
            np.concatenate(fused),
        )
        return arrays, spans

    def rows(self, code: list[int], channels: int, width: int) -> NDArray[np.int64]:
        """The `width` constants of each channel for one stage, ``[channels, width]``."""
        at = code[1] + np.arange(channels)[:, None] * code[2] + np.arange(width)
        return np.array(self.params, np.int64)[at]


@dataclass(frozen=True)
class Pass:
    """Stages that `passes.pass_rows` does at once: constants int32 ``[channels, len(CONSTANTS)]``, zeros for
    channels that only fill a group; flags: whether
    it adds, stores bits, stores integers, is wide."""

    constants: NDArray[np.int32]
    flags: tuple[int, int, int, int]


@dataclass
class Program:
    """A stage program being written; `interval` bounds the row after the last stage."""

    shared: Constants
    channels: int
    interval: Interval = (0, 0)
    code: list[list[int]] = field(default_factory=list)
    copies: int = 1

    def passes(self) -> list["Pass | list[int]"]:
        """The code with all runs of stages that one `Pass` can do replaced by it."""
        found: list[Pass | list[int]] = []
        waiting = self.code
        while waiting:
            taken, fused = self._pass(waiting)
            found.append(fused if taken else waiting[0])
            waiting = waiting[max(taken, 1) :]
        return found

    def _pass(self, code: list[list[int]]) -> tuple[int, Pass]:
        """How many of the first stages make one pass, and that pass.

        A pass is: requantise, sum, bits, store, with powers of two as factors; each of them may be missing.
        """
        c: dict[str, Any] = NEUTRAL.copy()
        taken, adds, signs, stores, wide = 0, 0, 0, 0, 0

        def coming(op: int) -> bool:
            return taken < len(code) and code[taken][0] == op

        if coming(stages.REQUANTISE) and code[0][8] >= 0 and is_power(code[0][6]):
            split, *pieces = self.shared.rows(code[0], self.channels, 5).T
            _, _, _, shift, low, high, step, offset, cut = code[0]
            c |= {"split": split, "shift": shift - cut, "low": low, "high": high, "cut": cut}
            for name, value in zip(PIECES, pieces, strict=True):
                c |= {name: value >> cut, name.replace("mult", "fine").replace("bias", "fine_bias"): value % (1 << cut)}
            c |= {"log_step": step.bit_length() - 1, "offset": offset}
            taken, wide = 1, int(cut > 0)
        if coming(stages.ADD) and is_power(code[taken][1]) and code[taken][2] == 1:
            _, factor, _, c["least"], c["most"] = code[taken]
            c["log_step"] += factor.bit_length() - 1
            c["offset"] *= factor
            taken, adds = taken + 1, 1
        if coming(stages.BITS):
            edge, falling = self.shared.rows(code[taken], self.channels, 2).T
            bit = np.left_shift(1, np.arange(self.channels) % 32)
            c |= {"edge": edge, "bit": bit, "falling": _to_group_end(bit * falling)}
            taken, signs = taken + 1, 1
        if coming(stages.STORE):
            taken, stores = taken + 1, 1
        constants = np.zeros((-(-self.channels // GROUP) * GROUP, len(CONSTANTS)), np.int64)
        for column, name in enumerate(CONSTANTS):
            constants[: self.channels, column] = c[name]
        return taken, Pass(constants.astype(np.uint32).view(np.int32), (adds, signs, stores, wide))

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

    def store(self, copies: int = 1) -> None:
        """Store the row as integers, in `copies` channels that lie `channels` apart."""
        self.code.append([stages.STORE])
        self.copies = copies

    def _constants(self, op: int, constants: NDArray[np.int64], *others: int) -> None:
        """A stage with one row of constants a channel, or one for all."""
        stride = constants.shape[1] if len(constants) > 1 else 0
        self.code.append([op, len(self.shared.params), stride, *others])
        self.shared.params += constants.reshape(-1).tolist()

    def _reachable(self, thresholds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Thresholds beyond the row's interval, moved to where they decide the same in int32."""
        low, high = self.interval
        return np.clip(thresholds, low, high + 1)

    def _requantise(self, unit: Requantise) -> None:
        products = [_int_products(unit.mult, x, unit.bias) for x in self.interval]
        largest = max(max(abs(v) for v in end) for end in products)
        if largest >= 2**63:
            raise InputError("requantise: x * mult + bias exceeds 64 bits")
        cut = self._cut(unit)
        split = np.clip(unit.split, -(2**31), 2**31 - 1)
        last = unit.pieces - 1
        mult, bias = unit.mult, unit.bias
        constants = np.stack([split, mult[:, 0], bias[:, 0], mult[:, last], bias[:, last]], axis=1)
        ends = check_int32((unit.low, unit.high), "requantise")
        self._constants(stages.REQUANTISE, constants, unit.shift, *ends, unit.step, unit.offset, cut)
        results = [unit.step * v + unit.offset for v in ends]
        self.interval = check_int32((min(results), max(results)), "requantise")

    def _cut(self, unit: Requantise) -> int:
        """Bits to cut off multipliers and biases so that 32 bits suffice, -1 if there are none.

        With ``m = h * 2^k + l``, ``(x * m) >> s`` is ``(x * h + ((x * l) >> k)) >> (s - k)``; biases likewise.
        """
        ends = np.array(self.interval)[:, None, None]
        total = ends * unit.mult + unit.bias
        for cut in range(max(0, unit.shift - 31), min(unit.shift, 31) + 1):
            lower = ends * (unit.mult % 2**cut) + unit.bias % 2**cut
            if max(np.abs(total >> cut).max(), np.abs(lower).max()) < 2**31:
                return cut
        return -1

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
        self.code.append([stages.TABLE, len(self.shared.tables), entries if len(table) > 1 else 0, entries, first])
        self.shared.tables += table.reshape(-1).tolist()
        self.interval = (low, high)

    def _add(self, unit: Add, mult: tuple[int, int], other: Interval) -> None:
        ends = [[m * v for v in interval] for m, interval in zip(mult, (self.interval, other), strict=True)]
        check_int32((sum(map(min, ends)), sum(map(max, ends))), "add")
        check_int32((min(mult), max(mult)), "add")
        self.code.append([stages.ADD, *mult, unit.low, unit.high])
        self.interval = check_int32((unit.low, unit.high), "add")


def _to_group_end(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """For every channel the bits of the channels from it to the end of its group."""
    groups = np.pad(bits, (0, -len(bits) % GROUP)).reshape(-1, GROUP)
    return np.cumsum(groups[:, ::-1], axis=1)[:, ::-1].reshape(-1)[: len(bits)]


def _int_products(mult: NDArray[np.int64], x: int, bias: NDArray[np.int64]) -> list[int]:
    """``x * mult + bias`` in unbounded integers."""
    return [x * m + b for m, b in zip(mult.reshape(-1).tolist(), bias.reshape(-1).tolist(), strict=True)]


def limits(dtype: str) -> Interval:
    """The interval of a data type."""
    return check_int32(datatypes.limits(dtype), dtype)
