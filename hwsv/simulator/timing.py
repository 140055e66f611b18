"""Timing: runs the kernel on a wired graph and reads latency, interval, utilisation, stalls, occupancy, deadlocks."""

import inspect
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsv.errors import CheckFailed, InputError
from hwsv.graph import Channel, UnitGraph
from hwsv.simulator import kernel, quick
from hwsv.simulator.tables import Tables, build

MAX_RECORDED = 200_000_000
"""Pushes that `record` keeps times of (16 bytes each)."""

_KERNEL = tuple(inspect.signature(kernel.run.py_func).parameters)


@dataclass
class UnitTiming:
    """One actor over the run: `beats` it issued, `utilisation` = its beats an utterance per cycle of the interval,
    `stalls`: cycles lost by reason ("features empty", "conv1_window full", "needs lines", "no space in lines")."""

    node: str
    actor: str
    beats: int
    utilisation: float
    stalls: dict[str, int]


@dataclass
class Timing:
    """Exact cycle counts of a run, of the RTL that the schedules describe (of HLS: an estimate).

    latency: cycles from the first cycle to the last word of the first utterance's embedding; interval: cycles between
    the last two embeddings (equal to latency with one utterance); finish[i]: cycle of utterance i's last output word;
    handshakes: pushes and pops. With `record`: push_time/pop_time[tensor], and peak[tensor], the most credits of a
    channel in use at once: the smallest depth with which nothing would have moved later.
    """

    latency: int
    interval: int
    cycles: int
    finish: list[int]
    handshakes: int
    units: list[UnitTiming]
    peak: dict[str, int] = field(default_factory=dict)
    push_time: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    pop_time: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def bottleneck(self) -> UnitTiming:
        """The actor that issues most beats: it sets the interval of a well-fed pipeline."""
        return max(self.units, key=lambda u: u.beats)


class Deadlock(CheckFailed):
    """The accelerator hangs. `cycle`: the units and conditions that wait for each other; `blocked`: all of them.

    `full`: the full channels of the cycle.
    """

    def __init__(self, cycle: list[str], blocked: list[str], full: list[str]) -> None:
        self.cycle, self.blocked, self.full = cycle, blocked, full
        super().__init__(f"deadlock: {' -> '.join(cycle)}")


def run(
    graph: UnitGraph,
    frames: list[int],
    channels: dict[str, Channel] | None = None,
    enables: dict[str, NDArray[np.bool_]] | None = None,
    record: bool = False,
) -> Timing:
    """Play utterances of `frames` frames back to back (see `tables.build`).

    Raises Deadlock with the channels and units that form the cycle, InputError for bad depths or lengths.
    """
    if not frames:
        raise InputError("nothing to simulate: give at least one utterance")
    tables = build(graph, frames, channels, enables)
    return play(tables, record)


def play(tables: Tables, record: bool = False) -> Timing:
    """`run` on tables that are already built."""
    if record and int(tables.push_first[-1]) > MAX_RECORDED:
        raise InputError(f"{int(tables.push_first[-1])} words are too many to record; simulate fewer utterances")
    return _report(tables, execute(tables, record), record)


def execute(tables: Tables, record: bool = False, log: int = 0, resolution: int = 0) -> dict[str, np.ndarray]:
    """The kernel's state after the whole run (see `kernel.run`; what `quick.run` gives of it if nothing is kept).

    Raises Deadlock.
    """
    state, done = attempt(tables, record, log, resolution)
    if not done:
        raise _diagnose(tables, state)
    return state


def attempt(
    tables: Tables, record: bool = False, log: int = 0, resolution: int = 0
) -> tuple[dict[str, np.ndarray], bool]:
    """The kernel's state at the end, and whether that is the end of the work: else it is a deadlock."""
    if not record and not log and (timed := quick.run(tables)) is not None:
        return timed, True
    state = kernel.start(tables, record, log)  # it also says what a deadlock waits for
    more = {"record": record, "pop_first": tables.push_first, "resolution": resolution}
    arguments = {**tables.arrays, **state, **more}
    done = kernel.run(*(arguments[name] for name in _KERNEL))
    return state, bool(done)


def _report(tables: Tables, state: dict[str, np.ndarray], record: bool) -> Timing:
    finish = [int(t) for t in state["finish"]]
    latency = finish[0] + 1
    interval = finish[-1] - finish[-2] if len(finish) > 1 else latency
    cycles = finish[-1] + 1
    timing = Timing(latency, interval, cycles, finish, int(state["pushed"].sum() + state["popped"].sum()), [])
    stalls: dict[int, dict[str, int]] = {}
    for c, name in enumerate(tables.channels):
        stalls.setdefault(int(tables.consumer[c]), {})[f"{name} empty"] = int(state["stall_empty"][c])
        stalls.setdefault(int(tables.producer[c]), {})[f"{name} full"] = int(state["stall_full"][c])
    for b, (_, name) in enumerate(tables.buffers):
        stalls.setdefault(int(tables.buffer_reader[b]), {})[f"needs {name}"] = int(state["stall_needs"][b])
        stalls.setdefault(int(tables.buffer_writer[b]), {})[f"no space in {name}"] = int(state["stall_space"][b])
    for a, (node, actor) in enumerate(tables.actors):
        beats = int(tables.beats[a])
        if beats:
            reasons = {reason: n for reason, n in stalls.get(a, {}).items() if n}
            timing.units.append(UnitTiming(node, actor, beats, beats / len(finish) / interval, reasons))
    if record:
        for c, name in enumerate(tables.channels):
            span = slice(int(tables.push_first[c]), int(tables.push_first[c + 1]))
            timing.push_time[name], timing.pop_time[name] = state["push_time"][span], state["pop_time"][span]
            issued = timing.push_time[name] - tables.latency[tables.producer[c]]
            timing.peak[name] = peak(issued, timing.pop_time[name])
    return timing


def peak(issued: NDArray[np.int64], pops: NDArray[np.int64]) -> int:
    """Most credits in use: taken when a push is issued, back one cycle after the pop."""
    if not len(issued):
        return 0
    return int((np.arange(1, len(issued) + 1) - np.searchsorted(pops, issued)).max())


def _diagnose(tables: Tables, state: dict[str, np.ndarray]) -> Deadlock:
    """Follow what each blocked actor waits for until an actor repeats: that is the cycle."""
    waits: dict[int, tuple[int, str]] = {}
    for a, (node, actor) in enumerate(tables.actors):
        why, what = int(state["state"][a]), int(state["blocker"][a])
        if why == kernel.EMPTY:
            waits[a] = int(tables.producer[what]), f"{node} ({actor}): {tables.channels[what]!r} is empty"
        elif why == kernel.FULL:
            words = f"{int(tables.depth[what])} words"
            waits[a] = int(tables.consumer[what]), f"{node} ({actor}): {tables.channels[what]!r} is full ({words})"
        elif why == kernel.NEEDS:
            waits[a] = int(tables.buffer_writer[what]), f"{node} ({actor}): needs more {tables.buffers[what][1]}"
        elif why == kernel.SPACE:
            waits[a] = int(tables.buffer_reader[what]), f"{node} ({actor}): no space in {tables.buffers[what][1]}"
    blocked = [text for _, text in waits.values()]
    for start in waits:
        path = [start]
        while (following := waits[path[-1]][0]) in waits and following not in path:
            path.append(following)
        if following in path:
            cycle = path[path.index(following) :]
            full = [tables.channels[state["blocker"][a]] for a in cycle if state["state"][a] == kernel.FULL]
            return Deadlock([waits[a][1] for a in cycle], blocked, full)
    return Deadlock(blocked, blocked, [])
