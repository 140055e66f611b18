"""From a unit graph to a plan: a short list of kernel calls, each with a fused program of stages
(hwsv.emulator.stages).

Forks and width converters move no data, so their tensors are names for one array; a sliding window is read by index
by the unit behind it. Element-wise units (threshold, requantise, lookup, add) are appended to the step that makes
their input, as long as what has to be kept fits the step's two stores (one integer, one bit-packed tensor).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsv.emulator import encode
from hwsv.emulator.encode import Constants, Interval, Program
from hwsv.emulator.weights import bit_weights, int_weights
from hwsv.errors import HwsvError, InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.base import Unit
from hwsv.units.concat import Concat
from hwsv.units.lookup import Lookup
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.requantise import Requantise
from hwsv.units.sliding_window import NO_VALUE, SlidingWindow
from hwsv.units.stats_pool import StatsPool
from hwsv.units.threshold import Threshold

MOVES = ("fork", "width_converter")
"""Units that only move words: their outputs are other names for their input."""

NO_DATA = ("length_fork",)

ELEMENTWISE = (Threshold, Requantise, Lookup, Add)


@dataclass(frozen=True)
class Array:
    """How a tensor is kept: `freq` positions a frame, `channels`, as bits (`packed`) or as int32; what it can hold."""

    freq: int
    channels: int
    packed: bool
    interval: Interval = (-1, 1)

    @property
    def depth(self) -> int:
        """Rows of the array."""
        return -(-self.channels // 32) if self.packed else self.channels


@dataclass
class Step:
    """One kernel call.

    `inputs`: tensors it reads; `ints`, `bits`: tensors it stores ("" for none); `row`: the tensor that its program
    has computed so far, `kept`: uses of it that this step serves itself. `window`: how it reads its input.
    """

    unit: Unit | None
    inputs: list[str]
    program: Program
    row: str = ""
    kept: int = 0
    other: str = ""
    ints: str = ""
    bits: str = ""
    window: SlidingWindow | None = None
    weights: NDArray[np.float64] | NDArray[np.uint32] | None = None


@dataclass
class Plan:
    """Steps in order; `arrays` by tensor; `alias`: every tensor of the graph -> the array's name; `windows`: window
    tensor -> (the tensor it reads, the unit)."""

    steps: list[Step]
    constants: Constants
    arrays: dict[str, Array]
    alias: dict[str, str]
    windows: dict[str, tuple[str, SlidingWindow]]
    output: str


def lower(graph: UnitGraph, fuse: bool = True) -> Plan:
    """The plan of `graph`. Without `fuse`, every unit is a step of its own and every tensor is kept."""
    lowering = _Lowering(graph, fuse)
    for node in _ordered(graph):
        try:
            lowering.add(node)
        except HwsvError as error:
            raise InputError(f"unit {node.name!r}: {error}") from error
    return lowering.finish()


def _ordered(graph: UnitGraph) -> list[Node]:
    """Topological order in which the matrix unit's side of an Add comes last, so that the Add can join it."""
    producers = graph.producers()
    seen: set[str] = set()
    order: list[Node] = []
    stack: list[tuple[Node, bool]] = [(producers[OUTPUT][0], False)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            order.append(node)
        elif node.name not in seen:
            seen.add(node.name)
            stack.append((node, True))
            before = [producers[t][0] for t in node.inputs if t in producers]
            stack += [(n, False) for n in sorted(before, key=lambda n: not _is_dot_product(n, producers))]
    return order


def _is_dot_product(node: Node, producers: dict[str, tuple[Node, int]]) -> bool:
    """True if `node` computes an element-wise function of one matrix unit's accumulators."""
    while isinstance(node.unit, Threshold | Requantise | Lookup) or node.unit.kind in MOVES:
        if node.inputs[0] not in producers:
            return False
        node = producers[node.inputs[0]][0]
    return isinstance(node.unit, Mvtu)


class _Lowering:
    def __init__(self, graph: UnitGraph, fuse: bool) -> None:
        self.fuse = fuse
        self.constants = Constants()
        self.steps: list[Step] = []
        self.alias: dict[str, str] = {INPUT: INPUT}
        self.windows: dict[str, tuple[str, SlidingWindow]] = {}
        stream = graph.stream(INPUT)
        self.arrays = {INPUT: Array(stream.freq, stream.channels, False, encode.limits(stream.dtype))}
        self.made_at = {INPUT: -1}
        self.uses = _count_uses(graph)
        self.rows: dict[str, Step] = {}

    def add(self, node: Node) -> None:
        unit = node.unit
        if unit.kind in NO_DATA:
            return
        inputs = [self.alias[t] for t in node.inputs]
        if unit.kind in MOVES:
            self.alias.update(dict.fromkeys(node.outputs, inputs[0]))
            return
        (out,) = node.outputs
        self.alias[out] = out
        if isinstance(unit, SlidingWindow):
            if inputs[0] in self.windows:
                raise InputError("a window of a window is not supported by the emulator")
            self.windows[out] = (inputs[0], unit)
        elif isinstance(unit, Mvtu):
            self._mvtu(unit, inputs[0], out)
        elif isinstance(unit, Pool):
            self._pool(unit, inputs[0], out)
        elif isinstance(unit, StatsPool):
            step = Step(unit, [self._form(inputs[0], packed=False)], self._program(unit.channels), ints=out)
            self._append(step, out, Array(unit.out_freq, 2 * unit.channels, False, encode.limits(unit.out_dtype)))
        elif isinstance(unit, Concat):
            self._concat(unit, inputs, out)
        elif isinstance(unit, Threshold) and encode.is_sign(unit):
            self._sign(unit, inputs[0], out)
        elif isinstance(unit, ELEMENTWISE):
            self._elementwise(unit, inputs, out)
        else:
            raise InputError(f"the emulator has no kernel for unit kind {unit.kind!r}")

    def finish(self) -> Plan:
        output = self.alias[OUTPUT]
        if output in self.windows:
            raise InputError("a network cannot end in a sliding window")
        output = self._form(output, packed=False)
        self.uses[output] = self.uses.get(output, 0) + 1
        for step in self.steps:
            if step.row and not step.ints and (not self.fuse or self.uses.get(step.row, 0) > step.kept):
                step.program.store()
                step.ints = step.row
        return Plan(self.steps, self.constants, self.arrays, self.alias, self.windows, output)

    def _program(self, channels: int, interval: Interval = (0, 0)) -> Program:
        return Program(self.constants, channels, interval)

    def _append(self, step: Step, tensor: str, array: Array) -> None:
        self.steps.append(step)
        self._made(step, tensor, array)

    def _made(self, step: Step, tensor: str, array: Array) -> None:
        self.arrays[tensor] = array
        self.made_at[tensor] = next(i for i in reversed(range(len(self.steps))) if self.steps[i] is step)

    def _start(self, step: Step, tensor: str, freq: int) -> None:
        """Append a step whose program computes `tensor` so far."""
        step.row = tensor
        self.rows[tensor] = step
        self._append(step, tensor, Array(freq, step.program.channels, False, step.program.interval))

    def _form(self, tensor: str, packed: bool) -> str:
        """The tensor as bits or as integers, converted by a step where it is not."""
        if tensor in self.windows:
            raise InputError("reads a window, which the emulator supports for matrix units and pooling only")
        array = self.arrays[tensor]
        if array.packed == packed:
            return tensor
        name = f"{tensor}|{'bits' if packed else 'ints'}"
        if name not in self.arrays:
            step = Step(None, [tensor], self._program(array.channels))
            if packed:
                step.program.positive()
                step.bits = name
            else:
                step.ints = name
            self._append(step, name, Array(array.freq, array.channels, packed))
        return name

    def _source(self, tensor: str, channels: int, freq: int, dtype: str) -> tuple[str, SlidingWindow]:
        """The tensor that a window unit reads, and its window (1 x 1 where there is none)."""
        if tensor in self.windows:
            return self.windows[tensor]
        return tensor, SlidingWindow(freq, channels, dtype, (1, 1))

    def _mvtu(self, unit: Mvtu, tensor: str, out: str) -> None:
        source, window = self._source(tensor, unit.channels, unit.freq, unit.in_dtype)
        if unit.flatten_frames and window.taps > 1:
            raise InputError("a flattened window is not supported by the emulator")
        packed = unit.in_dtype == "BIPOLAR" and bool((np.abs(unit.weights) == 1).all())
        source = self._form(source, packed)
        low, high = self.arrays[source].interval
        largest = max(abs(low), abs(high), abs(window.pad_value) if window.pad_value != NO_VALUE else 0)
        bound = largest * int(np.abs(unit.weights).sum(axis=1).max())
        interval = encode.check_int32((-bound, bound), "mvtu")
        step = Step(unit, [source], self._program(unit.out_channels, interval), window=window)
        step.weights = bit_weights(unit, window) if packed else int_weights(unit)
        self._start(step, out, unit.outputs()[0].freq)

    def _pool(self, unit: Pool, tensor: str, out: str) -> None:
        source, window = self._source(tensor, unit.channels, unit.freq, unit.in_dtype)
        if window.taps != unit.taps:
            raise InputError(f"pools {unit.taps} taps of a window that has {window.taps}")
        source = self._form(source, packed=False)
        interval = encode.check_int32(unit.result_limits(), "pool")
        step = Step(unit, [source], self._program(unit.channels, interval), window=window)
        self._start(step, out, unit.freq)

    def _concat(self, unit: Concat, inputs: list[str], out: str) -> None:
        step = self.rows.get(inputs[0])
        total = sum(unit.in_channels)
        freq = unit.freq
        same = len(set(inputs)) == 1
        if self.fuse and same and step and not step.ints and self.uses[inputs[0]] - step.kept == len(inputs):
            step.program.store(len(inputs))
            step.ints, step.row = out, ""
            self._made(step, out, Array(freq, total, False, step.program.interval))
            return
        parts = [self._form(t, packed=False) for t in inputs]
        intervals = [self.arrays[t].interval for t in parts]
        interval = (min(low for low, _ in intervals), max(high for _, high in intervals))
        self._append(
            Step(unit, parts, self._program(total, interval), ints=out), out, Array(freq, total, False, interval)
        )

    def _sign(self, unit: Threshold, tensor: str, out: str) -> None:
        step = self.rows.get(tensor)
        if not (self.fuse and step and step.row == tensor and not step.bits):
            step = self._copy(tensor, unit)
            step.row = ""  # the copy itself is not a result
        step.program.sign(unit)
        step.bits = out
        step.kept += 1
        self._made(step, out, Array(unit.freq, unit.channels, True))

    def _elementwise(self, unit: Threshold | Requantise | Lookup | Add, inputs: list[str], out: str) -> None:
        """Append the unit to the step whose row it takes, else to a copy of its (first) input."""
        choices = [(0, 1), (1, 0)] if isinstance(unit, Add) else [(0, 0)]
        for row, other in choices:
            step = self._host(inputs[row], inputs[other] if isinstance(unit, Add) else "")
            if step:
                break
        else:
            row, other = choices[0]
            forms = [self._form(t, packed=False) for t in inputs]
            inputs = forms
            step = self._copy(inputs[0], unit)
        if isinstance(unit, Add):
            step.other = inputs[other]
            interval = self.arrays[step.other].interval
            (step.program.add_swapped if row else step.program.append)(unit, interval)
        else:
            step.program.append(unit)
        step.row, step.kept = out, 0
        self.rows[out] = step
        self._made(step, out, Array(unit.freq, unit.channels, False, step.program.interval))

    def _copy(self, tensor: str, unit: Threshold | Requantise | Lookup | Add) -> Step:
        """A step whose row is `tensor` as it is stored."""
        tensor = self._form(tensor, packed=False)
        step = Step(unit, [tensor], self._program(unit.channels, self.arrays[tensor].interval))
        self.steps.append(step)
        return step

    def _host(self, tensor: str, other: str) -> Step | None:
        """The step whose row is `tensor`, if nothing else needs that row and `other` is there before the step runs."""
        step = self.rows.get(tensor) if self.fuse else None
        if not step or step.row != tensor or step.ints or self.uses[tensor] - step.kept > 1:
            return None
        if other:
            at = next(i for i, s in enumerate(self.steps) if s is step)
            known = other in self.arrays and not self.arrays[other].packed and self.made_at[other] < at
            return step if known and not step.other else None
        return step


def _count_uses(graph: UnitGraph) -> dict[str, int]:
    """How often each array is read: by units, and as the network's output."""
    alias: dict[str, str] = {}
    uses: dict[str, int] = {}
    for node in graph:
        if node.unit.kind in MOVES:
            alias.update(dict.fromkeys(node.outputs, alias.get(node.inputs[0], node.inputs[0])))
        elif node.unit.kind not in NO_DATA:
            for tensor in node.inputs:
                root = alias.get(tensor, tensor)
                uses[root] = uses.get(root, 0) + 1
    output = alias.get(OUTPUT, OUTPUT)
    uses[output] = uses.get(output, 0) + 1
    return uses
