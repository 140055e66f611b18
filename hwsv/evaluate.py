"""Error rates of what a design computes, beside its float twin and the MFCC control, on trial lists."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv.design import Design
from hwsv.embed import audio_features, embed, feature_spec, fit, host_post, open_onnx
from hwsv.errors import InputError
from hwsv.host import scoring
from hwsv.host.mfcc_control import control_embeddings
from hwsv.host.scoring import Result
from hwsv.host.trials import Trials, speaker_numbers
from hwsv.verify.level import Progress

FLOAT = "float twin"
CONTROL = "MFCC control"
NORMALISED = ", s-norm"
"""Ending of a system whose scores are normalised by a cohort."""

Embeddings = NDArray[np.floating]


@dataclass(frozen=True)
class Request:
    """What to evaluate: lists, where their audio is, and which systems beside the design at `level`.

    cohort: utterances of voices that occur in no list; with it every network is also scored by adaptive s-norm.
    """

    lists: Sequence[Trials]
    root: Path
    level: str = "emulator"
    float_model: Path | None = None
    control: bool = False
    utt2spk: dict[str, str] | None = None
    cache: Path | None = None
    cohort: Sequence[str] = ()


def evaluate(design: Design, request: Request, progress: Progress | None = None) -> dict[str, dict[str, Result]]:
    """List name -> system (level, `FLOAT`, `CONTROL`, the first two also `NORMALISED`) -> figures.

    Every utterance is heard once, for all lists. Raises InputError for audio that is missing or broken, naming list
    and line, and for a cohort that shares utterances with a list.
    """
    utterances = list(dict.fromkeys(u for trials in request.lists for u in trials.utterances))
    _check_present(request.lists, request.root)
    _check_cohort(request.cohort, utterances, request.root)
    paths = [request.root / utterance for utterance in [*utterances, *request.cohort]]
    speakers = [speaker_numbers(trials, request.utt2spk) for trials in request.lists]
    number = {utterance: i for i, utterance in enumerate(utterances)}
    rows = [np.array([number[u] for u in trials.utterances]) for trials in request.lists]
    results: dict[str, dict[str, Result]] = {trials.name: {} for trials in request.lists}
    for system, embeddings in _systems(design, request, paths, progress):
        for trials, speaker, row in zip(request.lists, speakers, rows, strict=True):
            vectors = embeddings[row]
            if system == CONTROL:  # their common offset would swamp a cosine: the control is given each list's mean
                vectors = vectors - vectors.mean(axis=0)
            ends = speaker[trials.left], speaker[trials.right]
            scores = scoring.cosine_scores(vectors, trials.left, trials.right)
            results[trials.name][system] = scoring.evaluate(scores, trials.labels, *ends)
            if request.cohort and system != CONTROL:
                scores = scoring.adaptive_snorm(vectors, embeddings[len(utterances) :], trials.left, trials.right)
                results[trials.name][system + NORMALISED] = scoring.evaluate(scores, trials.labels, *ends)
    return results


def _systems(
    design: Design, request: Request, paths: Sequence[Path], progress: Progress | None
) -> Iterator[tuple[str, Embeddings]]:
    """(name, embeddings [N, E] that are compared by cosine) of each system."""
    features = audio_features(design, paths, request.cache, progress)
    inputs = [fit(design, array, str(path)) for path, array in zip(paths, features, strict=True)]
    yield request.level, host_post(design, embed(design, inputs, request.level, progress=progress))
    if request.float_model is not None:
        scale = feature_spec(design).scale
        yield FLOAT, _collect(float_embeddings(request.float_model, features, scale), FLOAT, len(paths), progress)
    if request.control:
        yield CONTROL, _collect(control_embeddings(paths), CONTROL, len(paths), progress)


def float_embeddings(model: Path, features: Sequence[NDArray[np.int8]], scale: float) -> Iterator[NDArray[np.float32]]:
    """Embeddings ``[E]`` of a float ONNX model (input float32 ``[1, 1, T, F]`` = features * scale) by onnxruntime."""
    session = open_onnx(model)
    name = session.get_inputs()[0].name

    def run(array: NDArray[np.int8]) -> NDArray[np.float32]:
        return session.run(None, {name: (array.astype(np.float32) * np.float32(scale))[None, None]})[0].reshape(-1)

    try:
        with ThreadPoolExecutor() as pool:
            yield from pool.map(run, features)
    except Exception as error:  # onnxruntime raises a dozen own types
        raise InputError(f"{model}: cannot run on these features: {str(error).splitlines()[0]}") from error


def _collect(rows: Iterable[NDArray[np.float32]], name: str, total: int, progress: Progress | None) -> Embeddings:
    found = []
    for row in rows:
        found.append(row)
        if progress:
            progress(name, len(found), total)
    return np.stack(found)


def _check_present(lists: Sequence[Trials], root: Path) -> None:
    """Missing audio is found before hours of work, and named with the line that asks for it."""
    if not root.is_dir():
        raise InputError(f"{root}: no such audio folder")
    names = [trials.name for trials in lists]
    if len(set(names)) != len(names):
        raise InputError(f"two trial lists have the same name: {', '.join(names)}")
    for trials in lists:
        for utterance in trials.utterances:
            if not (root / utterance).is_file():
                raise InputError(f"{trials.path}:{trials.line_of(utterance)}: no such audio file: {root / utterance}")


def _check_cohort(cohort: Sequence[str], utterances: Sequence[str], root: Path) -> None:
    if shared := set(cohort) & set(utterances):
        raise InputError(f"{min(shared)} is in the cohort and in a trial list; a cohort holds other speakers")
    if missing := next((u for u in cohort if not (root / u).is_file()), None):
        raise InputError(f"cohort: no such audio file: {root / missing}")
