"""Latest times: how late every push may be issued without any utterance's embedding being later than asked for.

The kernel's recurrence played backwards (the critical path method): an event is due before everything that waits for
it. Beside the earliest times of `kernel.run` it tells, from one run, how far each FIFO can shrink on its own.
"""

import inspect

import numba
import numpy as np
from numpy.typing import NDArray

from hwsv.simulator.tables import Array, Tables

NEVER = np.iinfo(np.int64).max // 2
"""Due time of an event that nothing waits for."""


def bounds(tables: Tables, state: dict[str, np.ndarray], finish: Array) -> Array:
    """For every channel the least depth that it can have, all others as they are, with embeddings at `finish`.

    int64 [channels]. One word less makes an embedding later; this depth may do so too, where its words wait for one
    another. state: of a recorded run (`timing.execute`) that ends at `finish` (int64 [utterances], cycles) or earlier.
    """
    due = latest_issues(tables, finish)
    return _least_depths(
        tables.push_first, state["push_time"], state["pop_time"], due,
        tables.latency, tables.channel_latency, tables.producer,
    )  # fmt: skip


def critical(tables: Tables, state: dict[str, np.ndarray], finish: Array) -> NDArray[np.bool_]:
    """Channels that make embeddings later than `finish`: a late one waits, at some remove, for a credit of theirs.

    bool [channels]. state: of a recorded run.
    """
    late = np.where(state["finish"] > finish, state["finish"], NEVER)
    found = np.zeros(len(tables.depth), np.bool_)
    due = latest_issues(tables, late)
    for c, depth in enumerate(tables.depth):
        words = slice(int(tables.push_first[c]), int(tables.push_first[c + 1]))
        issued = state["push_time"][words] - tables.latency[tables.producer[c]]
        pops = state["pop_time"][words][: max(0, len(issued) - depth)]
        found[c] = ((issued == due[words])[depth:] & (issued[depth:] == pops + 1)).any()
    return found


def latest_issues(tables: Tables, finish: Array) -> Array:
    """Latest cycle in which each push may be issued, by channel as in `push_time`: int64 [words]."""
    words = int(tables.push_first[-1])
    needs_before, seg_needs_before = _largest_before(tables, "needs")
    frees_before, seg_frees_before = _largest_before(tables, "frees")
    item_first, item_count = _items(tables)
    due = np.empty(words, np.int64)
    arguments = {
        **tables.arrays, "finish": finish, "needs_before": needs_before, "seg_needs_before": seg_needs_before,
        "frees_before": frees_before, "seg_frees_before": seg_frees_before, "item_first": item_first,
        "item_count": item_count, "push_due": due, "pop_due": np.empty(words, np.int64),
        "item_due": np.full(int(item_count.sum()), NEVER), "space_due": np.full(int(item_count.sum()), NEVER),
    }  # fmt: skip
    _run_back(*(arguments[name] for name in inspect.signature(_run_back.py_func).parameters))
    return due


def _largest_before(tables: Tables, column: str) -> tuple[Array, Array]:
    """Largest value of `column` (needs, frees) before each row of its table, and in all segments before each segment.

    Values before a row are those of the same repeat; steps of repeats are added by the reader of these tables.
    """
    values, before = tables.arrays[column], np.zeros_like(tables.arrays[column])
    seg_before = np.zeros(len(tables.seg_table), np.int64)
    done: set[int] = set()
    for a in range(len(tables.latency)):
        largest = 0
        for s in range(int(tables.seg_first[a]), int(tables.seg_last[a])):
            first, length = int(tables.seg_table[s]), int(tables.seg_length[s])
            seg_before[s] = largest
            rows = values[first : first + length]
            if first not in done:
                before[first + 1 : first + length] = np.maximum.accumulate(rows)[:-1]
                done.add(first)
            if length and (top := int(rows.max())):
                step = int(tables.arrays[f"seg_{column}_step"][s])
                largest = max(largest, int(tables.seg_base[s]) + top + (int(tables.seg_repeats[s]) - 1) * step)
    return before, seg_before


def _items(tables: Tables) -> tuple[Array, Array]:
    """First place of each shared buffer's items in flat arrays, and the items that are written to it in all."""
    counts = np.zeros(len(tables.items), np.int64)
    for b, a in enumerate(tables.buffer_writer):
        for s in range(int(tables.seg_first[a]), int(tables.seg_last[a])):
            rows = tables.flags[tables.seg_table[s] : tables.seg_table[s] + tables.seg_length[s]]
            counts[b] += int((rows & 1).sum()) * int(tables.seg_repeats[s])
    return np.cumsum(np.append(0, counts))[:-1].copy(), counts


@numba.njit(cache=True, nogil=True)
def _run_back(
    seg_first, seg_last, seg_table, seg_length, seg_repeats, seg_tail, seg_base, seg_needs_step, seg_frees_step,
    delay, pops, pushes, flags, needs, frees,
    latency, in_first, in_channel, out_first, out_channel, buffer,
    depth, channel_latency, producer, consumer, items, buffer_writer, buffer_reader, push_first,
    finish, needs_before, seg_needs_before, frees_before, seg_frees_before, item_first, item_count,
    push_due, pop_due, item_due, space_due,
):  # fmt: skip
    """`kernel.run` from the last beat to the first, with minima for its maxima."""
    n_actors, n_channels, n_buffers = len(seg_first), len(depth), len(items)
    dirty = np.ones(n_actors, np.bool_)
    segment = seg_last - 1
    repeat, position = np.zeros(n_actors, np.int64), np.zeros(n_actors, np.int64)
    due_next = np.full(n_actors, NEVER)
    pushed, popped = np.zeros(n_channels, np.int64), np.zeros(n_channels, np.int64)  # counted from the last word
    written = np.zeros(n_buffers, np.int64)  # items whose writing has been played, from the last one
    spaced = np.zeros(n_buffers, np.int64)  # items whose wait for space has been played
    needed = item_count.copy()  # beats that are still to be played need at most these items
    for a in range(n_actors):
        s = segment[a]
        if s >= seg_first[a]:
            repeat[a], position[a] = seg_repeats[s] - 1, seg_length[s] - 1
            due_next[a] = NEVER - seg_tail[s]
    moved = True
    while moved:
        moved = False
        for a in range(n_actors - 1, -1, -1):
            if not dirty[a]:
                continue
            dirty[a] = False
            ins, outs, b, d = in_first[a], out_first[a], buffer[a], latency[a]
            n_in, n_out = in_first[a + 1] - ins, out_first[a + 1] - outs
            s, r, p, due_own = segment[a], repeat[a], position[a], due_next[a]
            while s >= seg_first[a]:
                row = seg_table[s] + p
                pop_mask, push_mask = pops[row], pushes[row]
                due, blocked = due_own, False
                for i in range(n_out):
                    if (push_mask >> i) & 1:
                        c = out_channel[outs + i]
                        if popped[c] <= pushed[c]:
                            blocked = True
                            break
                        due = min(due, pop_due[push_first[c + 1] - 1 - pushed[c]] - d - channel_latency[c])
                if blocked:
                    break
                for i in range(n_in):
                    if (pop_mask >> i) & 1:
                        c = in_channel[ins + i]
                        if popped[c] >= depth[c]:  # the push that takes over this word's credit
                            if pushed[c] <= popped[c] - depth[c]:
                                blocked = True
                                break
                            due = min(due, push_due[push_first[c + 1] - 1 - popped[c] + depth[c]] - 1)
                if blocked:
                    break
                before = 0
                if b >= 0:
                    if flags[row] & 1:
                        item = item_count[b] - 1 - written[b]
                        if needed[b] > item:
                            break
                        due = min(due, item_due[item_first[b] + item])
                    if frees[row] > 0:
                        before = seg_frees_before[s]
                        if frees_before[row] > 0:
                            before = max(before, seg_base[s] + frees_before[row] + r * seg_frees_step[s])
                        if r > 0:
                            last = seg_table[s] + seg_length[s] - 1
                            earlier = max(frees_before[last], frees[last])
                            if earlier > 0:
                                before = max(before, seg_base[s] + earlier + (r - 1) * seg_frees_step[s])
                        if seg_base[s] + frees[row] + r * seg_frees_step[s] > before:
                            item = before + items[b]  # written to the first place that this beat frees
                            if item < item_count[b]:
                                if item_count[b] - spaced[b] > item:
                                    break
                                due = min(due, space_due[item_first[b] + item] - 1)
                if a == n_actors - 1 and r == seg_repeats[s] - 1 and p == seg_length[s] - 1:
                    due = min(due, finish[s - seg_first[a]])
                # the beat must be issued by `due`
                for i in range(n_out):
                    if (push_mask >> i) & 1:
                        c = out_channel[outs + i]
                        push_due[push_first[c + 1] - 1 - pushed[c]] = due
                        pushed[c] += 1
                        dirty[consumer[c]] = True
                for i in range(n_in):
                    if (pop_mask >> i) & 1:
                        c = in_channel[ins + i]
                        pop_due[push_first[c + 1] - 1 - popped[c]] = due
                        popped[c] += 1
                        dirty[producer[c]] = True
                if b >= 0:
                    if flags[row] & 1:
                        written[b] += 1
                    if flags[row] & 2:
                        # the place is waited for with the first word of the item and written with its last
                        spaced[b] += 1
                        space_due[item_first[b] + item_count[b] - spaced[b]] = due
                        dirty[buffer_reader[b]] = True
                    if needs[row] > 0:
                        need = seg_base[s] + needs[row] + r * seg_needs_step[s]
                        item_due[item_first[b] + need - 1] = due - 1
                    if a == buffer_reader[b]:
                        left = seg_needs_before[s]
                        if needs_before[row] > 0:
                            left = max(left, seg_base[s] + needs_before[row] + r * seg_needs_step[s])
                        if r > 0:
                            last = seg_table[s] + seg_length[s] - 1
                            earlier = max(needs_before[last], needs[last])
                            if earlier > 0:
                                left = max(left, seg_base[s] + earlier + (r - 1) * seg_needs_step[s])
                        if left < needed[b]:
                            needed[b] = left
                            dirty[buffer_writer[b]] = True
                moved = True
                due_own = due - delay[row]
                p -= 1
                if p < 0:
                    r -= 1
                    if r < 0:
                        s -= 1
                        if s >= seg_first[a]:
                            r = seg_repeats[s] - 1
                    if s >= seg_first[a]:
                        p = seg_length[s] - 1
                        due_own -= seg_tail[s]
            segment[a], repeat[a], position[a], due_next[a] = s, r, p, due_own


@numba.njit(cache=True, nogil=True)
def _least_depths(first, push_time, pop_time, due, latency, channel_latency, producer):  # type: ignore[no-untyped-def]
    """Least depth by channel with which the times of its own words still meet `due`."""
    depths = np.ones(len(first) - 1, np.int64)
    for c in range(len(depths)):
        words = slice(first[c], first[c + 1])
        issued, pops, latest = push_time[words] - latency[producer[c]], pop_time[words], due[words]
        # every push finds a credit when it is due, if pops are as early as can be
        low = 1
        back = 0
        for m in range(len(latest)):
            while back < len(pops) and pops[back] < latest[m]:
                back += 1
            low = max(low, m + 1 - back)
        # but a credit that comes late makes the words behind it late: see how far that goes
        high = max(low, latency[producer[c]] + channel_latency[c] + 1)
        while low < high:
            depth = (low + high) // 2
            if _in_time(depth, issued, pops, latest, latency[producer[c]] + channel_latency[c]):
                high = depth
            else:
                low = depth + 1
        depths[c] = low
    return depths


@numba.njit(cache=True, nogil=True)
def _in_time(depth, issued, pops, latest, way):  # type: ignore[no-untyped-def]
    """Whether `depth` credits can bring every word on its way in time. way: cycles from issue to pop at least."""
    popped = np.zeros(depth, np.int64)
    for m in range(len(issued)):
        at = issued[m]
        if m >= depth:
            at = max(at, popped[m % depth] + 1)
        if at > latest[m]:
            return False
        popped[m % depth] = max(pops[m], at + way)
    return True
