"""Training data: Kaldi lists to packed log-mels, held-out speakers, random crops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from rich.progress import track

from hwsv.errors import InputError
from hwsv.host.audio import load_audio
from hwsv.host.features import FeatureSpec, log_mel
from hwsv.host.trials import read_utt2spk
from training.recipe import Recipe

Rows = list[tuple[str, str]]
"""(utterance, speaker); utterances are audio paths."""


def read_rows(path: Path) -> Rows:
    """A Kaldi ``utterance speaker`` list in its order. Raises `InputError`."""
    return list(read_utt2spk(path).items())


def split_heldout(rows: Rows, speakers: int, seed: int) -> tuple[Rows, Rows]:
    """(training rows, held-out rows): a number of speakers drawn by the seed from the sorted speaker names."""
    names = sorted({speaker for _, speaker in rows})
    if speakers >= len(names):
        raise InputError(f"cannot hold out {speakers} of {len(names)} speakers")
    chosen = set(np.random.default_rng([seed, 25]).permutation(names)[:speakers].tolist())
    return [row for row in rows if row[1] not in chosen], [row for row in rows if row[1] in chosen]


@dataclass(frozen=True)
class Packed:
    """Log-mels of many utterances end to end.

    Attributes:
        frames: float16 ``[sum of T, n_mels]``, not normalised.
        starts: int64 ``[utterances + 1]``, first frame of each.
    """

    frames: np.ndarray
    starts: np.ndarray


def pack(root: Path, utterances: Sequence[str], speed: float, spec: FeatureSpec, cache: Path, label: str) -> Packed:
    """Log-mels at one speed (pitch moves with it), computed once and kept in ``cache``."""
    key = json.dumps([list(utterances), speed, spec.model_dump()])
    entry = cache / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    if entry.exists():
        with np.load(entry) as stored:
            return Packed(stored["frames"], stored["starts"])

    def one(utterance: str) -> np.ndarray:
        audio = load_audio(root / utterance, spec.sample_rate)
        if speed != 1:
            audio = soxr.resample(audio, spec.sample_rate * speed, spec.sample_rate)
        return log_mel(audio, spec).astype(np.float16)

    with ThreadPoolExecutor() as pool:
        mels = list(track(pool.map(one, utterances), f"features {label} x{speed:g}", total=len(utterances)))
    packed = Packed(np.concatenate(mels), np.cumsum([0] + [len(mel) for mel in mels]))
    cache.mkdir(parents=True, exist_ok=True)
    partial = entry.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, frames=packed.frames, starts=packed.starts)
    partial.replace(entry)
    return packed


class Crops:
    """Random crops of the training lists; every speed of a speaker is a class of its own."""

    def __init__(self, recipe: Recipe, root: Path, cache: Path) -> None:
        data = recipe.data
        packs: list[np.ndarray] = []
        starts: list[int] = []
        lengths: list[int] = []
        shares: list[float] = []
        self._members: list[np.ndarray] = []
        offset = 0
        for name, share in data.train.items():
            rows = read_rows(root / name)
            if name == data.heldout_from:
                rows, _ = split_heldout(rows, data.heldout_speakers, recipe.seed)
            names = sorted({speaker for _, speaker in rows})
            for speed in data.speeds:
                packed = pack(root / data.audio, [u for u, _ in rows], speed, recipe.features, cache, Path(name).stem)
                first = len(starts)
                starts += (packed.starts[:-1] + offset).tolist()
                lengths += np.diff(packed.starts).tolist()
                packs.append(packed.frames)
                offset += len(packed.frames)
                for speaker in names:
                    self._members.append(np.array([first + i for i, row in enumerate(rows) if row[1] == speaker]))
                    shares.append(share / len(names) / len(data.speeds))
        self._frames = np.concatenate(packs)
        self._starts, self._lengths = np.array(starts), np.array(lengths)
        self._cumulative = np.cumsum(shares) / np.sum(shares)
        self.classes = len(self._members)
        self.crop_frames = data.crop_frames

    def batch(self, rng: np.random.Generator, size: int, frames: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(float32 log-mels ``[size, frames, n_mels]``, int64 classes ``[size]``); the recipe's crop by default."""
        classes = self.draw(rng, size)
        return self.of_classes(rng, classes, frames or self.crop_frames), classes

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Classes by their shares, int64 ``[size]``."""
        return np.searchsorted(self._cumulative, rng.random(size))

    def of_classes(self, rng: np.random.Generator, classes: np.ndarray, frames: int) -> np.ndarray:
        """One random crop of each class in turn, float32 ``[N, frames, n_mels]``; short utterances repeat."""
        picked = np.array([rng.choice(self._members[c]) for c in classes])
        lengths = self._lengths[picked]
        first = (rng.random(len(classes)) * np.maximum(lengths - frames + 1, 1)).astype(np.int64)
        inside = (first[:, None] + np.arange(frames)) % lengths[:, None]
        return self._frames[self._starts[picked][:, None] + inside].astype(np.float32)
