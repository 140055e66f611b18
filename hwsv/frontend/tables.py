"""From a function of an integer to the unit that computes it exactly with the fewest bits of memory.

The element-wise nodes between two integer tensors are *evaluated*, by the executor of the level ``qonnx``, on every
integer that can occur, so the unit is exact whatever those nodes are; every unit is checked on all of them again.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx

from hwsv import datatypes
from hwsv.errors import InputError
from hwsv.frontend.execute import Executor
from hwsv.frontend.fit import Runs, fit
from hwsv.frontend.messages import label
from hwsv.frontend.reach import Ints, Reach, of_values
from hwsv.units.base import Unit
from hwsv.units.lookup import MAX_ENTRIES, Lookup
from hwsv.units.requantise import Requantise
from hwsv.units.threshold import Threshold

MAX_TABLE = 2**25
"""Most values (channels times integers) of one evaluated table."""
MAX_LEVELS = 2**10
"""Most thresholds of a channel."""


@dataclass(frozen=True)
class Table:
    """values[c, i] for input grid[i], int64; `mask`: which inputs can occur. The reach of the results."""

    reach_in: Reach
    values: Ints

    @cached_property
    def reach(self) -> Reach:
        return of_values(self.values, self.reach_in.mask())

    @property
    def is_identity(self) -> bool:
        mask = self.reach_in.mask()
        return bool(np.equal(self.values, self.reach_in.grid())[mask].all())

    @property
    def saturation(self) -> tuple[int, int] | None:
        """(low, high) where the table is ``clip(x, low, high)`` on every channel."""
        low, high = self.reach.ends
        clipped = np.clip(self.reach_in.grid(), low, high)
        return (low, high) if bool(np.equal(self.values, clipped)[self.reach_in.mask()].all()) else None


def evaluate(executor: Executor, nodes: list[onnx.NodeProto], entry: str, exit_: str, reach: Reach, rank: int) -> Table:
    """Run `nodes` from tensor `entry` to `exit_` (rank 4 or 2) on every integer of `reach`."""
    grid, channels = reach.grid(), len(reach.low)
    if grid.size * channels > MAX_TABLE:
        raise InputError(
            f"{label(nodes[-1])}: {grid.size} possible inputs of {channels} channels are too many to tabulate"
        )
    probe = np.ascontiguousarray(np.broadcast_to(grid.astype(np.float32)[:, None], (grid.size, channels)))
    if rank == 4:
        probe = np.ascontiguousarray(probe.T)[None, :, :, None]
    values = {**executor.constants, entry: probe}
    for node in nodes:
        values |= executor.run_node(node, values)
    result = values[exit_]
    if result.shape != probe.shape or not np.array_equal(np.rint(result), result):
        raise InputError(f"{label(nodes[-1])}: is not a function of each value alone, or does not give integers")
    rows = result[0, :, :, 0] if rank == 4 else result.T
    return Table(reach, np.ascontiguousarray(rows).astype(np.int64))


def cheapest(table: Table, freq: int, in_dtype: str, out_dtype: str, what: str) -> Unit:
    """The cheapest unit that equals `table` on every reachable input. what: for the error."""
    channels = len(table.values)
    shared = bool((table.values == table.values[0]).all())
    values = table.values[:1] if shared else table.values
    grid, mask = table.reach_in.grid(), table.reach_in.mask()
    if shared:
        mask = np.logical_or.reduce(mask, axis=0)[None]
    rows = [(grid[m], v[m]) for v, m in zip(values, mask, strict=True)]
    common = {"freq": freq, "channels": channels, "in_dtype": in_dtype, "out_dtype": out_dtype}
    found = [
        *rising_or_falling(rows, table.reach, common),
        *_multiply_adds(rows, table.reach, common),
        *_lookup(rows, common),
    ]
    for unit in sorted(found, key=_price):
        if _agrees(unit, table):
            return unit
    raise InputError(
        f"{what}: the function up to the next quantiser is neither monotone nor a multiply-add of two pieces, "
        f"and has more than {MAX_ENTRIES} inputs; use fewer bits or a monotone activation"
    )


def _price(unit: Unit) -> float:
    """Memory bits first; a lane's logic too, so that a sign is a comparison and not a multiplication."""
    if isinstance(unit, Threshold) and unit.levels == 1:
        return 0
    memories = unit.memories()
    price = unit.cost().lut + sum(memory.total_bits for memory in memories.values())
    if isinstance(unit, Requantise):  # the multiplier, as if made of logic
        price += datatypes.bits(unit.in_dtype) * datatypes.bits(memories["mult"].dtype) / 2
    return price


def _agrees(unit: Unit, table: Table) -> bool:
    """True where the unit's golden model equals the table on every reachable input."""
    grid, mask = table.reach_in.grid(), table.reach_in.mask()
    inputs = np.clip(grid, table.reach_in.low[:, None], table.reach_in.high[:, None])
    (result,) = unit.golden(np.ascontiguousarray(inputs.T)[:, None, :])
    return bool(np.equal(result[:, 0, :].T, table.values)[mask].all())


def _levels(reach: Reach) -> tuple[int, int]:
    """(step, offset) so that every result is ``step * v + offset``."""
    low, high = reach.ends
    step = reach.step if high > low else 1
    return step, low % step


def rising_or_falling(rows: list[tuple[Ints, Ints]], reach: Reach, common: dict) -> list[Threshold]:
    """The Threshold of a function given by (inputs, values) a channel; none where a channel is not monotone."""
    low, high = reach.ends
    step, _ = _levels(reach)
    levels = (high - low) // step
    if not 1 <= levels <= MAX_LEVELS:
        return []
    wanted = low + step * np.arange(1, levels + 1)
    thresholds, falling = np.empty((len(rows), levels), np.int64), np.zeros(len(rows), np.int64)
    for c, (x, v) in enumerate(rows):
        change = np.diff(v)
        falling[c] = bool((change < 0).any())
        if falling[c] and (change > 0).any():
            return []
        ends = np.append(x, x[-1] + 1)
        if falling[c]:
            thresholds[c] = ends[np.searchsorted(-v, -wanted, side="right")][::-1]
        else:
            thresholds[c] = ends[np.searchsorted(v, wanted, side="left")]
    return [Threshold(**common, thresholds=thresholds, falling=falling, base=low, step=step)]


def _multiply_adds(rows: list[tuple[Ints, Ints]], reach: Reach, common: dict) -> list[Unit]:
    step, offset = _levels(reach)
    low, high = ((end - offset) // step for end in reach.ends)
    runs = Runs.of([(x, (v - offset) // step) for x, v in rows])
    found: list[Unit] = []
    for pieces in (1, 2):
        parameters = fit(runs, low, high, pieces)
        if parameters:
            found.append(
                Requantise(
                    **common, mult=parameters.mult, bias=parameters.bias, split=parameters.split,
                    shift=parameters.shift, low=low, high=high, step=step, offset=offset,
                )
            )  # fmt: skip
    return found


def _lookup(rows: list[tuple[Ints, Ints]], common: dict) -> list[Unit]:
    first, last = min(int(x[0]) for x, _ in rows), max(int(x[-1]) for x, _ in rows)
    if last - first >= MAX_ENTRIES:
        return []
    inputs = np.arange(first, last + 1)
    # inputs that cannot occur repeat a neighbour's value
    table = np.stack([v[np.clip(np.searchsorted(x, inputs), 0, len(x) - 1)] for x, v in rows])
    return [Lookup(**common, table=table, first=first)]


def stream_dtype(reach: Reach, bipolar: bool) -> str:
    """The data type of a tensor: BIPOLAR where it holds -1 and +1 only and its consumers take that."""
    low, high = reach.ends
    if bipolar and (low, high) in ((-1, 1), (-1, -1), (1, 1)) and (low == high or reach.step == 2):
        return datatypes.BIPOLAR
    return datatypes.smallest(low, high)
