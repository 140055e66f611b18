"""How well embeddings tell speakers apart: cosines, adaptive s-norm, EER with its interval, minimum DCF.

Every figure is computed from one operating curve (`Curve`): for each threshold that separates distinct scores, the miss
rate (targets below it) and the false alarm rate (non-targets at or above it).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwsv.errors import InputError

P_TARGETS = (0.01, 0.05)
"""Prior probabilities of a target at which the detection cost is reported (VoxCeleb and VoxSRC practice)."""

RESAMPLES = 1000
"""Bootstrap resamples of an interval."""

COHORT_TOP = 300
"""Closest cohort utterances that normalise a score; chosen on held-out training speakers (training/README.md)."""

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Miss and false alarm rates ``[thresholds]``: miss ascends from 0 to 1 while alarm descends from 1 to 0."""

    miss: Float
    alarm: Float


@dataclass(frozen=True)
class Result:
    """Figures of one system on one trial list; rates are fractions.

    `resampled`: the EER of each bootstrap resample. All systems on one list are given the same resamples, so the
    difference of two systems is a paired one.
    """

    eer: float
    eer_ci95: tuple[float, float]
    min_dcf: dict[float, float]
    targets: int
    nontargets: int
    curve: Curve
    resampled: Float

    def difference(self, other: "Result") -> tuple[float, float, float]:
        """(self's EER - other's, low, high): the 95 % percentile interval of the paired difference over speakers."""
        low, high = _interval95(self.resampled - other.resampled)
        return self.eer - other.eer, low, high

    def to_json(self) -> dict[str, object]:
        """The stable JSON form of the command line."""
        return {
            "eer": self.eer,
            "min_dcf": {f"{p:g}": cost for p, cost in self.min_dcf.items()},
            "targets": self.targets,
            "nontargets": self.nontargets,
            "eer_ci95": list(self.eer_ci95),
        }


def cosine_scores(embeddings: NDArray[np.floating], left: NDArray[np.int64], right: NDArray[np.int64]) -> Float:
    """Cosine of rows ``left[i]`` and ``right[i]`` of ``[N, E]``; 0 where an embedding is all zero."""
    unit = _unit(embeddings)
    # Blocks: a list of millions of trials must not need millions of rows in memory twice.
    blocks = [
        np.einsum("ne,ne->n", unit[left[i : i + 65536]], unit[right[i : i + 65536]]) for i in range(0, len(left), 65536)
    ]
    return np.concatenate([*blocks, np.empty(0)])


def adaptive_snorm(
    embeddings: NDArray[np.floating],
    cohort: NDArray[np.floating],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    top: int = COHORT_TOP,
) -> Float:
    """Cosines of rows ``left[i]``, ``right[i]`` of ``[N, E]``, normalised by the closest rows of a cohort ``[M, E]``.

    Each side's score is made 0 mean and 1 deviation by the `top` cohort scores that are highest for that side's
    utterance, and the two sides are averaged (Matejka et al., Interspeech 2017, "S-norm 1"). The cohort holds
    utterances of speakers who occur in no trial. Raises InputError for a cohort of fewer than two.
    """
    if min(len(cohort), top) < 2:
        raise InputError(f"score normalisation needs a cohort of two utterances or more, not {min(len(cohort), top)}")
    closest = np.sort(_unit(embeddings) @ _unit(cohort).T, axis=1)[:, -top:]
    mean, deviation = closest.mean(axis=1), np.maximum(closest.std(axis=1), np.finfo(np.float64).tiny)
    scores = cosine_scores(embeddings, left, right)
    return 0.5 * ((scores - mean[left]) / deviation[left] + (scores - mean[right]) / deviation[right])


def curve(scores: Float, labels: NDArray[np.bool_]) -> Curve:
    """Operating curve of the scores; `labels`: True for targets. Equal scores fall on one side together.

    Raises InputError when a score is not finite or one of the two kinds of trial is missing.
    """
    _check(scores, labels)
    order, ends = _sorted_groups(scores)
    hits = labels[order].astype(np.float64)
    miss = np.concatenate([[0.0], np.cumsum(hits)[ends] / hits.sum()])
    rejected = np.concatenate([[0.0], np.cumsum(1 - hits)[ends] / (1 - hits).sum()])
    return Curve(miss, 1 - rejected)


def equal_error_rate(points: Curve) -> float:
    """Where the piecewise linear curve crosses ``miss = alarm``.

    The usual definition in speaker verification (VoxCeleb's and WeSpeaker's scoring scripts interpolate the same way);
    the convex hull of the curve (Brümmer and de Villiers, BOSARIS 2011) would give a value at most as large.
    """
    return float(_crossing(points.miss, points.alarm))


def min_dcf(points: Curve, p_target: float) -> float:
    """Minimum of ``p * miss + (1 - p) * alarm`` over all thresholds (C_miss = C_fa = 1), divided by ``min(p, 1 - p)``.

    1.0 is the cost of a system that ignores the audio (NIST SRE evaluation plans).
    """
    cost = p_target * points.miss + (1 - p_target) * points.alarm
    return float(cost.min() / min(p_target, 1 - p_target))


def eer_resamples(
    scores: Float,
    labels: NDArray[np.bool_],
    left_speaker: NDArray[np.int64],
    right_speaker: NDArray[np.int64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Float:
    """The EER in each of a number of bootstrap resamples over speakers, who are what a test set is a sample of.

    Trials of one speaker are dependent, so speakers are drawn with replacement, not trials (Bolle, Ratha and Pankanti
    2004; Poh and Bengio 2007). With w_s copies of speaker s, a trial between two speakers counts w_a * w_b times and a
    trial within one speaker w_s times: copies of one speaker are never compared with each other.

    `left_speaker`, `right_speaker`: speaker numbers 0 … S-1 of each trial. Resample i depends on seed and S alone, so
    that two systems are compared on equal ones. NaN where a resample has no target or no non-target.
    """
    _check(scores, labels)
    order, ends = _sorted_groups(scores)
    speakers = int(max(left_speaker.max(), right_speaker.max())) + 1
    if speakers < 2:
        raise InputError("an interval over speakers needs at least two speakers")
    draws = np.random.default_rng(seed).multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)
    return _resampled(labels[order], left_speaker[order], right_speaker[order], ends, draws)


def eer_interval(
    scores: Float,
    labels: NDArray[np.bool_],
    left_speaker: NDArray[np.int64],
    right_speaker: NDArray[np.int64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of `eer_resamples`."""
    return _interval95(eer_resamples(scores, labels, left_speaker, right_speaker, resamples, seed))


def evaluate(
    scores: Float, labels: NDArray[np.bool_], left_speaker: NDArray[np.int64], right_speaker: NDArray[np.int64]
) -> Result:
    """All figures of one system on one trial list."""
    points = curve(scores, labels)
    resampled = eer_resamples(scores, labels, left_speaker, right_speaker)
    return Result(
        eer=equal_error_rate(points),
        eer_ci95=_interval95(resampled),
        min_dcf={p: min_dcf(points, p) for p in P_TARGETS},
        targets=int(labels.sum()),
        nontargets=int((~labels).sum()),
        curve=points,
        resampled=resampled,
    )


def _interval95(values: Float) -> tuple[float, float]:
    low, high = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
    return float(low), float(high)


def _unit(rows: NDArray[np.floating]) -> Float:
    """Rows of length 1; zero rows stay."""
    rows = rows.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)


def _check(scores: Float, labels: NDArray[np.bool_]) -> None:
    if not np.isfinite(scores).all():
        raise InputError("scores must be finite; an embedding holds NaN or infinity")
    if not labels.any() or labels.all():
        raise InputError("a trial list needs target (1) and non-target (0) trials")


def _sorted_groups(scores: Float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order that sorts the scores, position in it of the last of each group of equal scores)."""
    order = np.argsort(scores, kind="stable")
    last = np.append(np.diff(scores[order]) > 0, True)
    return order, np.flatnonzero(last)


@njit(cache=True)
def _crossing(miss: Float, alarm: Float) -> float:
    k = 0
    while miss[k] < alarm[k]:
        k += 1
    before, after = alarm[k - 1] - miss[k - 1], miss[k] - alarm[k]
    return miss[k - 1] + before / (before + after) * (miss[k] - miss[k - 1])


@njit(cache=True)
def _resampled(
    labels: NDArray[np.bool_],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    ends: NDArray[np.int64],
    draws: NDArray[np.int64],
) -> Float:
    """EER of each row of draws ``[resamples, speakers]``; NaN where a resample has no target or no non-target."""
    rates = np.full(len(draws), np.nan)
    miss, rejected = np.zeros(len(ends) + 1), np.zeros(len(ends) + 1)
    for r in range(len(draws)):
        copies = draws[r]
        hits = rejections = 0.0
        start = 0
        for group in range(len(ends)):
            for i in range(start, ends[group] + 1):
                same = left[i] == right[i]
                weight = copies[left[i]] if same else copies[left[i]] * copies[right[i]]
                if labels[i]:
                    hits += weight
                else:
                    rejections += weight
            start = ends[group] + 1
            miss[group + 1], rejected[group + 1] = hits, rejections
        if hits > 0 and rejections > 0:
            rates[r] = _crossing(miss / hits, 1 - rejected / rejections)
    return rates
