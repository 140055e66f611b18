"""The event kernel for timing alone: `kernel.run` without recording, log and blockers, and several times as fast.

Same recurrence, same times and stalls (tests compare the two on random networks). What it gains:

- Actors that shallow FIFOs connect run in turns as a *cluster*, until deep FIFOs and line buffers at its edges stop all
  of them. FIFOs of one word let an actor move by a beat, so the same few actors' state should stay in the cache.
- An *even* actor (every beat pops all of its inputs and pushes all of its outputs, nothing else) knows how many beats
  it can make before it makes them: what is held, what is free.
- A *single* actor (at most one input and one output) keeps its channels in registers while it runs.
- What belongs together lies together: a channel, a beat, a segment are rows of a few words each.
"""

import inspect

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hwsv.simulator import quick_kernel
from hwsv.simulator.quick_kernel import (
    BUFFER,
    CONSUMER,
    DELAY,
    DEPTH,
    END,
    EVEN,
    FIRST,
    FREEING,
    GENERAL,
    IN,
    KIND,
    LENGTH,
    NEEDING,
    OPS,
    OUT,
    POP,
    POPPING,
    POPS,
    PRODUCER,
    PUSH,
    PUSHES,
    PUSHING,
    REPEATS,
    SINGLE,
    SPACING,
    TABLE,
    TAIL,
    WAIT_EMPTY,
    WAIT_FULL,
    WAY,
    WRITING,
)  # fmt: skip
from hwsv.simulator.tables import INDEX, Array, Tables

_PARAMETERS = tuple(inspect.signature(quick_kernel.run.py_func).parameters)

NEAR = 16
"""Words that a FIFO must hold to separate two clusters."""


def run(tables: Tables) -> dict[str, Array] | None:
    """What `timing` reads of a whole run: `finish`, `handshakes` (one number), stalls. None where it hangs."""
    static = tables.arrays.get("actor")
    if static is None:
        tables.arrays |= _static(tables)
    actors, buffers = len(tables.latency), len(tables.items)
    channel = _channels(tables)
    state = {
        "channel": channel, "ring": np.zeros(tables.ring_size, np.int64), "left": tables.work.copy(),
        "segment": tables.seg_first.copy(), "repeat": np.zeros(actors, np.int64),
        "position": np.zeros(actors, np.int64), "now": np.full(actors, -1, np.int64),
        "written": np.zeros(buffers, np.int64), "released": np.zeros(buffers, np.int64),
        "stall_needs": np.zeros(buffers, np.int64), "stall_space": np.zeros(buffers, np.int64),
        "finish": np.zeros(int(tables.seg_last[-1] - tables.seg_first[-1]), np.int64),
        "order": np.arange(0), "cluster_first": np.arange(0),
    }  # fmt: skip
    state["order"], state["cluster_first"] = _clusters(tables)
    arguments = tables.arrays | state
    if not quick_kernel.run(*(arguments[name] for name in _PARAMETERS)):
        return None
    words = np.diff(tables.push_first)
    return {
        "finish": state["finish"], "pushed": words, "popped": words,
        "stall_empty": channel[:-1, WAIT_EMPTY], "stall_full": channel[:-1, WAIT_FULL],
        "stall_needs": state["stall_needs"], "stall_space": state["stall_space"],
    }  # fmt: skip


def _channels(tables: Tables) -> Array:
    channel = np.zeros((len(tables.depth) + 1, 11), np.int64)
    rows = channel[:-1]
    rows[:, DEPTH], rows[:, WAY] = tables.depth, tables.channel_latency
    for column in (PUSH, POP, FIRST):
        rows[:, column] = tables.ring_first
    rows[:, END] = tables.ring_first + tables.depth
    rows[:, PRODUCER], rows[:, CONSUMER] = tables.producer, tables.consumer
    return channel


def _clusters(tables: Tables) -> tuple[Array, Array]:
    """Actors cluster by cluster, each in topological order, and where each cluster begins."""
    actors = len(tables.latency)
    near = tables.depth < NEAR
    links = coo_array((np.ones(near.sum()), (tables.producer[near], tables.consumer[near])), shape=(actors, actors))
    label = connected_components(links, directed=False)[1]
    first = np.unique(label, return_index=True)[1][label]
    order = np.argsort(first, kind="stable")
    return order.astype(INDEX), np.append(np.flatnonzero(np.diff(first[order], prepend=-1)), actors)


def _static(tables: Tables) -> dict[str, Array]:
    """What does not depend on depths and latencies: `beat`, `part`, `actor`, and `work` (even: beats, else 1 or 0)."""
    beat = np.zeros((len(tables.delay), 6), np.int64)
    for column, name in enumerate(("delay", "pops", "pushes", "needs", "frees")):
        beat[:, column] = tables.arrays[name]
    writes, space = tables.flags & 1, tables.flags >> 1
    beat[:, OPS] = (
        POPPING * (tables.pops & 1) + PUSHING * (tables.pushes & 1) + NEEDING * (tables.needs > 0)
        + SPACING * space + WRITING * writes + FREEING * (tables.frees > 0)
    )  # fmt: skip
    names = ("table", "length", "repeats", "tail", "base", "needs_step", "frees_step")
    part = np.stack([tables.arrays[f"seg_{name}"] for name in names], axis=1)
    ins, outs = np.diff(tables.in_first), np.diff(tables.out_first)
    owner = np.repeat(np.arange(len(ins)), tables.seg_last - tables.seg_first)
    row = beat[part[:, TABLE]]
    uneven = (part[:, LENGTH] != 1) | (part[:, TAIL] != 0) | (row[:, DELAY] != 1)
    uneven |= (row[:, POPS] != (1 << ins[owner]) - 1) | (row[:, PUSHES] != (1 << outs[owner]) - 1)
    free = tables.enable_period == 0
    free[-1] = False  # the sink tells when utterances finish
    work = np.minimum(tables.seg_last - tables.seg_first, 1)
    even = free & (tables.buffer < 0) & np.isin(ins, (1, 2)) & np.isin(outs, (1, 2))
    even &= np.bincount(owner[uneven], minlength=len(ins)) == 0
    beats = np.zeros(len(ins), np.int64)
    np.add.at(beats, owner, part[:, REPEATS])
    single = free & ~even & (ins <= 1) & (outs <= 1)
    actor = np.full((len(ins), 6), -1, np.int64)
    actor[:, KIND] = np.where(even, EVEN, np.where(single, SINGLE, GENERAL))
    actor[:, BUFFER] = np.maximum(tables.buffer, 0)
    for column, first, count, ports in (
        (IN, tables.in_first, ins, tables.in_channel),
        (OUT, tables.out_first, outs, tables.out_channel),
    ):
        for port in (0, 1):
            some = np.flatnonzero(count > port)
            actor[some, column + port] = ports[first[some] + port]
    actor[single, IN] = np.where(ins[single] > 0, actor[single, IN], len(tables.depth))
    actor[single, OUT] = np.where(outs[single] > 0, actor[single, OUT], len(tables.depth))
    return {"beat": beat, "part": part, "actor": actor, "work": np.where(even, beats, work)}
