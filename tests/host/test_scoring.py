"""Error rates against brute force, and an interval that behaves like one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsv.errors import InputError
from hwsv.host import scoring


def brute_rates(scores, labels):
    """(miss, alarm) at every threshold, the slow and obvious way."""
    thresholds = [-np.inf, *sorted(set(scores)), np.inf]
    targets, others = scores[labels], scores[~labels]
    return [(float((targets < t).mean()), float((others >= t).mean())) for t in thresholds]


trials = st.lists(st.tuples(st.integers(-6, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@settings(deadline=None, max_examples=200)
@given(trials)
def test_curve_eer_and_min_dcf_equal_brute_force(rows):
    scores = np.array([float(s) for s, _ in rows])  # few distinct scores: ties are the hard part
    labels = np.array([label for _, label in rows])
    points = scoring.curve(scores, labels)
    rates = brute_rates(scores, labels)
    found = set(zip(points.miss.round(9), points.alarm.round(9), strict=True))
    assert found == {(round(m, 9), round(a, 9)) for m, a in rates}
    for p in (0.01, 0.05, 0.5):
        best = min(p * m + (1 - p) * a for m, a in rates) / min(p, 1 - p)
        assert scoring.min_dcf(points, p) == pytest.approx(best)
    # walk along the curve in small steps until misses exceed alarms
    steps = np.linspace(0, 1, 1001)
    path = [(m0 + s * (m1 - m0), a0 + s * (a1 - a0)) for (m0, a0), (m1, a1) in pairwise(rates) for s in steps]
    crossing = next(miss for miss, alarm in path if miss >= alarm - 1e-12)
    assert scoring.equal_error_rate(points) == pytest.approx(crossing, abs=1e-3)


def test_known_values():
    labels = np.array([True, True, False, False])
    assert scoring.equal_error_rate(scoring.curve(np.array([3.0, 4, 1, 2]), labels)) == 0
    assert scoring.equal_error_rate(scoring.curve(np.array([1.0, 2, 3, 4]), labels)) == 1
    assert scoring.equal_error_rate(scoring.curve(np.array([5.0, 5, 5, 5]), labels)) == 0.5
    assert scoring.equal_error_rate(scoring.curve(np.array([1.0, 4, 2, 3]), labels)) == 0.5
    perfect = scoring.curve(np.array([3.0, 4, 1, 2]), labels)
    useless = scoring.curve(np.array([1.0, 1, 1, 1]), labels)
    assert scoring.min_dcf(perfect, 0.01) == 0
    assert scoring.min_dcf(useless, 0.01) == scoring.min_dcf(useless, 0.05) == pytest.approx(1)


def test_cosine_scores():
    rows = np.array([[3.0, 4.0], [6.0, 8.0], [-4.0, 3.0], [0.0, 0.0]])
    scores = scoring.cosine_scores(rows, np.array([0, 0, 0]), np.array([1, 2, 3]))
    np.testing.assert_allclose(scores, [1, 0, 0], atol=1e-15)
    many = np.random.default_rng(0).normal(size=(50, 8))
    left, right = np.random.default_rng(1).integers(0, 50, size=(2, 150_000))
    unit = many / np.linalg.norm(many, axis=1, keepdims=True)
    np.testing.assert_allclose(scoring.cosine_scores(many, left, right), (unit @ unit.T)[left, right], atol=1e-12)


def made_trials(speakers, utterances, separation, seed):
    """Scores of all pairs of utterances on a speaker axis: (scores, labels, left speaker, right speaker)."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(speakers), utterances)
    voices = rng.normal(size=(speakers, 8))[who] * separation + rng.normal(size=(len(who), 8))
    left, right = np.triu_indices(len(who), 1)
    scores = scoring.cosine_scores(voices, left, right)
    return scores, who[left] == who[right], who[left], who[right]


def test_interval_holds_the_estimate_and_shrinks_with_more_speakers():
    few, many = (made_trials(n, 4, 1.5, seed=3) for n in (12, 100))
    widths = []
    for made in (few, many):
        result = scoring.evaluate(*made)
        low, high = result.eer_ci95
        assert low <= result.eer <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 1.5
    assert scoring.eer_interval(*few, seed=0) == scoring.eer_interval(*few, seed=0)


def test_interval_covers_the_truth():
    """The EER of a huge test set lies in about 95 % of small sets' intervals; 75 % is far outside chance."""
    truth = scoring.equal_error_rate(scoring.curve(*made_trials(400, 4, 1.2, seed=99)[:2]))
    hits = 0
    for seed in range(40):
        low, high = scoring.eer_interval(*made_trials(20, 4, 1.2, seed), resamples=200)
        hits += low <= truth <= high
    assert hits >= 30


def test_resampling_equals_repeating_trials():
    """A weighted resample is the curve of a list in which every trial really is repeated."""
    scores, labels, left, right = made_trials(5, 3, 1.0, seed=1)
    copies = np.array([2, 0, 1, 1, 1])
    order, ends = scoring._sorted_groups(scores)
    rate = scoring._resampled(labels[order], left[order], right[order], ends, copies[None])[0]
    times = np.where(left == right, copies[left], copies[left] * copies[right])
    repeated = scoring.curve(np.repeat(scores, times), np.repeat(labels, times))
    assert rate == pytest.approx(scoring.equal_error_rate(repeated))


def test_adaptive_snorm_equals_brute_force():
    rng = np.random.default_rng(2)
    rows, cohort = rng.normal(size=(6, 4)), rng.normal(size=(9, 4))
    left, right = np.triu_indices(6, 1)
    got = scoring.adaptive_snorm(rows, cohort, left, right, top=3)
    for score, i, j in zip(got, left, right, strict=True):
        cosine = rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j])
        sides = []
        for x in (rows[i], rows[j]):
            close = sorted(c @ x / np.linalg.norm(c) / np.linalg.norm(x) for c in cohort)[-3:]
            sides.append((cosine - np.mean(close)) / np.std(close))
        assert score == pytest.approx(np.mean(sides))
    assert np.isfinite(scoring.adaptive_snorm(rows, np.ones((5, 4)), left, right)).all()  # a cohort of one direction
    with pytest.raises(InputError, match="cohort of two"):
        scoring.adaptive_snorm(rows, cohort[:1], left, right)


def test_adaptive_snorm_repairs_a_group_of_its_own_level():
    """Speakers of one group resemble one another, so one threshold does not fit both; the cohort shows the level."""
    rng = np.random.default_rng(5)
    who = np.repeat(np.arange(40), 4)
    offset = 5.0 * np.eye(16)[0]
    voices = rng.normal(size=(40, 16))[who] + 0.5 * rng.normal(size=(len(who), 16)) + offset * (who % 2)[:, None]
    cohort = rng.normal(size=(200, 16)) + offset * (np.arange(200) % 2)[:, None]
    left, right = np.triu_indices(len(who), 1)
    within = who[left] % 2 == who[right] % 2
    left, right = left[within], right[within]
    labels = who[left] == who[right]
    plain, normalised = (
        scoring.equal_error_rate(scoring.curve(scores, labels))
        for scores in (
            scoring.cosine_scores(voices, left, right),
            scoring.adaptive_snorm(voices, cohort, left, right, top=50),
        )
    )
    assert normalised < 0.5 * plain


def test_paired_difference_is_narrower_than_the_intervals():
    """Two systems that share their errors: each is uncertain, their difference is not."""
    scores, labels, left, right = made_trials(20, 4, 1.2, seed=7)
    noisy = scores + 0.05 * np.random.default_rng(0).normal(size=len(scores))
    one, other = (scoring.evaluate(s, labels, left, right) for s in (scores, noisy))
    difference, low, high = one.difference(other)
    assert difference == one.eer - other.eer and low <= difference <= high
    assert high - low < 0.5 * (one.eer_ci95[1] - one.eer_ci95[0])
    assert one.difference(one) == (0, 0, 0)


def test_json_is_the_documented_schema():
    found = scoring.evaluate(*made_trials(6, 3, 1.0, seed=1)).to_json()
    assert set(found) == {"eer", "min_dcf", "targets", "nontargets", "eer_ci95"}
    assert set(found["min_dcf"]) == {"0.01", "0.05"}
    assert found["targets"] == 6 * 3 and found["nontargets"] == 18 * 17 // 2 - 18


@pytest.mark.parametrize("scores, labels", [([1.0, np.nan], [True, False]), ([1.0, 2.0], [True, True])])
def test_refuses(scores, labels):
    with pytest.raises(InputError):
        scoring.curve(np.array(scores), np.array(labels))


def test_refuses_one_speaker():
    scores, labels = np.array([1.0, 2.0]), np.array([True, False])
    with pytest.raises(InputError, match="two speakers"):
        scoring.eer_interval(scores, labels, np.zeros(2, np.int64), np.zeros(2, np.int64))
