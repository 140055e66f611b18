"""The comparison of levels: each with the one before it in the chain, and where they differ, where first.

`compare_tensors` walks the unit graph in topological order and names the first unit, frame, frequency and channel at
which a level's tensor is not the expected one.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hwsv.bits import PAD
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.graph import OUTPUT
from hwsv.units.base import Tensor
from hwsv.verify.level import Level, Options, Progress, level_class, registry

GOLDEN = "golden"
"""The level whose tensors stand in for those that another level cannot show."""

INSIDE = 4
"""Utterances whose tensors between the units are compared, where nothing else is asked for."""


@dataclass(frozen=True)
class Difference:
    """The first value that differs. `unit`: the graph node whose output it is; `expected` is the level before's.

    `utterance` counts from 0. Values are integers, or "pad" for a padded tap.
    """

    unit: str
    tensor: str
    utterance: int
    frame: int
    frequency: int
    channel: int
    expected: int | str
    found: int | str

    def __str__(self) -> str:
        return (
            f"unit {self.unit}, utterance {self.utterance}, frame {self.frame}, frequency {self.frequency}, "
            f"channel {self.channel}: expected {self.expected}, found {self.found}"
        )


@dataclass
class LevelResult:
    """One row of the result: what was compared with the level `against` ("" for the first).

    utterances: all, by their embeddings; inside: those of them whose tensors between the units were compared too.
    """

    name: str
    against: str = ""
    binding: bool = True
    utterances: int = 0
    inside: int = 0
    values: int = 0
    mismatches: int = 0
    seconds: float = 0.0
    first: Difference | None = None


@dataclass(frozen=True)
class VerifyResult:
    """Rows in the order of the chain, and the embeddings ``[E]`` of each level by name."""

    rows: list[LevelResult]
    embeddings: dict[str, list[Tensor]]

    @property
    def equal(self) -> bool:
        """No binding level differs from the one before it."""
        return not any(row.mismatches for row in self.rows if row.binding)

    def to_json(self) -> dict[str, Any]:
        """The stable JSON form of the command line."""
        levels = {row.name: {k: v for k, v in asdict(row).items() if k not in ("name", "binding")} for row in self.rows}
        return {"equal": self.equal, "levels": levels}


def parse_levels(names: str) -> list[str]:
    """Level names from ``a,b,c``, in the order of the chain. Raises InputError."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        level_class(name)
    if len(set(wanted)) < 2:
        raise InputError(f"give two levels or more to compare; levels: {', '.join(registry())}")
    return [name for name in registry() if name in wanted]


def verify(
    design: Design,
    levels: Sequence[str],
    features: Sequence[Tensor],
    options: Options | None = None,
    progress: Progress | None = None,
    inside: int = INSIDE,
) -> VerifyResult:
    """Run `levels` (in chain order) on the utterances and compare each with the one before.

    A level that is not binding is compared with the next one instead, and no later level is measured against it.
    Embeddings are compared for every utterance, all tensors between the units for the first `inside` of them.
    features: int64 [T, F, C] each, as `Design.check_features` gives.
    """
    made = {name: level_class(name)(design, options or Options()) for name in levels}
    embeddings: dict[str, list[Tensor]] = {}
    rows = {name: LevelResult(name, binding=level.binding) for name, level in made.items()}
    for name, level in made.items():
        start = time.perf_counter()
        embeddings[name] = []
        for embedding in level.embeddings(features):
            embeddings[name].append(embedding)
            if progress:
                progress(name, len(embeddings[name]), len(features))
        rows[name].seconds = time.perf_counter() - start
        rows[name].utterances = len(embeddings[name])
        if len(embeddings[name]) != len(features):
            raise CheckFailed(f"level {name} gave {len(embeddings[name])} embeddings for {len(features)} utterances")
    for expected, found in _pairs(made):
        _compare(design, expected, found, embeddings, features, rows[found.name], inside)
    return VerifyResult(list(rows.values()), embeddings)


def _pairs(levels: dict[str, Level]) -> list[tuple[Level, Level]]:
    """(expected, found): neighbours of the chain of binding levels; the others against the next binding level."""
    ordered = list(levels.values())
    chain = [level for level in ordered if level.binding]
    pairs = list(pairwise(chain))
    for level in ordered:
        if not level.binding and chain:
            later = [other for other in chain if other.place > level.place]
            pairs.append((later[0] if later else chain[-1], level))
    return pairs


def _compare(
    design: Design,
    expected: Level,
    found: Level,
    embeddings: dict[str, list[Tensor]],
    features: Sequence[Tensor],
    row: LevelResult,
    inside: int,
) -> None:
    """Embeddings of every utterance; of the first ones all tensors, since a later quantiser may hide a wrong bit."""
    row.against, row.inside = expected.name, min(inside, len(features))
    for number, (a, b) in enumerate(zip(embeddings[expected.name], embeddings[found.name], strict=True)):
        wrong = a.size if a.shape != b.shape else int((a != b).sum())
        row.values += a.size
        row.mismatches += wrong
        if number < inside or (wrong and row.first is None):
            within = compare_tensors(design, expected.tensors(features[number]), found, features[number], number)
            row.first = row.first or within.first or (_in_embedding(design, a, b, number) if wrong else None)
            if number < inside:
                row.values += within.values
                row.mismatches += within.mismatches


@dataclass
class TensorComparison:
    """Values of inner tensors (the embedding is not one) that were compared and differ, and the first difference."""

    values: int = 0
    mismatches: int = 0
    first: Difference | None = None


def compare_tensors(
    design: Design, expected: dict[str, Tensor], found: Level, features: Tensor, utterance: int = 0
) -> TensorComparison:
    """Walk over the unit graph in topological order, comparing the tensors that both levels can show.

    Tensors that `expected` lacks (qonnx knows those of its nodes only) are taken from the golden model, where the two
    agree on the embedding.
    """
    theirs, result = found.tensors(features), TensorComparison()
    if found.name != GOLDEN and OUTPUT in expected and theirs.keys() - expected.keys():
        golden = design.graph.golden(features)
        if np.array_equal(expected[OUTPUT], golden[OUTPUT]):
            expected = golden | expected
    for node in design.graph:
        for tensor in node.outputs:
            if tensor in expected and tensor in theirs:
                a, b = expected[tensor], theirs[tensor]
                result.first = result.first or _first(node.name, tensor, a, b, utterance)
                if tensor != OUTPUT:
                    result.values += a.size
                    result.mismatches += a.size if a.shape != b.shape else int((a != b).sum())
    return result


def _first(unit: str, tensor: str, a: Tensor, b: Tensor, utterance: int) -> Difference | None:
    """First difference of two tensors in stream order; a missing or surplus frame counts as one."""
    if a.shape[1:] != b.shape[1:]:
        raise CheckFailed(f"unit {unit}: tensor {tensor!r} has shapes {list(a.shape)} and {list(b.shape)}")
    common = min(len(a), len(b))
    wrong = a[:common] != b[:common]
    if wrong.any():
        t, f, c = (int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape))
        return Difference(unit, tensor, utterance, t, f, c, _shown(a[t, f, c]), _shown(b[t, f, c]))
    if len(a) != len(b):
        return Difference(unit, tensor, utterance, common, 0, 0, f"{len(a)} frames", f"{len(b)} frames")
    return None


def _in_embedding(design: Design, a: Tensor, b: Tensor, utterance: int) -> Difference:
    """The difference in the embedding itself, when the levels show nothing before it."""
    unit = design.graph.producers()[OUTPUT][0].name
    if a.shape != b.shape:
        return Difference(unit, OUTPUT, utterance, 0, 0, 0, f"{a.size} values", f"{b.size} values")
    channel = int(np.flatnonzero(a != b)[0])
    return Difference(unit, OUTPUT, utterance, 0, 0, channel, int(a[channel]), int(b[channel]))


def _shown(value: np.int64) -> int | str:
    return "pad" if value == PAD else int(value)
