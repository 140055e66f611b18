"""The event kernel: a (max,+) recurrence over channels and shared buffers. It knows no unit by name.

A channel is a ring of `depth` slots. A slot holds *available from* (cycle at which its word is visible to the consumer)
while full, and *free from* (cycle at which its credit is back at the producer) while empty. A shared buffer is the same
ring with counts of written and released items. Actors run until blocked, in topological order, while anything moves;
times do not depend on the order in which actors run, only on the recurrence (docs/timing.md).
"""

import numba
import numpy as np

from hwsv.simulator.tables import INDEX, Tables

RUNNING, DONE, EMPTY, FULL, NEEDS, SPACE = range(6)
"""Why an actor is not moving: finished, input channel empty, output channel full, items not written, no free item."""


@numba.njit(cache=True, nogil=True)
def run(
    seg_first, seg_last, seg_table, seg_length, seg_repeats, seg_tail, seg_base, seg_needs_step, seg_frees_step,
    delay, pops, pushes, flags, needs, frees,
    latency, in_first, in_channel, out_first, out_channel, buffer, enable_first, enable_period, enable_wait,
    ring, ring_first, depth, channel_latency, producer, consumer,
    items, buffer_first, buffer_writer, buffer_reader,
    record, push_first, push_time, pop_first, pop_time, resolution,
    segment, repeat, position, now, state, blocker, pushed, popped, push_slot, pop_slot, written, released,
    stall_empty, stall_full, stall_needs, stall_space, finish,
    log_count, log_open, log_actor, log_begin, log_end, log_cause, log_culprit,
):  # fmt: skip
    """Play every actor to its end or to a deadlock; True when all are done.

    State arrays (from `segment` on) are updated in place, so the caller reads times, stalls and blockers from them;
    with ``resolution > 0`` the log keeps every stall, those of one cause less than `resolution` cycles apart as one;
    `finish` holds the cycle of each utterance's last output word (the last actor is the sink).
    """
    n_actors = len(seg_first)
    dirty = np.ones(n_actors, np.bool_)
    left = np.sum(state != DONE)
    while left > 0:
        moved = False
        for number in range(n_actors):
            a = INDEX(number)
            if not dirty[a] or state[a] == DONE:
                continue
            dirty[a] = False
            ins, outs = in_first[a], out_first[a]
            n_in, n_out = in_first[a + 1] - ins, out_first[a + 1] - outs
            b = buffer[a]
            d = latency[a]
            s, r, p, t_last = segment[a], repeat[a], position[a], now[a]
            status = RUNNING
            while status == RUNNING:
                if s == seg_last[a]:
                    status = DONE
                    left -= 1
                    break
                row = INDEX(seg_table[s] + p)
                base = t_last + delay[row]
                t = base
                cause, culprit = RUNNING, 0
                pop_mask, push_mask = pops[row], pushes[row]
                for i in range(n_in):
                    if (pop_mask >> i) & 1:
                        c = in_channel[ins + i]
                        if popped[c] == pushed[c]:
                            status, culprit = EMPTY, c
                            break
                        available = ring[pop_slot[c]]
                        if available > t:
                            t, cause, culprit = available, EMPTY, c
                if status != RUNNING:
                    blocker[a] = culprit
                    break
                for i in range(n_out):
                    if (push_mask >> i) & 1:
                        c = out_channel[outs + i]
                        if pushed[c] - popped[c] == depth[c]:
                            status, culprit = FULL, c
                            break
                        free = ring[push_slot[c]]
                        if free > t:
                            t, cause, culprit = free, FULL, c
                if status != RUNNING:
                    blocker[a] = culprit
                    break
                need = 0
                if b >= 0:
                    if needs[row] > 0:
                        need = seg_base[s] + needs[row] + r * seg_needs_step[s]
                        if need > written[b]:
                            status = NEEDS
                        elif need > released[b]:
                            ready = ring[buffer_first[b] + (need - 1) % items[b]]
                            if ready > t:
                                t, cause, culprit = ready, NEEDS, b
                    if flags[row] & 2:
                        if written[b] - released[b] == items[b]:
                            status = SPACE
                        else:
                            free = ring[buffer_first[b] + written[b] % items[b]]
                            if free > t:
                                t, cause, culprit = free, SPACE, b
                    if status != RUNNING:
                        blocker[a] = b
                        break
                if enable_period[a] > 0:  # a source or sink that stalls: the next enabled cycle
                    t += enable_wait[enable_first[a] + t % enable_period[a]]
                # the beat is issued at t
                if t > base and cause != RUNNING:
                    if resolution > 0:
                        o = log_open[a]
                        same = o >= 0 and log_cause[o] == cause and log_culprit[o] == culprit
                        if same and base - log_end[o] < resolution:
                            log_end[o] = t
                        elif log_count[0] < len(log_begin):
                            o = log_count[0]
                            log_count[0] += 1
                            log_open[a] = o
                            log_actor[o], log_begin[o], log_end[o] = a, base, t
                            log_cause[o], log_culprit[o] = cause, culprit
                    if cause == EMPTY:
                        stall_empty[culprit] += t - base
                    elif cause == FULL:
                        stall_full[culprit] += t - base
                    elif cause == NEEDS:
                        stall_needs[culprit] += t - base
                    else:
                        stall_space[culprit] += t - base
                for i in range(n_in):
                    if (pop_mask >> i) & 1:
                        c = in_channel[ins + i]
                        slot = pop_slot[c]
                        ring[slot] = t + 1
                        slot += 1
                        pop_slot[c] = ring_first[c] if slot == ring_first[c] + depth[c] else slot
                        if record:
                            pop_time[pop_first[c] + popped[c]] = t
                        popped[c] += 1
                        dirty[producer[c]] = True
                for i in range(n_out):
                    if (push_mask >> i) & 1:
                        c = out_channel[outs + i]
                        slot = push_slot[c]
                        ring[slot] = t + d + channel_latency[c]
                        slot += 1
                        push_slot[c] = ring_first[c] if slot == ring_first[c] + depth[c] else slot
                        if record:
                            push_time[push_first[c] + pushed[c]] = t + d
                        pushed[c] += 1
                        dirty[consumer[c]] = True
                if b >= 0:
                    if flags[row] & 1:
                        ring[buffer_first[b] + written[b] % items[b]] = t + 1
                        written[b] += 1
                        dirty[buffer_reader[b]] = True
                    if frees[row] > 0:
                        target = seg_base[s] + frees[row] + r * seg_frees_step[s]
                        if target > released[b]:
                            for k in range(released[b], target):
                                ring[buffer_first[b] + k % items[b]] = t + 1
                            released[b] = target
                            dirty[buffer_writer[b]] = True
                moved = True
                t_last = t
                p += 1
                if p == seg_length[s]:
                    p = 0
                    t_last += seg_tail[s]
                    r += 1
                    if r == seg_repeats[s]:
                        r = 0
                        if a == n_actors - 1:  # the sink has one segment an utterance
                            finish[s - seg_first[a]] = t
                        s += 1
            segment[a], repeat[a], position[a], now[a], state[a] = s, r, p, t_last, status
        if not moved:
            return left == 0
    return True


def start(tables: Tables, record: bool, log: int = 0) -> dict[str, np.ndarray]:
    """Fresh state arrays for `run`; `log`: stalls that it can keep."""
    actors, channels, buffers = len(tables.latency), len(tables.depth), len(tables.items)

    def zeros(n: int) -> np.ndarray:
        return np.zeros(n, np.int64)

    return {
        "segment": tables.seg_first.copy(), "repeat": zeros(actors), "position": zeros(actors),
        "now": np.full(actors, -1, np.int64), "state": zeros(actors), "blocker": zeros(actors),
        "pushed": zeros(channels), "popped": zeros(channels),
        "push_slot": tables.ring_first.astype(INDEX), "pop_slot": tables.ring_first.astype(INDEX),
        "written": zeros(buffers), "released": zeros(buffers),
        "stall_empty": zeros(channels), "stall_full": zeros(channels), "stall_needs": zeros(buffers),
        "stall_space": zeros(buffers), "ring": zeros(tables.ring_size),
        "log_count": zeros(1), "log_open": np.full(actors, -1, np.int64), "log_actor": zeros(log),
        "log_begin": zeros(log), "log_end": zeros(log), "log_cause": zeros(log), "log_culprit": zeros(log),
        "finish": zeros(int(tables.seg_last[-1] - tables.seg_first[-1])),
        "push_time": zeros(int(tables.push_first[-1]) if record else 0),
        "pop_time": zeros(int(tables.push_first[-1]) if record else 0),
    }  # fmt: skip
