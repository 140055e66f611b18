"""A slow cycle-by-cycle simulator, written from the semantics (docs/timing.md) and from nothing of `hwsv.simulator`.

Every cycle, every actor looks at the state at the *start* of the cycle, issues its beat or waits; only then do the
effects of all of them take place. Beats without an operation are played one by one.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, UnitGraph
from hwsv.units.beats import Actor, SharedBuffer


@dataclass(frozen=True)
class Beat:
    """One cycle of an actor. pops, pushes: port masks; needs, frees: counts of this utterance, 0 for none."""

    pops: int = 0
    pushes: int = 0
    writes: int = 0
    space: int = 0
    needs: int = 0
    frees: int = 0


IDLE = Beat()


def explicit_beats(actor: Actor) -> list[Beat]:
    """The whole schedule of an utterance, idle beats included."""
    found: list[Beat] = []
    for segment in actor.segments:
        names = ("delay", "pops", "pushes", "writes", "space", "needs", "frees")
        rows = np.stack([segment.column(name) for name in names], axis=1).tolist()
        for repeat in range(segment.repeats):
            for delay, pops, pushes, writes, space, needs, frees in rows:
                found += [IDLE] * (delay - 1)
                needs += repeat * segment.needs_step if needs else 0
                frees += repeat * segment.frees_step if frees else 0
                found.append(Beat(pops, pushes, writes, space, needs, frees))
            found += [IDLE] * segment.tail
    return found


@dataclass
class _Channel:
    """Registered count at the consumer, registered credits at the producer."""

    latency: int
    credits: int
    visible: int = 0
    push_time: list[int] = field(default_factory=list)
    pop_time: list[int] = field(default_factory=list)


@dataclass
class _Buffer:
    """Counts over all utterances, as the two actors see them."""

    items: int
    written: int = 0
    written_seen: int = 0
    released: int = 0
    released_seen: int = 0


@dataclass
class _Machine:
    name: str
    latency: int
    inputs: list[_Channel]
    outputs: list[_Channel]
    beats: list[tuple[Beat, int]]
    """With the items that earlier utterances put through the buffer."""
    buffer: _Buffer | None = None
    enabled: np.ndarray | None = None
    at: int = 0

    def ready(self, t: int) -> bool:
        if self.at == len(self.beats) or (self.enabled is not None and not self.enabled[t % len(self.enabled)]):
            return False
        beat, base = self.beats[self.at]
        ok = all(c.visible > 0 for i, c in enumerate(self.inputs) if beat.pops >> i & 1)
        ok = ok and all(c.credits > 0 for i, c in enumerate(self.outputs) if beat.pushes >> i & 1)
        if self.buffer:
            ok = ok and not (beat.needs and self.buffer.written_seen < base + beat.needs)
            ok = ok and not (beat.space and self.buffer.written - self.buffer.released_seen >= self.buffer.items)
        return ok


@dataclass
class Run:
    """Cycles of all pushes and pops by tensor; `deadlock`: work was left when nothing could move any more.

    empty, full: tensors without a visible word, and without a credit, at the end.
    """

    push_time: dict[str, list[int]]
    pop_time: dict[str, list[int]]
    deadlock: bool
    empty: set[str]
    full: set[str]


def simulate(
    graph: UnitGraph, frames: list[int], channels: dict[str, Channel], enables: dict[str, np.ndarray] | None = None
) -> Run:
    """Play utterances of `frames` frames back to back. enables: periodic patterns of source, length_source, sink."""
    fifos = {name: _Channel(c.latency, c.depth) for name, c in channels.items()}
    machines = _machines(graph, frames, fifos, enables or {})
    credit_back: dict[int, list[_Channel]] = defaultdict(list)
    arrivals: dict[int, list[_Channel]] = defaultdict(list)
    quiet, t = 0, 0
    patience = 2 + max(m.latency for m in machines) + max(c.latency for c in channels.values())
    patience += max((len(m.enabled) for m in machines if m.enabled is not None), default=0)
    while quiet < patience and any(m.at < len(m.beats) for m in machines):
        for channel in credit_back.pop(t, []):
            channel.credits += 1
        for channel in arrivals.pop(t, []):
            channel.visible += 1
        issuing = [m for m in machines if m.ready(t)]
        for m in issuing:
            beat, base = m.beats[m.at]
            m.at += 1
            for i, channel in enumerate(m.inputs):
                if beat.pops >> i & 1:
                    channel.visible -= 1
                    channel.pop_time.append(t)
                    credit_back[t + 1].append(channel)
            for i, channel in enumerate(m.outputs):
                if beat.pushes >> i & 1:
                    channel.credits -= 1
                    channel.push_time.append(t + m.latency)
                    arrivals[t + m.latency + channel.latency].append(channel)
            if m.buffer:
                m.buffer.written += beat.writes
                m.buffer.released = max(m.buffer.released, base + beat.frees if beat.frees else 0)
        for m in machines:  # the other side sees the counts one cycle later
            if m.buffer:
                m.buffer.written_seen, m.buffer.released_seen = m.buffer.written, m.buffer.released
        quiet = 0 if issuing else quiet + 1
        t += 1
    left = any(m.at < len(m.beats) for m in machines)
    pushes, pops = ({n: getattr(c, f) for n, c in fifos.items()} for f in ("push_time", "pop_time"))
    empty, full = {n for n, c in fifos.items() if not c.visible}, {n for n, c in fifos.items() if not c.credits}
    return Run(pushes, pops, left, empty, full)


def _machines(
    graph: UnitGraph, frames: list[int], fifos: dict[str, _Channel], enables: dict[str, np.ndarray]
) -> list[_Machine]:
    local = [graph.frames(t) for t in frames]
    words = sum(frames) * graph.stream(INPUT).words_per_frame
    results = sum(found[OUTPUT] for found in local) * graph.stream(OUTPUT).words_per_frame
    push, pop = (Beat(pushes=1), 0), (Beat(pops=1), 0)
    machines = [_Machine("source", 0, [], [fifos[INPUT]], [push] * words)]
    if LENGTH in fifos:
        machines.append(_Machine("length_source", 0, [], [fifos[LENGTH]], [push] * len(frames)))
    machines.append(_Machine("sink", 0, [fifos[OUTPUT]], [], [pop] * results))
    for node in graph:
        buffers: dict[str, _Buffer] = {}
        made: list[_Machine] = []
        base = 0
        for found in local:
            actors = node.unit.actors(found.get(node.inputs[0], 1))
            if not made:
                made = [_machine(node.name, actor, node.all_inputs, node.outputs, fifos, buffers) for actor in actors]
            for machine, actor in zip(made, actors, strict=True):
                machine.beats += [(beat, base) for beat in explicit_beats(actor)]
            base += max((a.buffer.per_utterance for a in actors if a.buffer), default=0)
        machines += made
    for machine in machines:
        machine.enabled = enables.get(machine.name)
    return machines


def _machine(
    node: str, actor: Actor, inputs: tuple[str, ...], outputs: tuple[str, ...], fifos: dict[str, _Channel],
    buffers: dict[str, _Buffer],
) -> _Machine:  # fmt: skip
    shared: SharedBuffer | None = actor.buffer
    buffer = buffers.setdefault(shared.name, _Buffer(shared.items)) if shared else None
    ins, outs = [fifos[inputs[p]] for p in actor.inputs], [fifos[outputs[p]] for p in actor.outputs]
    return _Machine(f"{node}.{actor.name}", actor.latency, ins, outs, [], buffer)
