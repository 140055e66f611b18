"""What every unit does in the steady state, and when: read from runs of the cycle simulator.

Three runs tell it all, since an utterance never delays one before it: four utterances minus three leave what the fourth
one costs, beat by beat and stall by stall; two recorded ones give first and last words.
"""

from collections import Counter
from dataclasses import dataclass

from hwsv.design import Design
from hwsv.graph import Node
from hwsv.simulator import Timing, simulate
from hwsv.simulator.timing import UnitTiming

SETTLED = 4
"""Utterances back to back whose last one stands for the steady state."""

REASONS = {
    "input": "waiting for input",
    "output": "output full",
    "pixels": "needs buffered data",
    "space": "no buffer space",
}
"""Kinds of stall, as the page calls them."""


@dataclass(frozen=True)
class ActorActivity:
    """An actor during one utterance of the steady state: cycles in `beats`, and in `stalls` by the simulator's reason.

    `busy`: the simulator's utilisation, beats per cycle of the interval.
    """

    name: str
    beats: int
    busy: float
    stalls: dict[str, int]

    def waits(self) -> dict[str, int]:
        """Stalled cycles by kind (keys of `REASONS`)."""
        found: Counter[str] = Counter()
        for reason, cycles in self.stalls.items():
            found[kind_of(reason)] += cycles
        return dict(found)


@dataclass(frozen=True)
class Activity:
    """frames: of each utterance; interval, latency: cycles; settled: whether the last two intervals are the same.

    units: node -> its actors; spans: node -> for each of two utterances (cycle of its first word, of its last one);
    second: cycles from the end of the first one to the end of the second one;
    peak: channel -> most words of it in use at once, in the run of two.
    """

    frames: int
    latency: int
    interval: int
    settled: bool
    bottleneck: str
    units: dict[str, list[ActorActivity]]
    spans: dict[str, list[tuple[int, int]]]
    second: int
    peak: dict[str, int]


def kind_of(reason: str) -> str:
    """Key of `REASONS` for a reason of `UnitTiming.stalls`."""
    if reason.endswith(" empty"):
        return "input"
    if reason.endswith(" full"):
        return "output"
    return "pixels" if reason.startswith("needs ") else "space"


def observe(design: Design) -> Activity:
    """Simulate utterances of the design's example length. Raises Deadlock, InputError."""
    frames = design.manifest.input.frames_example
    pair = simulate(design, frames=[frames] * 2, record=True).timing
    before, after = (simulate(design, frames=[frames] * n).timing for n in (SETTLED - 1, SETTLED))
    return Activity(
        frames=frames,
        latency=after.latency,
        interval=after.interval,
        settled=before.interval == after.interval,
        bottleneck=after.bottleneck.node,
        units=_last_utterance(before, after),
        spans={node.name: _spans(node, pair) for node in design.graph},
        second=pair.interval,
        peak=pair.peak,
    )


def _last_utterance(before: Timing, after: Timing) -> dict[str, list[ActorActivity]]:
    """What `after` has more than `before`: its last utterance."""
    earlier = {(u.node, u.actor): u for u in before.units}
    found: dict[str, list[ActorActivity]] = {}
    for unit in after.units:
        past = earlier.get((unit.node, unit.actor), UnitTiming(unit.node, unit.actor, 0, 0, {}))
        more = {reason: cycles - past.stalls.get(reason, 0) for reason, cycles in unit.stalls.items()}
        stalls = {reason: cycles for reason, cycles in more.items() if cycles}
        found.setdefault(unit.node, []).append(
            ActorActivity(unit.actor, unit.beats - past.beats, unit.utilisation, stalls)
        )
    return found


def _spans(node: Node, timing: Timing) -> list[tuple[int, int]]:
    """Cycles of the first word in and of the last word in or out, of two utterances of one length."""
    pops = [timing.pop_time[t] for t in node.inputs]
    pushes = [timing.push_time[t] for t in node.outputs]
    halves = []
    for half in (0, 1):
        first = min(int(times[half * (len(times) // 2)]) for times in pops)
        last = max(int(times[(half + 1) * (len(times) // 2) - 1]) for times in pops + pushes)
        halves.append((first, last))
    return halves
