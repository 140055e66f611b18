"""The threshold of a decision, from speakers that the network was not trained on.

Trials are those of use: a speaker's model from several recordings against single other recordings. A calibration
belongs to a *model file* (its SHA-256), not to a design: every folding and board computes the same embeddings, so one
calibration can be shipped beside the model (``nano.onnx``, ``nano.calibration.json``) and serves all its designs.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.host import scoring
from hwsv.host.speakers import now
from hwsv.host.voice import Float, Identity, mean_voice, voices
from hwsv.verify.level import Progress

CALIBRATION = "calibration.json"
"""Its name in a design folder."""


class Calibration(pydantic.BaseModel, extra="forbid", frozen=True):
    """A threshold and how it was obtained; rates are fractions.

    `rule`: ``eer`` (equal error rates) or ``far`` (at most `wanted_false_accepts`). `recordings`: of each model.
    `false_accepts` and `false_rejects`: at `threshold`, on the calibration trials.
    """

    format: Literal[1] = 1
    model: str
    features: str
    threshold: pydantic.FiniteFloat
    rule: Literal["eer", "far"]
    wanted_false_accepts: float | None
    false_accepts: float
    false_rejects: float
    eer: float
    eer_ci95: tuple[float, float]
    targets: int
    nontargets: int
    speakers: int
    utterances: int
    recordings: int
    source: str
    level: str
    date: str


def calibrate(
    design: Design,
    root: Path,
    utt2spk: dict[str, str],
    source: str,
    recordings: int = 3,
    far: float | None = None,
    level: str = "emulator",
    progress: Progress | None = None,
) -> Calibration:
    """A threshold from the utterances (paths under `root`) of `utt2spk`, at the EER or at a false-accept rate `far`.

    `source` says in words which utterances these are. Raises InputError.
    """
    if recordings < 1:
        raise InputError(f"--recordings must be at least 1, not {recordings}")
    if far is not None and not 0 < far < 1:
        raise InputError(f"--far is a rate between 0 and 1, such as 0.01, not {far:g}")
    names, speakers = np.unique(list(utt2spk.values()), return_inverse=True)
    _check_enough(speakers, recordings, source)
    identity = Identity.of(design)
    rows = voices(design, [root / utterance for utterance in utt2spk], level, progress)
    scores, labels, left, right = enrolment_trials(rows, speakers, recordings)
    threshold, misses, alarms = operating_point(scores, labels, far)
    result = scoring.evaluate(scores, labels, left, right)
    return Calibration(
        model=identity.model,
        features=identity.features,
        threshold=threshold,
        rule="eer" if far is None else "far",
        wanted_false_accepts=far,
        false_accepts=alarms,
        false_rejects=misses,
        eer=result.eer,
        eer_ci95=result.eer_ci95,
        targets=result.targets,
        nontargets=result.nontargets,
        speakers=len(names),
        utterances=len(utt2spk),
        recordings=recordings,
        source=source,
        level=level,
        date=now(),
    )


def enrolment_trials(
    rows: Float, speakers: NDArray[np.int64], recordings: int
) -> tuple[Float, NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """(scores, labels, model's speaker, claimant's speaker) ``[trials]`` of unit vectors ``[N, E]``.

    Every speaker's utterances make as many models of `recordings` utterances as there are, in their order. Each model
    is claimed by every utterance that is not in it.
    """
    members = []
    for speaker in np.unique(speakers):
        mine = np.flatnonzero(speakers == speaker)
        members += [mine[i : i + recordings] for i in range(0, len(mine) - recordings + 1, recordings)]
    models = np.stack([mean_voice(rows[member]) for member in members])
    owner = np.array([speakers[member[0]] for member in members])
    outside = np.ones((len(models), len(rows)), dtype=bool)
    for number, member in enumerate(members):
        outside[number, member] = False
    model, claimant = np.nonzero(outside)
    left, right = owner[model], speakers[claimant]
    return (models @ rows.T)[outside], left == right, left, right


def operating_point(scores: Float, labels: NDArray[np.bool_], far: float | None) -> tuple[float, float, float]:
    """(threshold, miss rate, false-accept rate): where the two rates are nearest, or the lowest with at most `far`.

    The threshold lies in the middle of the gap between scores. Raises InputError for a rate below one trial.
    """
    points = scoring.curve(scores, labels)
    if far is None:
        place = int(np.abs(points.miss - points.alarm).argmin())
    else:
        others = int((~labels).sum())
        if far * others < 1:
            raise InputError(f"--far {far:g} needs at least {np.ceil(1 / far):.0f} false claims, there are {others}")
        place = int(np.flatnonzero(points.alarm <= far + 1e-12)[0])
    steps = np.unique(scores)  # point k of the curve accepts the scores from steps[k] on
    edges = np.concatenate([[steps[0] - 1e-6], (steps[1:] + steps[:-1]) / 2, [steps[-1] + 1e-6]])
    return float(edges[place]), float(points.miss[place]), float(points.alarm[place])


def load(design: Design) -> Calibration:
    """The calibration of `design`; InputError when there is none, or one of another model."""
    path = design.folder / CALIBRATION
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"{design.folder} has no calibrated threshold: run 'hwsv calibrate', or give --threshold"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path}: not a calibration, or damaged; run 'hwsv calibrate' again") from error
    identity = Identity.of(design)
    if (found.model, found.features) != (identity.model, identity.features):
        raise InputError(
            f"{path}: made for another model (SHA-256 {found.model[:12]}, this one is {identity.model[:12]}); "
            "run 'hwsv calibrate', or give --threshold"
        )
    return found


def save(calibration: Calibration, path: Path) -> None:
    """Write `path`, whole or not at all. Raises InputError."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)


def _check_enough(speakers: NDArray[np.int64], recordings: int, source: str) -> None:
    """Both kinds of claim must be possible, and be so before hours of work."""
    counts = np.bincount(speakers)
    if len(counts) < 2 or counts.max() <= recordings:
        raise InputError(
            f"{source}: a calibration needs two speakers or more, and one with more than {recordings} utterances "
            "(see --recordings)"
        )
