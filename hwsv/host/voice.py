"""A voice as a unit vector: what enrolment, checks and calibration compare by cosine."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydantic
from numpy.typing import NDArray

from hwsv.design import Design
from hwsv.embed import audio_features, embed, feature_spec, fit, host_post
from hwsv.errors import InputError
from hwsv.verify.level import Options, Progress

MIN_SECONDS = 0.5
"""Shortest recording that a claim or an enrolment is based on: less holds hardly a syllable."""

Float = NDArray[np.float64]


class Identity(pydantic.BaseModel, extra="forbid", frozen=True):
    """What made an embedding; SHA-256 in hex.

    `design`: the folded unit graph. `model`: the model file that was compiled (``sha256sum model.onnx``); it does not
    change with folding or board, and covers the host steps after the accelerator. `features`: how audio became the
    network's input.
    """

    design: str
    model: str
    features: str

    @classmethod
    def of(cls, design: Design) -> "Identity":
        """Raises InputError for a design without audio."""
        features = hashlib.sha256(feature_spec(design).model_dump_json().encode()).hexdigest()
        return cls(design=design.manifest.hash, model=design.manifest.model_sha256, features=features)


def voices(
    design: Design,
    paths: Sequence[Path],
    level: str = "emulator",
    progress: Progress | None = None,
    options: Options | None = None,
) -> Float:
    """Unit vectors ``[N, E]`` of recordings: embeddings by one level of the chain, after the host steps.

    Raises InputError that names the file for audio that is broken, silent, shorter than `MIN_SECONDS` or without any
    change in it.
    """
    features = audio_features(design, paths, progress=progress)
    for path, array in zip(paths, features, strict=True):
        seconds = len(array) * feature_spec(design).hop_ms / 1e3
        if seconds < MIN_SECONDS:
            raise InputError(f"{path}: {seconds:.2f} s are too short to tell a voice, {MIN_SECONDS:g} s are needed")
        if not array.any():  # each mel bin is constant: a tone, hum or offset
            raise InputError(f"{path}: nothing changes in it, so there is no voice to tell")
    inputs = [fit(design, array, str(path)) for path, array in zip(paths, features, strict=True)]
    rows = host_post(design, embed(design, inputs, level, options, progress))
    return np.stack([unit(row, str(path)) for row, path in zip(rows, paths, strict=True)])


def unit(vector: NDArray[np.floating], name: str) -> Float:
    """`vector` ``[E]`` at length 1; an InputError that starts with `name` for one that has no direction."""
    wide = vector.astype(np.float64)
    length = np.linalg.norm(wide)
    if not 0 < length < np.inf:
        raise InputError(f"{name}: its embedding has no direction (all zero, or not finite)")
    return wide / length


def mean_voice(rows: Float) -> Float:
    """The model of a speaker ``[E]``: the mean of unit vectors ``[N, E]``, at length 1."""
    return unit(rows.mean(axis=0), "the mean of the recordings")
