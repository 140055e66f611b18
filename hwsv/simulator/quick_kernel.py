"""The event kernel for timing alone: the recurrence of `kernel.run`, without recording, log and blockers (`quick`)."""

import numba
import numpy as np

from hwsv.simulator.tables import INDEX

HELD, DEPTH, PUSH, POP, FIRST, END, WAY, PRODUCER, CONSUMER, WAIT_EMPTY, WAIT_FULL = range(11)
"""Columns of `channel`: words held, depth, slots of next push and pop, ring, latency, ends, cycles that ends waited."""
DELAY, POPS, PUSHES, NEEDS, FREES, OPS = range(6)
"""Columns of `beat`; OPS has a bit for each operation of a single actor (below) and of its shared buffer."""
POPPING, PUSHING, NEEDING, SPACING, WRITING, FREEING = 1, 2, 4, 8, 16, 32
TABLE, LENGTH, REPEATS, TAIL, BASE, NEEDS_STEP, FREES_STEP = range(7)
"""Columns of `part`: the segments."""
KIND, IN, IN_TOO, OUT, OUT_TOO, BUFFER = range(6)
"""Columns of `actor`; channels that there are none of are -1 (even) or a spare one (single)."""
GENERAL, SINGLE, EVEN = range(3)


@numba.njit(cache=True, nogil=True)
def run(
    seg_first, seg_last, part, beat, actor, latency, in_first, in_channel, out_first, out_channel, buffer,
    enable_first, enable_period, enable_wait, order, cluster_first,
    items, buffer_first, buffer_writer, buffer_reader,
    channel, ring, segment, repeat, position, now, left, written, released, stall_needs, stall_space, finish,
):  # fmt: skip
    """Play every actor to its end (True) or to a deadlock."""
    n_actors = len(latency)
    dirty = np.ones(n_actors, np.bool_)
    working = np.sum(left > 0)
    moved = True
    while working > 0 and moved:
        moved = False
        for group in range(len(cluster_first) - 1):
            again = True
            while again:
                again = False
                for place in range(cluster_first[group], cluster_first[group + 1]):
                    a = order[place]
                    if not dirty[a]:
                        continue
                    dirty[a] = False
                    if left[a] == 0:
                        continue
                    if actor[a, KIND] == EVEN:
                        i0, i1, o0, o1 = INDEX(actor[a, IN]), actor[a, IN_TOO], INDEX(actor[a, OUT]), actor[a, OUT_TOO]
                        n = min(left[a], channel[i0, HELD], channel[o0, DEPTH] - channel[o0, HELD])
                        if i1 >= 0:
                            n = min(n, channel[INDEX(i1), HELD])
                        if o1 >= 0:
                            n = min(n, channel[INDEX(o1), DEPTH] - channel[INDEX(o1), HELD])
                        if n == 0:
                            continue
                        d = latency[a]
                        t = now[a]
                        ps0, pf0, pe0 = channel[i0, POP], channel[i0, FIRST], channel[i0, END]
                        qs0, qf0, qe0 = channel[o0, PUSH], channel[o0, FIRST], channel[o0, END]
                        w0 = d + channel[o0, WAY]
                        se = sf = np.int64(0)
                        if i1 < 0 and o1 < 0:
                            for _ in range(n):
                                base = t + 1
                                e, f = ring[INDEX(ps0)], ring[INDEX(qs0)]
                                m = max(base, e)
                                t = max(m, f)
                                se += m - base if t == m else 0
                                sf += 0 if t == m else t - base
                                ring[INDEX(ps0)] = t + 1
                                ring[INDEX(qs0)] = t + w0
                                ps0 += 1
                                if ps0 == pe0:
                                    ps0 = pf0
                                qs0 += 1
                                if qs0 == qe0:
                                    qs0 = qf0
                        else:
                            j1 = INDEX(max(i1, 0))
                            k1 = INDEX(max(o1, 0))
                            ps1, pf1, pe1 = channel[j1, POP], channel[j1, FIRST], channel[j1, END]
                            qs1, qf1, qe1 = channel[k1, PUSH], channel[k1, FIRST], channel[k1, END]
                            w1 = d + channel[k1, WAY]
                            se1 = sf1 = np.int64(0)
                            for _ in range(n):
                                base = t + 1
                                t = base
                                cause = 0
                                e = ring[INDEX(ps0)]
                                if e > t:
                                    t, cause = e, 1
                                if i1 >= 0:
                                    e = ring[INDEX(ps1)]
                                    if e > t:
                                        t, cause = e, 2
                                f = ring[INDEX(qs0)]
                                if f > t:
                                    t, cause = f, 3
                                if o1 >= 0:
                                    f = ring[INDEX(qs1)]
                                    if f > t:
                                        t, cause = f, 4
                                se += t - base if cause == 1 else 0
                                se1 += t - base if cause == 2 else 0
                                sf += t - base if cause == 3 else 0
                                sf1 += t - base if cause == 4 else 0
                                ring[INDEX(ps0)] = t + 1
                                ring[INDEX(qs0)] = t + w0
                                ps0 += 1
                                if ps0 == pe0:
                                    ps0 = pf0
                                qs0 += 1
                                if qs0 == qe0:
                                    qs0 = qf0
                                if i1 >= 0:
                                    ring[INDEX(ps1)] = t + 1
                                    ps1 += 1
                                    if ps1 == pe1:
                                        ps1 = pf1
                                if o1 >= 0:
                                    ring[INDEX(qs1)] = t + w1
                                    qs1 += 1
                                    if qs1 == qe1:
                                        qs1 = qf1
                            if i1 >= 0:
                                channel[j1, HELD] -= n
                                channel[j1, POP] = ps1
                                channel[j1, WAIT_EMPTY] += se1
                                dirty[INDEX(channel[j1, PRODUCER])] = True
                            if o1 >= 0:
                                channel[k1, HELD] += n
                                channel[k1, PUSH] = qs1
                                channel[k1, WAIT_FULL] += sf1
                                dirty[INDEX(channel[k1, CONSUMER])] = True
                        channel[i0, HELD] -= n
                        channel[i0, POP] = ps0
                        channel[i0, WAIT_EMPTY] += se
                        dirty[INDEX(channel[i0, PRODUCER])] = True
                        channel[o0, HELD] += n
                        channel[o0, PUSH] = qs0
                        channel[o0, WAIT_FULL] += sf
                        dirty[INDEX(channel[o0, CONSUMER])] = True
                        now[a] = t
                        left[a] -= n
                        if left[a] == 0:
                            working -= 1
                        again = True
                        continue
                    if actor[a, KIND] == SINGLE:
                        c_in, c_out = INDEX(actor[a, IN]), INDEX(actor[a, OUT])
                        b = INDEX(actor[a, BUFFER])
                        s, r, p, t_last = segment[a], repeat[a], position[a], now[a]
                        held, room = channel[c_in, HELD], channel[c_out, DEPTH] - channel[c_out, HELD]
                        ps, pf, pe = channel[c_in, POP], channel[c_in, FIRST], channel[c_in, END]
                        qs, qf, qe = channel[c_out, PUSH], channel[c_out, FIRST], channel[c_out, END]
                        w = latency[a] + channel[c_out, WAY]
                        had, spare = held, room
                        table, length, tail = part[s, TABLE], part[s, LENGTH], part[s, TAIL]
                        se = sf = np.int64(0)
                        some = False
                        while True:
                            row = INDEX(table + p)
                            base = t_last + beat[row, DELAY]
                            ops = beat[row, OPS]
                            t = base
                            cause = 0
                            if ops & POPPING:
                                if held == 0:
                                    break
                                e = ring[INDEX(ps)]
                                if e > t:
                                    t, cause = e, 1
                            if ops & PUSHING:
                                if room == 0:
                                    break
                                e = ring[INDEX(qs)]
                                if e > t:
                                    t, cause = e, 2
                            if ops & (NEEDING | SPACING):
                                if ops & NEEDING:
                                    need = beat[row, NEEDS] + part[s, BASE] + r * part[s, NEEDS_STEP]
                                    if need > written[b]:
                                        break
                                    if need > released[b]:
                                        e = ring[INDEX(buffer_first[b] + (need - 1) % items[b])]
                                        if e > t:
                                            t, cause = e, 3
                                if ops & SPACING:
                                    if written[b] - released[b] == items[b]:
                                        break
                                    e = ring[INDEX(buffer_first[b] + written[b] % items[b])]
                                    if e > t:
                                        t, cause = e, 4
                            if cause > 0:
                                if cause == 1:
                                    se += t - base
                                elif cause == 2:
                                    sf += t - base
                                elif cause == 3:
                                    stall_needs[b] += t - base
                                else:
                                    stall_space[b] += t - base
                            if ops & POPPING:
                                ring[INDEX(ps)] = t + 1
                                ps += 1
                                if ps == pe:
                                    ps = pf
                                held -= 1
                            if ops & PUSHING:
                                ring[INDEX(qs)] = t + w
                                qs += 1
                                if qs == qe:
                                    qs = qf
                                room -= 1
                            if ops & (WRITING | FREEING):
                                if ops & WRITING:
                                    ring[INDEX(buffer_first[b] + written[b] % items[b])] = t + 1
                                    written[b] += 1
                                    dirty[buffer_reader[b]] = True
                                if ops & FREEING:
                                    target = part[s, BASE] + beat[row, FREES] + r * part[s, FREES_STEP]
                                    if target > released[b]:
                                        for k in range(released[b], target):
                                            ring[INDEX(buffer_first[b] + k % items[b])] = t + 1
                                        released[b] = target
                                        dirty[buffer_writer[b]] = True
                            some = True
                            t_last = t
                            p += 1
                            if p == length:
                                p = 0
                                t_last += tail
                                r += 1
                                if r == part[s, REPEATS]:
                                    r = 0
                                    s += 1
                                    if s == seg_last[a]:
                                        left[a] = 0
                                        working -= 1
                                        break
                                    table, length, tail = part[s, TABLE], part[s, LENGTH], part[s, TAIL]
                        if some:
                            again = True
                            segment[a], repeat[a], position[a], now[a] = s, r, p, t_last
                            if held != had:
                                channel[c_in, HELD], channel[c_in, POP] = held, ps
                                channel[c_in, WAIT_EMPTY] += se
                                dirty[INDEX(channel[c_in, PRODUCER])] = True
                            if room != spare:
                                channel[c_out, HELD], channel[c_out, PUSH] = channel[c_out, DEPTH] - room, qs
                                channel[c_out, WAIT_FULL] += sf
                                dirty[INDEX(channel[c_out, CONSUMER])] = True
                        continue
                    ins, outs = in_first[a], out_first[a]
                    n_in, n_out = in_first[a + 1] - ins, out_first[a + 1] - outs
                    b = buffer[a]
                    d = latency[a]
                    s, r, p, t_last = segment[a], repeat[a], position[a], now[a]
                    some = False
                    while True:
                        if s == seg_last[a]:
                            left[a] = 0
                            working -= 1
                            break
                        row = INDEX(part[s, TABLE] + p)
                        base = t_last + beat[row, DELAY]
                        t = base
                        cause, culprit = 0, INDEX(0)
                        pop_mask, push_mask, flag = beat[row, POPS], beat[row, PUSHES], beat[row, OPS]
                        blocked = False
                        for i in range(n_in):
                            if (pop_mask >> i) & 1:
                                c = in_channel[ins + i]
                                if channel[c, HELD] == 0:
                                    blocked = True
                                    break
                                available = ring[INDEX(channel[c, POP])]
                                if available > t:
                                    t, cause, culprit = available, 1, c
                        if blocked:
                            break
                        for i in range(n_out):
                            if (push_mask >> i) & 1:
                                c = out_channel[outs + i]
                                if channel[c, HELD] == channel[c, DEPTH]:
                                    blocked = True
                                    break
                                free = ring[INDEX(channel[c, PUSH])]
                                if free > t:
                                    t, cause, culprit = free, 2, c
                        if blocked:
                            break
                        if b >= 0:
                            need = beat[row, NEEDS]
                            if need > 0:
                                need += part[s, BASE] + r * part[s, NEEDS_STEP]
                                if need > written[b]:
                                    break
                                if need > released[b]:
                                    ready = ring[INDEX(buffer_first[b] + (need - 1) % items[b])]
                                    if ready > t:
                                        t, cause = ready, 3
                            if flag & SPACING:
                                if written[b] - released[b] == items[b]:
                                    break
                                free = ring[INDEX(buffer_first[b] + written[b] % items[b])]
                                if free > t:
                                    t, cause = free, 4
                        if enable_period[a] > 0:
                            t += enable_wait[enable_first[a] + t % enable_period[a]]
                        if t > base:
                            if cause == 1:
                                channel[culprit, WAIT_EMPTY] += t - base
                            elif cause == 2:
                                channel[culprit, WAIT_FULL] += t - base
                            elif cause == 3:
                                stall_needs[b] += t - base
                            elif cause == 4:
                                stall_space[b] += t - base
                        for i in range(n_in):
                            if (pop_mask >> i) & 1:
                                c = in_channel[ins + i]
                                slot = channel[c, POP]
                                ring[INDEX(slot)] = t + 1
                                slot += 1
                                channel[c, POP] = channel[c, FIRST] if slot == channel[c, END] else slot
                                channel[c, HELD] -= 1
                                dirty[INDEX(channel[c, PRODUCER])] = True
                        for i in range(n_out):
                            if (push_mask >> i) & 1:
                                c = out_channel[outs + i]
                                slot = channel[c, PUSH]
                                ring[INDEX(slot)] = t + d + channel[c, WAY]
                                slot += 1
                                channel[c, PUSH] = channel[c, FIRST] if slot == channel[c, END] else slot
                                channel[c, HELD] += 1
                                dirty[INDEX(channel[c, CONSUMER])] = True
                        if b >= 0:
                            if flag & WRITING:
                                ring[INDEX(buffer_first[b] + written[b] % items[b])] = t + 1
                                written[b] += 1
                                dirty[buffer_reader[b]] = True
                            if beat[row, FREES] > 0:
                                target = part[s, BASE] + beat[row, FREES] + r * part[s, FREES_STEP]
                                if target > released[b]:
                                    for k in range(released[b], target):
                                        ring[INDEX(buffer_first[b] + k % items[b])] = t + 1
                                    released[b] = target
                                    dirty[buffer_writer[b]] = True
                        some = True
                        t_last = t
                        p += 1
                        if p == part[s, LENGTH]:
                            p = 0
                            t_last += part[s, TAIL]
                            r += 1
                            if r == part[s, REPEATS]:
                                r = 0
                                if a == n_actors - 1:
                                    finish[s - seg_first[a]] = t
                                s += 1
                    segment[a], repeat[a], position[a], now[a] = s, r, p, t_last
                    if some:
                        again = True
                if again:
                    moved = True
    return working == 0
