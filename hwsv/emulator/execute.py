"""Binds a plan to numbers: weights in one array, and for every length of utterance the table that the machine runs."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsv import datatypes
from hwsv.emulator import machine
from hwsv.emulator.lower import Plan, Step
from hwsv.emulator.machine import FIELDS, Row, run_steps
from hwsv.emulator.marks import GEOMETRY, Fields, Marks
from hwsv.emulator.vectors import GROUP, LANES
from hwsv.emulator.weights import slot_bits
from hwsv.errors import InputError
from hwsv.graph import INPUT
from hwsv.units.concat import Concat
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.stats_pool import MAX_POSITIONS, StatsPool

MAX_KEPT = 2**24
"""Words of masks and indices that are kept for lengths seen before (64 MB)."""


class Place(NamedTuple):
    """Where a tensor lies: first word, rows, words a row, positions of these that count, frames."""

    at: int
    depth: int
    pitch: int
    positions: int
    frames: int


@dataclass(frozen=True)
class Layout:
    """Where everything lies for one number of frames, and what depends on it alone: masks and indices (`marks`)."""

    table: NDArray[Any]
    steps: tuple[Step | None, ...]
    places: dict[str, Place]
    size: int
    marks: NDArray[np.int32]


class Executor:
    """A plan ready to run. Thread-safe: memory comes with the call."""

    def __init__(self, plan: Plan, features: str, keep: bool = False) -> None:
        """features: data type of the input. keep: no array takes the place of another, so that all can be read
        afterwards."""
        self.plan, self.keep = plan, keep
        self._dtype = features
        self._weights: list[NDArray[np.int32]] = []
        self._weight_words = 0
        self.rows = [(step, row) for step in plan.steps for row in self._rows(step)]
        self.programs, spans = plan.constants.link([step.program for step in plan.steps])
        spans_of = {id(step): span for step, span in zip(plan.steps, spans, strict=True)}
        for step, row in self.rows:
            names = ("code_first", "code_end", "passes", "copies")
            row.update(zip(names, spans_of[id(step)], strict=True))
        self.weights = aligned_zeros(self._weight_words + 2 * LANES)  # vectors are read whole
        at = 0
        for values in self._weights:
            self.weights[at : at + values.size] = values
            at += _aligned(values.size)
        self._layouts: dict[int, Layout] = {}
        reach = (row.get("kt", 0) * row.get("freq_in", 0) + row.get("kf", 0) for _, row in self.rows)
        self._margin = _aligned(max(reach, default=0) + LANES)

    def run(self, features: NDArray[np.int64], memory: NDArray[np.int32]) -> tuple[Layout, NDArray[np.int32]]:
        """Run ``[T, F, C]`` in `memory`, or in a larger block that is returned with the layout of the results."""
        layout = self._layouts.get(len(features)) or self._layout(len(features))
        if memory.size < layout.size:
            memory = aligned_zeros(layout.size)
        channels = np.ascontiguousarray(features.reshape(-1, features.shape[2]).T)
        result = run_steps(layout.table, channels, memory, layout.marks, self.weights, self.programs)
        if result == machine.OUT_OF_RANGE:
            raise InputError("features exceed {} [{}, {}]".format(self._dtype, *datatypes.limits(self._dtype)))
        if result != machine.DONE:
            step = layout.steps[result]
            raise InputError(f"a value lies outside the table of a lookup before tensor {step.ints or step.bits!r}")
        return layout, memory

    def _constant(self, values: NDArray[Any]) -> int:
        """Put values behind the other weights; returns where."""
        at = self._weight_words
        self._weights.append(np.ascontiguousarray(values).reshape(-1).view(np.int32))
        self._weight_words += _aligned(self._weights[-1].size)
        return at

    def _rows(self, step: Step) -> list[Fields]:
        """Table rows of a step, as far as they do not depend on the number of frames."""
        row: Fields = {}
        unit, window = step.unit, step.window
        if window is not None:
            row["pad"] = 0 if window.pad_value == NO_VALUE else window.pad_value
            row.update(zip(GEOMETRY, geometry(step), strict=True))
            row["index_depth"] = row["kt"] * row["kf"]
        if isinstance(unit, StatsPool):
            row |= {"kind": machine.STATS, "params_at": len(self.plan.constants.params)}
            counts = [len(unit.mean_thresholds), len(unit.dev_thresholds)]
            self.plan.constants.params += [unit.mean_mult, unit.mean_offset, unit.dev_mult, *counts]
            self.plan.constants.params += [*unit.mean_thresholds.tolist(), *unit.dev_thresholds.tolist()]
        elif isinstance(unit, Concat) and len(step.inputs) > 1:
            row["kind"] = machine.COPY
            return [row.copy() for _ in step.inputs]
        elif step.weights is not None:
            row["flat"] = int(flatten_frames(step) > 0)
            row["words"], row["outputs"] = step.weights.shape[1] // GROUP, step.program.channels
            row["weights_at"] = self._constant(step.weights)
            row["kind"] = machine.INTEGER
            if self.plan.arrays[step.inputs[0]].packed:
                row |= {"kind": machine.BINARY} | self._taps(step, row["pad"])
        elif isinstance(unit, Pool):
            row["kind"] = machine.MAXIMUM if unit.operation == "max" else machine.SUM
            row["neutral"] = row["pad"]
            if window is not None and window.marks:
                row["neutral"] = -(2**31) if unit.operation == "max" else 0
        else:
            row["kind"] = machine.POINTWISE if step.program.code else machine.UNPACK
        return [row]

    def _taps(self, step: Step, pad: int) -> Fields:
        """How the taps of a binary convolution lie in its packed window; pad: value of padded taps, 0 where they are
        masked."""
        source, flat = self.plan.arrays[step.inputs[0]], flatten_frames(step)
        lanes = np.repeat(channel_lanes(source.channels), source.freq * flat if flat else 1)
        slot = 32 * len(lanes) if flat else slot_bits(source.channels)
        fields = {"lanes": len(lanes), "lanes_at": self._constant(lanes), "slot": slot}
        freq_in, freq_out, _, _, *strides, _, _ = geometry(step)
        runs = strides == [1, 1] and freq_in == freq_out and not pad
        return fields | {"index_depth": 0} if runs else fields

    def _layout(self, frames: int) -> Layout:
        """The table for utterances of `frames` frames; raises InputError when the network cannot take them."""
        plan = self.plan
        rows = {INPUT: frames}
        for step in plan.steps:
            leaving = out_frames(step, [rows[t] for t in (*step.inputs, step.other) if t])
            rows.update(dict.fromkeys((t for t in (step.ints, step.bits) if t), leaving))
        places, scratch_at = self._places(rows)
        marks = Marks()
        low, high = datatypes.limits(self._dtype)
        take = {"kind": machine.TAKE, "low": low, "high": high}
        table = [take | _result("ints", places[INPUT])]
        size = scratch_at
        parts: Counter[int] = Counter()
        for step, static in self.rows:
            row = static | _ports(step, places, parts[id(step)])
            marks.add(row, plan.arrays[step.inputs[parts[id(step)]]].channels)
            parts[id(step)] += 1
            row |= {"windows_at": scratch_at, "acc_at": scratch_at + 2 * LANES * row.get("words", 0)}
            row["acc_depth"] = _groups(step.program.channels)
            size = max(size, row["acc_at"] + row["acc_depth"] * row["pitch"])
            table.append(row)
        steps = (None, *(step for step, _ in self.rows))
        layout = Layout(_table(table), steps, places, size + self._margin, aligned_zeros(marks.size))
        nothing = np.zeros((0, 0), np.int64)
        run_steps(_table(marks.rows), nothing, layout.marks, layout.marks, self.weights, self.programs)
        if sum(kept.marks.size + kept.table.size * len(FIELDS) for kept in [*self._layouts.values()]) > MAX_KEPT:
            self._layouts.clear()
        self._layouts[frames] = layout
        return layout

    def _places(self, rows: dict[str, int]) -> tuple[dict[str, Place], int]:
        """Places of all stored tensors, and the words they take; a place is used again after its tensor's last use."""
        plan = self.plan
        shapes: dict[str, tuple[int, ...]] = {}
        for t, n in rows.items():
            positions = n * plan.arrays[t].freq
            shapes[t] = (plan.arrays[t].depth, _pitch(positions), positions, n)
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
            sizes[slots[tensor]] = max(sizes[slots[tensor]], _groups(shapes[tensor][0]) * shapes[tensor][1])

        place(INPUT)
        for i, step in enumerate(plan.steps):
            for tensor in (step.ints, step.bits):
                if tensor:
                    place(tensor)
            ended = {t for t in (*step.inputs, step.other, step.ints, step.bits) if t and last.get(t, i) <= i}
            if not self.keep:
                free += sorted(slots[t] for t in ended)
        starts = np.cumsum([self._margin, *sizes]).tolist()
        return {t: Place(starts[slot], *shapes[t]) for t, slot in slots.items()}, starts[-1]


def _ports(step: Step, places: dict[str, Place], part: int) -> Fields:
    """What the step reads and writes; part: which of its inputs it reads."""
    x, result = places[step.inputs[part]], places[step.ints or step.bits]
    row = {"x_at": x.at, "x_depth": x.depth, "x_pitch": x.pitch, "x_size": x.positions}
    row |= {"rows_in": 1 if flatten_frames(step) else x.frames, "rows_out": result.frames, "p_out": result.positions}
    for name, tensor in (("other", step.other), ("ints", step.ints), ("bits", step.bits)):
        if tensor:
            row |= _result(name, places[tensor])
    if isinstance(step.unit, Concat):
        row["ints_at"] += result.pitch * sum(places[t].depth for t in step.inputs[:part])
        row["ints_depth"] = x.depth
    return row


def _result(name: str, place: Place) -> Fields:
    return {f"{name}_at": place.at, f"{name}_depth": place.depth, "pitch": place.pitch}


def _table(rows: list[Fields]) -> NDArray[Any]:
    """The step table of some rows."""
    return np.array([tuple(row.get(name, 0) for name in FIELDS) for row in rows], Row)


def _groups(channels: int) -> int:
    """Rounded up to whole groups."""
    return -(-channels // GROUP) * GROUP


def _aligned(words: int) -> int:
    """Rounded up to whole vectors."""
    return -(-words // LANES) * LANES


def _pitch(positions: int) -> int:
    """Words a row: room for a vector that starts at the last position, and an odd number of vectors, so that the
    rows do not meet in the same lines of the cache."""
    return (-(-(positions + LANES - 1) // LANES) | 1) * LANES


def aligned_zeros(words: int) -> NDArray[np.int32]:
    """int32 zeros that start on a vector, of whole vectors."""
    raw = np.zeros(_aligned(words) + LANES, np.int32)
    start = -raw.ctypes.data // raw.itemsize % LANES
    return raw[start : start + _aligned(words)]


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
