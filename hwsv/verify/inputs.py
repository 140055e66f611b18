"""What a verification runs on: audio, saved features, or seeded random features."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsv import datatypes
from hwsv.design import Design
from hwsv.embed import audio_features, fit, load_features
from hwsv.errors import InputError
from hwsv.host.trials import read_utterances
from hwsv.resources import data_folder
from hwsv.units.base import Tensor
from hwsv.verify.level import Progress

DEFAULT_UTTERANCES = 4


@dataclass(frozen=True)
class Source:
    """Where utterances come from; at most one of `wavs`, `features` and (`root`, `listing`)."""

    wavs: Sequence[Path] = ()
    features: Sequence[Path] = ()
    root: Path | None = None
    listing: Path | None = None
    utterances: int | None = None
    seed: int = 0


def load(design: Design, source: Source, progress: Progress | None = None) -> tuple[list[Tensor], str]:
    """(inputs int64 [T, F, C], one line that says what they are). Raises InputError.

    Of a list, `utterances` are taken at equal distances. Without any source: the bundled demo audio (for a network
    with audio), then random features.
    """
    if source.utterances is not None and source.utterances < 1:
        raise InputError(f"--utterances must be at least 1, not {source.utterances}")
    if (source.root is None) != (source.listing is None):
        raise InputError("--root and --list belong together: a folder, and a list of files under it")
    given = [bool(source.wavs), bool(source.features), source.listing is not None]
    if sum(given) > 1:
        raise InputError("give one of --wav, --features and --list")
    if source.features:
        paths = list(source.features)[: source.utterances]
        return [fit(design, load_features(path), str(path)) for path in paths], f"{len(paths)} feature files"
    if source.listing is not None and source.root is not None:
        paths = [source.root / utterance for utterance in _spread(read_utterances(source.listing), source.utterances)]
        return _audio(design, paths, progress), f"{len(paths)} of {source.listing.name}"
    if source.wavs:
        paths = list(source.wavs)[: source.utterances]
        return _audio(design, paths, progress), f"{len(paths)} audio files"
    count = source.utterances or DEFAULT_UTTERANCES
    demo = demo_audio()[:count] if design.manifest.input.features is not None else []
    random = random_features(design, count - len(demo), source.seed)
    return _audio(design, demo, None) + random, f"{len(demo)} demo recordings, {len(random)} random inputs"


def demo_audio() -> list[Path]:
    """The recordings that come with hwsv (made by us, see ``demo_audio/``)."""
    return sorted(data_folder("demo_audio").glob("*.wav"))


def random_features(design: Design, count: int, seed: int = 0) -> list[Tensor]:
    """`count` seeded inputs of mixed lengths, uniform over the input's data type."""
    spec = design.manifest.input
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        shortest = max(spec.frames_min, spec.frames_example // 2)
        frames = spec.frames_fixed or int(rng.integers(shortest, max(shortest, spec.frames_example) + 1))
        found.append(fit(design, random_input(design, frames, rng), f"random input {number}"))
    return found


def random_input(design: Design, frames: int, rng: np.random.Generator) -> Tensor:
    """int64 [frames, F, C], uniform over the input's data type."""
    spec = design.manifest.input
    low, high = datatypes.limits(spec.dtype)
    values = rng.integers(low, high + 1, size=(frames, spec.freq, spec.channels))
    return np.where(values >= 0, 1, -1) if spec.dtype == datatypes.BIPOLAR else values


def _audio(design: Design, paths: Sequence[Path], progress: Progress | None) -> list[Tensor]:
    features = audio_features(design, paths, progress=progress) if paths else []
    return [fit(design, array, str(path)) for array, path in zip(features, paths, strict=True)]


def _spread(items: list[str], count: int | None) -> list[str]:
    """`count` items at equal distances, so that a sorted list gives many speakers."""
    if count is None:
        count = DEFAULT_UTTERANCES
    places = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[i] for i in places]
