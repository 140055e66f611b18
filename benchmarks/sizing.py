"""FIFO sizing: its time, what it saves, and that no channel can lose a word."""

import time
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.speed import Row, best
from hwsv.design import Design
from hwsv.fifo_sizing import AMPLE, size
from hwsv.graph import LENGTH, Channel
from hwsv.regions import regions
from hwsv.simulator.tables import build, resize
from hwsv.simulator.timing import Deadlock, execute, run
from hwsv.wiring import depths

LENGTHS = ([40] * 4, [100] * 3, [150] * 3, [201] * 3, [333] * 2, [50, 200, 13, 120])
"""Utterances that the FIFOs were not sized for."""


def all_rows(design: Design) -> Iterator[Row]:
    """(benchmark, figure, detail)."""
    frames = design.manifest.input.frames_example
    sized: dict[str, Channel] = {}
    seconds = best(lambda: sized.update(size(design.graph, frames)), repeats=3)
    started = time.process_time()
    size(design.graph, frames)
    processor = time.process_time() - started
    yield "FIFO sizing", f"{seconds:.2f} s", f"{len(sized)} channels, T={frames}, all checks; {processor:.2f} s of CPU"
    rule = depths(design.graph)
    peak = run(replace(design.graph, channels=rule), [frames] * 3, record=True).peak
    used = {t: Channel(max(1, min(c.depth, peak[t]))) for t, c in rule.items()}
    detail = f"first rule {_kbit(design, rule):.1f}, peak of an unthrottled run {_kbit(design, used):.1f}"
    yield "FIFO memory", f"{_kbit(design, sized):.1f} kbit", f"{detail}; 1 kbit = 1000 bits, lengths not counted"
    yield minimality(design, sized, frames)
    yield other_lengths(design, sized, rule)
    short = [16] * 25
    pair = sized | {t: Channel(2) for t in sized if t not in _data(design)}
    cycles, slow = (run(design.graph, short, channels).interval for channels in (sized, pair))
    detail = f"{len(short)} utterances of {short[0]} frames: interval {cycles} cycles, with 2 words {slow}"
    yield "length channels", f"{sized[LENGTH].depth} words", detail


def _kbit(design: Design, channels: dict[str, Channel]) -> float:
    streams = design.graph.streams()
    return sum(channels[t].depth * streams[t].word_bits for t in _data(design)) / 1000


def _data(design: Design) -> list[str]:
    lengths = {LENGTH, *(n.length for n in design.graph)}
    return [t for t in design.graph.channels if t not in lengths]


def minimality(design: Design, sized: dict[str, Channel], frames: int) -> Row:
    """Every channel deeper than a word without one of its words, one after the other."""
    tables = build(design.graph, [frames] * 2, sized)
    expected = execute(tables)["finish"].tolist()
    areas = regions(design.graph, frames)
    slower, hang, same = 0, 0, 0
    for tensor in _data(design):
        if (channel := sized[tensor]).depth == 1:
            continue
        less = sized | {tensor: replace(channel, depth=channel.depth - 1)}
        if any(area.deadlock({t: c.depth for t, c in less.items()}) for area in areas):
            hang += 1
            continue
        try:
            finish = execute(resize(tables, less))["finish"].tolist()
        except Deadlock:
            hang += 1
            continue
        slower, same = slower + (finish != expected), same + (finish == expected)
    words = sum(sized[t].depth == 1 for t in _data(design))
    detail = f"of {slower + hang + same} without a word: {slower} slower, {hang} hang; {words} more have depth 1"
    return "FIFOs that could lose a word", str(same), detail


def other_lengths(design: Design, sized: dict[str, Channel], rule: dict[str, Channel]) -> Row:
    """Cycles lost against ample FIFOs on utterances of other lengths than the example's."""
    ample = {t: Channel(AMPLE * c.depth, sized[t].latency) for t, c in rule.items()}
    lost = [run(design.graph, t, sized).cycles - run(design.graph, t, ample).cycles for t in LENGTHS]
    return "cycles lost at other lengths", str(sum(lost)), f"T = {', '.join(str(t) for t in LENGTHS)}"
