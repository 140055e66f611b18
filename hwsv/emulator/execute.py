"""Runs a plan on one utterance: kernel calls on arrays that are kept from one utterance to the next."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hwsv.emulator import kernels
from hwsv.emulator.lower import Array, Plan, Step, slot_bits
from hwsv.errors import InputError
from hwsv.graph import INPUT
from hwsv.units.concat import Concat
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.stats_pool import MAX_POSITIONS, StatsPool

NO_INTS = np.zeros((0, 0), np.int32)
NO_BITS = np.zeros((0, 0), np.uint32)

Kept = dict[str, NDArray[np.int32]]
"""tensor -> its array of the current utterance."""


class Arena:
    """Memory of one thread: a flat array a slot, as large as the longest utterance so far needed."""

    def __init__(self, slots: int) -> None:
        self.flat = [np.zeros(0, np.int32)] * slots

    def array(self, slot: int, rows: int, columns: int) -> NDArray[np.int32]:
        """``int32 [rows, columns]`` in `slot`, content undefined."""
        if self.flat[slot].size < rows * columns:
            self.flat[slot] = np.empty(rows * columns, np.int32)
        return self.flat[slot][: rows * columns].reshape(rows, columns)


@dataclass(frozen=True)
class Call:
    """A step made ready: `run(rows in, x, other, ints, bits)` gives False when a lookup left its table."""

    step: Step
    run: Callable[..., bool]
    results: tuple[tuple[str, Array, int], ...]
    """Tensor, its array and its slot."""


class Executor:
    """A plan with its kernels bound; thread-safe, the memory comes with the call."""

    def __init__(self, plan: Plan, keep: bool = False) -> None:
        """keep: leave every array alive until the next utterance."""
        self.plan = plan
        self.slots, count = _slots(plan, keep)
        self.arena = partial(Arena, count)
        self.calls = [self._call(step) for step in plan.steps]

    def _call(self, step: Step) -> Call:
        results = tuple((t, self.plan.arrays[t], self.slots[t]) for t in (step.ints, step.bits) if t)
        return Call(step, _bind(step, self.plan), results)

    def run(self, features: NDArray[np.int64], arena: Arena) -> tuple[Kept, dict[str, int]]:
        """All kept arrays and the frames of each, for int64 ``[T, F, C]`` that the caller has checked."""
        frames, _, channels = features.shape
        kept: Kept = {INPUT: np.ascontiguousarray(features.reshape(-1, channels).T, dtype=np.int32)}
        rows = {INPUT: frames}
        for call in self.calls:
            step = call.step
            entering = rows[step.inputs[0]]
            leaving = out_frames(step, entering)
            arrays: list[NDArray[np.int32]] = []
            for tensor, array, slot in call.results:
                made = arena.array(slot, array.depth, leaving * array.freq)
                kept[tensor] = made.view(np.uint32) if array.packed else made
                rows[tensor] = leaving
            ints = kept[step.ints] if step.ints else NO_INTS
            bits = kept[step.bits] if step.bits else NO_BITS
            other = kept[step.other] if step.other else NO_INTS
            if step.other and rows[step.other] != leaving:
                raise InputError(f"add: {leaving} and {rows[step.other]} frames do not fit together")
            if not call.run(entering, leaving, [kept[t] for t in step.inputs], other, ints, bits):
                raise InputError(f"a value lies outside the table of a lookup that makes {step.ints or step.bits!r}")
        return kept, rows


def out_frames(step: Step, frames: int) -> int:
    """Frames that leave the step; raises InputError when there are too few."""
    unit = step.unit
    if step.window and frames < step.window.min_frames():
        raise InputError(f"the utterance is too short: {frames} frames at a window of {step.window.kernel[0]}")
    leaving = step.window.out_frames(frames) if step.window else frames
    if isinstance(unit, Mvtu) and unit.flatten_frames:
        if leaving != unit.flatten_frames:
            raise InputError(f"this network takes utterances of exactly {unit.flatten_frames} frames here, not {leaving}")
        return 1
    return 1 if isinstance(unit, StatsPool) else leaving


def _slots(plan: Plan, keep: bool) -> tuple[dict[str, int], int]:
    """A slot for every stored tensor; slots are used again after a tensor's last reader."""
    last = {t: i for i, step in enumerate(plan.steps) for t in (*step.inputs, step.other)}
    last[plan.output] = len(plan.steps)
    slots: dict[str, int] = {}
    free: list[int] = []
    count = 0
    for i, step in enumerate(plan.steps):
        for tensor in (step.ints, step.bits):
            if tensor:
                if not free:
                    free.append(count)
                    count += 1
                slots[tensor] = free.pop()
        if not keep:
            free += [slots[t] for t in {*step.inputs, step.other, step.ints, step.bits} & slots.keys() if last.get(t, i) == i]
    return slots, count


def _geometry(window: SlidingWindow) -> tuple[int, ...]:
    return (window.freq, window.out_freq, *window.kernel, *window.stride, window.pads[0], window.pads[1])


def _bind(step: Step, plan: Plan) -> Callable[..., bool]:
    """The kernel call of a step."""
    unit, window, stages = step.unit, step.window, step.program.finish()
    if isinstance(unit, StatsPool):
        return partial(_stats_pool, unit)
    if isinstance(unit, Concat) and not stages.code.size:
        return _concat
    if step.weights is not None and window is not None:
        flatten = isinstance(unit, Mvtu) and unit.flatten_frames > 0
        pad = 0 if window.pad_value == NO_VALUE else window.pad_value
        source = plan.arrays[step.inputs[0]]
        positions = unit.freq * unit.flatten_frames if isinstance(unit, Mvtu) and flatten else 1
        geometry = (1, 1, 1, 1, 1, 1, 0, 0) if flatten else _geometry(window)
        if source.packed:
            lanes = np.repeat(_lanes(source.channels), positions)
            slot = 32 * len(lanes) if flatten else slot_bits(source.channels)
            return partial(_binary, flatten, geometry, lanes, slot, pad, step.weights, stages)
        return partial(_integer, flatten, geometry, pad, step.weights, stages)
    if isinstance(unit, Pool) and window is not None:
        pad = 0 if window.pad_value == NO_VALUE else window.pad_value
        return partial(_pool, _geometry(window), pad, window.marks, unit.operation == "max", stages)
    if not stages.code.size:
        return _unpack
    return partial(_pointwise, stages)


def _lanes(channels: int) -> NDArray[np.uint32]:
    """The bits of each word that hold channels."""
    lanes = np.full(-(-channels // 32), 0xFFFFFFFF, np.uint32)
    lanes[-1] = (1 << ((channels - 1) % 32 + 1)) - 1
    return lanes


def _binary(flatten, geometry, lanes, slot, pad, weights, stages, entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    x = inputs[0].reshape(-1, 1) if flatten else inputs[0]
    rows = 1 if flatten else entering
    return kernels.binary_conv(x, rows, leaving, geometry, lanes, slot, pad, weights, stages, other, ints, bits)


def _integer(flatten, geometry, pad, weights, stages, entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    x = inputs[0].reshape(-1, 1) if flatten else inputs[0]
    rows = 1 if flatten else entering
    return kernels.integer_conv(x, rows, leaving, geometry, pad, weights, stages, other, ints, bits)


def _pool(geometry, pad, marked, maximum, stages, entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    return kernels.pool(inputs[0], entering, leaving, geometry, pad, marked, maximum, stages, other, ints, bits)


def _pointwise(stages, entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    return kernels.pointwise(inputs[0], stages, other, ints, bits)


def _unpack(entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    kernels.unpack(inputs[0], ints)
    return True


def _concat(entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    np.concatenate(inputs, axis=0, out=ints)
    return True


def _stats_pool(unit, entering, leaving, inputs, other, ints, bits):  # type: ignore[no-untyped-def]
    positions = inputs[0].shape[1] // ints.shape[1]
    if positions > MAX_POSITIONS:
        raise InputError(f"stats_pool: {positions} positions exceed the {MAX_POSITIONS} that it is sized for")
    mult = (unit.mean_mult, unit.dev_mult)
    kernels.stats_pool(inputs[0], mult, unit.mean_thresholds, unit.mean_offset, unit.dev_thresholds, ints)
    return True
