"""What holds for every unit, whatever its kind: data through folded words and emitted memories, and the beats."""

import dataclasses
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv import bits, datatypes
from hwsv.bits import PAD
from hwsv.errors import InputError
from hwsv.units.base import Memory, Tensor, Unit, read_words, registry
from hwsv.units.beats import Actor
from tests.simulator.reference import explicit_beats
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few

KINDS = sorted(registry())
every_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_kind_is_in_the_catalogue():
    assert sorted(catalogue.MAKERS) == KINDS


def through_a_file(memory: Memory) -> Tensor:
    """A memory as its emitted file holds it."""
    lines = bits.to_hex(bits.pack(memory.data, memory.dtype), memory.word_bits)
    assert len(lines) == memory.depth
    return read_words(memory, bits.from_hex(lines, memory.word_bits))


@every_kind
@few
@given(r=RANDOMS)
def test_words_and_memory_files_compute_the_golden_model(kind: str, r: Random):
    unit = catalogue.MAKERS[kind](r)
    frames = catalogue.legal_frames(r, unit)
    tensors = catalogue.inputs(r, unit, frames)
    golden = unit.golden(*tensors)
    memories = {name: through_a_file(memory) for name, memory in unit.memories().items()}
    folded = [stream.words(x) for stream, x in zip(unit.inputs(), tensors, strict=True)]
    results = unit.from_words(folded, memories)
    assert len(golden) == len(results) == len(unit.outputs())
    for stream, expected, words in zip(unit.outputs(), golden, results, strict=True):
        assert expected.dtype == words.dtype == np.int64
        if kind != "length_fork":
            assert expected.shape == (unit.out_frames(frames), stream.freq, stream.channels)
        np.testing.assert_array_equal(words, stream.words(expected))
        low, high = datatypes.limits(stream.dtype)
        held = expected[expected != PAD]
        assert ((held >= low) & (held <= high)).all()
        assert stream.pad_mark or held.size == expected.size
        packed = bits.pack(words, stream.dtype, stream.pad_mark)
        np.testing.assert_array_equal(bits.unpack(packed, stream.lanes, stream.dtype, stream.pad_mark), words)


@every_kind
@few
@given(r=RANDOMS)
def test_memories_come_from_the_files_and_nowhere_else(kind: str, r: Random):
    unit = catalogue.MAKERS[kind](r)
    frames = catalogue.legal_frames(r, unit)
    folded = [s.words(x) for s, x in zip(unit.inputs(), catalogue.inputs(r, unit, frames), strict=True)]
    if unit.memories():
        with pytest.raises(KeyError):
            unit.from_words(folded, {})


@every_kind
@few
@given(r=RANDOMS)
def test_schedule_accounts_for_every_word(kind: str, r: Random):
    unit = catalogue.MAKERS[kind](r)
    frames = catalogue.legal_frames(r, unit)
    actors = unit.actors(frames)
    assert unit.beats(frames) == max(actor.beats for actor in actors)
    expected_in = [frames * s.words_per_frame for s in unit.inputs()] + [1] * unit.frame_aware
    expected_out = [unit.out_frames(frames) * s.words_per_frame for s in unit.outputs()]
    if kind == "length_fork":
        expected_out = [1] * len(expected_out)
    popped, pushed = [0] * len(expected_in), [0] * len(expected_out)
    for actor in actors:
        beats = explicit_beats(actor)
        assert len(beats) == actor.beats
        for i, port in enumerate(actor.inputs):
            popped[port] += sum(b.pops >> i & 1 for b in beats)
        for i, port in enumerate(actor.outputs):
            pushed[port] += sum(b.pushes >> i & 1 for b in beats)
        assert all(b.pops < 2 ** len(actor.inputs) and b.pushes < 2 ** len(actor.outputs) for b in beats)
        assert actor.latency in (0, unit.latency)
    assert (popped, pushed) == (expected_in, expected_out)
    check_shared_buffers(actors)


def check_shared_buffers(actors: tuple[Actor, ...]) -> None:
    """Items are claimed, written, needed and freed in order, and never more at once than fit."""
    users: dict[str, list[Actor]] = {}
    for actor in actors:
        if actor.buffer:
            users.setdefault(actor.buffer.name, []).append(actor)
    for writer, reader in users.values():
        buffer = writer.buffer
        assert buffer is not None and reader.buffer == buffer
        claimed = written = 0
        for beat in explicit_beats(writer):
            assert beat.needs == beat.frees == 0
            claimed += beat.space
            written += beat.writes
            assert written <= claimed <= written + 1
        assert claimed == written == buffer.per_utterance
        freed = needed = 0
        for beat in explicit_beats(reader):
            assert beat.writes == beat.space == 0
            needed = max(needed, beat.needs)
            assert needed <= buffer.per_utterance
            assert needed - freed <= buffer.items, "the reader waits for an item that has no place"
            if beat.frees:
                assert freed <= beat.frees <= needed, "an item is freed before it was written"
                freed = beat.frees
        assert freed == buffer.per_utterance


@every_kind
@few
@given(r=RANDOMS)
def test_cost_is_finite_and_positive(kind: str, r: Random):
    unit = catalogue.MAKERS[kind](r)
    cost = unit.cost()
    assert math.isfinite(cost.lut) and cost.lut > 0
    assert math.isfinite(cost.ff) and cost.ff > 0
    assert cost.dsp >= 0 and all(depth > 0 and bits > 0 for depth, bits in cost.rams.values())
    shapes = {name: (m.kind, m.depth, m.word_bits) for name, m in unit.memories().items()}
    assert unit.memory_shapes() == shapes


def folding_fields(unit: Unit) -> list[str]:
    return [f.name for f in dataclasses.fields(unit) if f.name in ("lanes", "pe", "simd", "in_lanes", "out_lanes")]  # type: ignore[arg-type]


@every_kind
def test_an_illegal_folding_is_refused_with_the_legal_values(kind: str):
    unit = catalogue.MAKERS[kind](Random(3))
    for name in folding_fields(unit):
        for wrong in (0, -1, 7, 1000):
            with pytest.raises(InputError, match=r"legal values: \[1") as caught:
                unit.with_lanes(**{name: wrong})
            assert f"{name}={wrong}" in str(caught.value) and "\n" not in str(caught.value)
