"""Binds a plan to numbers: weights in one array, and for every length of utterance the table that the machine runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsv.emulator.lower import Array, Plan, Step
from hwsv.emulator.machine import (
    BINARY,
    COPY,
    INTEGER,
    MASK,
    MAXIMUM,
    POINTWISE,
    STATS,
    SUM,
    UNPACK,
    Row,
    run_steps,
)
from hwsv.emulator.stages import Span
from hwsv.emulator.vectors import LANES
from hwsv.emulator.weights import slot_bits
from hwsv.errors import InputError
from hwsv.graph import INPUT
from hwsv.units.concat import Concat
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.stats_pool import MAX_POSITIONS, StatsPool

MAX_LAYOUTS = 4096
"""Lengths whose tables are kept."""


@dataclass(frozen=True)
class Layout:
    """Where everything lies for one number of frames. places: tensor -> (first word, depth, positions, frames)."""

    table: NDArray[Any]
    steps: tuple[Step, ...]
    places: dict[str, tuple[int, int, int, int]]
    size: int


class Executor:
    """A plan ready to run. Thread-safe: memory comes with the call."""

    def __init__(self, plan: Plan, keep: bool = False) -> None:
        """keep: no array takes the place of another, so that all can be read afterwards."""
        self.plan, self.keep = plan, keep
        self._weights: list[NDArray[np.int32]] = []
        self._weight_words = 0
        self.rows = [(step, row) for step in plan.steps for row in self._rows(step)]
        programs, spans = plan.constants.link([step.program for step in plan.steps])
        spans_of = {id(step): span for step, span in zip(plan.steps, spans, strict=True)}
        for step, row in self.rows:
            for name, value in zip(("code_first", "code_end", *Span._fields[2:]), spans_of[id(step)], strict=True):
                row[name] = value
        self.programs = programs
        self.weights = np.concatenate([*self._weights, np.zeros(LANES, np.int32)])  # vectors are read whole
        self._layouts: dict[int, Layout] = {}

    def run(self, features: NDArray[np.integer], memory: NDArray[np.int32]) -> tuple[Layout, NDArray[np.int32]]:
        """Run ``[T, F, C]`` in `memory`, or in a larger block that is returned with the layout of the results."""
        layout = self._layouts.get(len(features)) or self._layout(len(features))
        if memory.size < layout.size:
            memory = np.zeros(layout.size, np.int32)
        at, depth, size, _ = layout.places[INPUT]
        memory[at : at + depth * size].reshape(depth, size)[:] = features.reshape(size, depth).T
        stopped = run_steps(layout.table, memory, self.weights, self.programs)
        if stopped >= 0:
            name = layout.steps[stopped].ints or layout.steps[stopped].bits
            raise InputError(f"a value lies outside the table of a lookup before tensor {name!r}")
        return layout, memory

    def _constant(self, values: NDArray[np.int32] | NDArray[np.uint32]) -> int:
        """Put values behind the other weights; returns where."""
        at = self._weight_words
        self._weights.append(np.ascontiguousarray(values).reshape(-1).view(np.int32))
        self._weight_words += values.size
        return at

    def _rows(self, step: Step) -> list[NDArray[Any]]:
        """Table rows of a step, as far as they do not depend on the number of frames."""
        row = np.zeros((), Row)
        unit, window = step.unit, step.window
        if window is not None:
            row["pad"] = 0 if window.pad_value == NO_VALUE else window.pad_value
            row["marked"] = window.marks
            fields = ("freq_in", "freq_out", "kt", "kf", "st", "sf", "t0", "f0")
            for name, value in zip(fields, geometry(step), strict=True):
                row[name] = value
        if isinstance(unit, StatsPool):
            row["kind"], row["params_at"] = STATS, len(self.plan.constants.params)
            counts = [len(unit.mean_thresholds), len(unit.dev_thresholds)]
            self.plan.constants.params += [unit.mean_mult, unit.mean_offset, unit.dev_mult, *counts]
            self.plan.constants.params += [*unit.mean_thresholds.tolist(), *unit.dev_thresholds.tolist()]
        elif isinstance(unit, Concat) and len(step.inputs) > 1:
            row["kind"] = COPY
            return [row.copy() for _ in step.inputs]
        elif step.weights is not None:
            row["words"], row["outputs"] = step.weights.shape
            row["weights_at"] = self._constant(step.weights)
            row["kind"] = INTEGER
            source = self.plan.arrays[step.inputs[0]]
            if source.packed:
                return self._binary_rows(step, row, source)
        elif isinstance(unit, Pool):
            row["kind"] = MAXIMUM if unit.operation == "max" else SUM
        else:
            row["kind"] = POINTWISE if step.program.code else UNPACK
        return [row]

    def _binary_rows(self, step: Step, row: NDArray[Any], source: Array) -> list[NDArray[Any]]:
        """The row of a binary convolution, after one that makes its mask."""
        flat = flatten_frames(step)
        lanes = np.repeat(channel_lanes(source.channels), source.freq * flat if flat else 1)
        row["kind"], row["lanes"], row["lanes_at"] = BINARY, len(lanes), self._constant(lanes)
        row["slot"] = 32 * len(lanes) if flat else slot_bits(source.channels)
        mask = row.copy()
        mask["kind"] = MASK
        return [mask, row]

    def _layout(self, frames: int) -> Layout:
        """The table for utterances of `frames` frames; raises InputError when the network cannot take them."""
        rows = {INPUT: frames}
        for step in self.plan.steps:
            leaving = out_frames(step, [rows[t] for t in (*step.inputs, step.other) if t])
            rows.update(dict.fromkeys((t for t in (step.ints, step.bits) if t), leaving))
        places, size = self._places(rows)
        table = np.zeros(len(self.rows), Row)
        masks: dict[tuple[int, ...], int] = {}
        used = np.ones(len(table), bool)
        part = 0
        for i, (step, static) in enumerate(self.rows):
            table[i] = static
            s = table[i]
            part = part + 1 if s["kind"] == COPY and i and self.rows[i - 1][0] is step else 0
            source = step.inputs[part]
            s["x_at"], s["x_depth"], s["x_size"], s["rows_in"] = places[source]
            s["rows_out"] = rows[step.ints or step.bits]
            s["p_out"] = s["rows_out"] * self.plan.arrays[step.ints or step.bits].freq
            if flatten_frames(step):
                s["x_depth"], s["x_size"], s["rows_in"] = s["x_depth"] * s["x_size"], 1, 1
            for name, tensor in (("other", step.other), ("ints", step.ints), ("bits", step.bits)):
                if tensor:
                    s[f"{name}_at"], s[f"{name}_depth"] = places[tensor][:2]
            if s["kind"] == COPY:
                s["ints_at"] += s["p_out"] * sum(places[t][1] for t in step.inputs[:part])
                s["ints_depth"] = s["x_depth"]
            if s["kind"] in (MASK, BINARY):
                sizes = (s["pad"], s["rows_in"], s["rows_out"], s["slot"], s["lanes"])
                key = (*geometry(step), *map(int, sizes), self.plan.arrays[source].channels)
                if key in masks:
                    used[i] = s["kind"] == BINARY
                else:
                    masks[key] = size
                    size += _aligned(int((s["words"] + 1) * (s["p_out"] + LANES)))
                s["mask_at"] = masks[key]
        steps = tuple(step for (step, _), keep in zip(self.rows, used, strict=True) if keep)
        layout = Layout(table[used], steps, places, size + LANES)  # vectors are read whole
        if len(self._layouts) >= MAX_LAYOUTS:
            self._layouts.clear()
        self._layouts[frames] = layout
        return layout

    def _places(self, rows: dict[str, int]) -> tuple[dict[str, tuple[int, int, int, int]], int]:
        """Places of all stored tensors, and the words they take; a place is used again after its tensor's last use."""
        plan = self.plan
        shapes = {t: (plan.arrays[t].depth, n * plan.arrays[t].freq, n) for t, n in rows.items()}
        last = {t: i for i, step in enumerate(plan.steps) for t in (*step.inputs, step.other)}
        last[plan.output] = len(plan.steps)
        slots: dict[str, int] = {}
        sizes: list[int] = []
        free: list[int] = []

        def place(tensor: str) -> None:
            if not free:
                free.append(len(sizes))
                sizes.append(0)
            slots[tensor] = free.pop()
            sizes[slots[tensor]] = max(sizes[slots[tensor]], shapes[tensor][0] * shapes[tensor][1])

        place(INPUT)
        for i, step in enumerate(plan.steps):
            for tensor in (step.ints, step.bits):
                if tensor:
                    place(tensor)
            ended = {t for t in (*step.inputs, step.other, step.ints, step.bits) if t and last.get(t, i) <= i}
            if not self.keep:
                free += sorted(slots[t] for t in ended)
        starts = np.cumsum([0, *map(_aligned, sizes)]).tolist()
        return {t: (starts[slot], *shapes[t]) for t, slot in slots.items()}, starts[-1]


def _aligned(words: int) -> int:
    """Rounded up to whole cache lines."""
    return -(-words // LANES) * LANES


def out_frames(step: Step, entering: list[int]) -> int:
    """Frames that leave the step; raises InputError when it cannot take what enters."""
    frames = entering[0]
    if step.window and frames < step.window.min_frames():
        raise InputError(f"the utterance is too short: {frames} frames at a window of {step.window.kernel[0]}")
    leaving = step.window.out_frames(frames) if step.window else frames
    if (step.other and entering[-1] != leaving) or (isinstance(step.unit, Concat) and len(set(entering)) > 1):
        raise InputError(f"the two sides of a shortcut have {leaving} and {entering[-1]} frames")
    flat = flatten_frames(step)
    if flat and leaving != flat:
        raise InputError(f"this network takes utterances of exactly {flat} frames here, not {leaving}")
    if isinstance(step.unit, StatsPool):
        positions = frames * (step.unit.freq if step.unit.over_freq else 1)
        if positions > MAX_POSITIONS:
            raise InputError(f"stats_pool: {positions} positions exceed the {MAX_POSITIONS} that it is sized for")
        return 1
    return 1 if flat else leaving


def flatten_frames(step: Step) -> int:
    """Frames that a fully connected layer takes in at once, else 0."""
    return step.unit.flatten_frames if isinstance(step.unit, Mvtu) else 0


def geometry(step: Step) -> tuple[int, ...]:
    """The kernels' geometry of a step that reads windows."""
    window: SlidingWindow | None = step.window
    if window is None or flatten_frames(step):
        return (1, 1, 1, 1, 1, 1, 0, 0)
    return (window.freq, window.out_freq, *window.kernel, *window.stride, window.pads[0], window.pads[1])


def channel_lanes(channels: int) -> NDArray[np.uint32]:
    """The bits of each word that hold channels."""
    lanes = np.full(-(-channels // 32), 0xFFFFFFFF, np.uint32)
    lanes[-1] = (1 << ((channels - 1) % 32 + 1)) - 1
    return lanes
