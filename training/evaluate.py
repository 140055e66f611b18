"""Equal error rates of a torch network on full utterances: held-out speakers to choose by, trial lists to report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.signal import fftconvolve, lfilter
from torch import nn

from hwsv.host.audio import load_audio
from hwsv.host.features import log_mel_int8
from hwsv.host.scoring import adaptive_snorm, cosine_scores, curve, equal_error_rate
from hwsv.host.trials import read_trials
from training.data import Rows, read_rows, split_heldout
from training.recipe import Recipe

_NOISY_PER_SPEAKER = 8


def all_pairs_eer(
    embeddings: np.ndarray,
    speakers: Sequence[str],
    phrases: Sequence[str] | None = None,
    cohort: np.ndarray | None = None,
) -> float:
    """EER over every pair of the rows of ``[N, E]``, or of those that say the same phrase; s-norm with a cohort."""
    left, right = np.triu_indices(len(speakers), 1)
    names = np.array(speakers)
    if phrases is not None:
        said = np.array(phrases)
        same = said[left] == said[right]
        left, right = left[same], right[same]
    scores = (
        cosine_scores(embeddings, left, right) if cohort is None else adaptive_snorm(embeddings, cohort, left, right)
    )
    return equal_error_rate(curve(scores, names[left] == names[right]))


def embed(net: nn.Module, features: Sequence[np.ndarray], scale: float) -> np.ndarray:
    """Embeddings ``[N, E]`` of int8 features ``[T, F]``, each utterance as a whole."""
    net.eval()
    with torch.no_grad():
        rows = [net(torch.from_numpy(f.astype(np.float32) * np.float32(scale))[None, None]) for f in features]
    return torch.cat(rows).numpy()


def add_room_and_noise(audio: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A noisy version of float32 samples: random decaying reverberation, then coloured noise at 15-25 dB."""
    rt60 = rng.uniform(0.2, 0.7)
    time = np.arange(int(rt60 * rate)) / rate
    response = rng.standard_normal(len(time)) * 10 ** (-3 * time / rt60) * rng.uniform(0.02, 0.06)
    response[0] = 1.0
    wet = fftconvolve(audio, response)[: len(audio)]
    noise = lfilter([1.0], [1.0, -rng.uniform(0.0, 0.95)], rng.standard_normal(len(wet)))
    level = np.sqrt(np.mean(wet**2) / np.mean(noise**2)) * 10 ** (-rng.uniform(15, 25) / 20)
    return (wet + level * noise).astype(np.float32)


def phrase(utterance: str) -> str:
    """What is said, by the file's name ``PHRASE_NUMBER.ending``."""
    return Path(utterance).stem.rpartition("_")[0]


@dataclass(frozen=True)
class _Trials:
    """int8 features of utterances, who says them and, where it matters, what."""

    features: list[np.ndarray]
    speakers: list[str]
    phrases: list[str] | None

    def eer(self, net: nn.Module, scale: float, cohort: np.ndarray | None) -> float:
        return all_pairs_eer(embed(net, self.features, scale), self.speakers, self.phrases, cohort)


def _trials(features: list[np.ndarray], rows: Rows, same_phrase: bool) -> _Trials:
    return _Trials(features, [s for _, s in rows], [phrase(u) for u, _ in rows] if same_phrase else None)


class Heldout:
    """The held-out speakers, clean and in a noisy version made here."""

    def __init__(self, recipe: Recipe, root: Path) -> None:
        data, spec = recipe.data, recipe.features
        _, rows = split_heldout(read_rows(root / data.heldout_from), data.heldout_speakers, recipe.seed)
        audio = [load_audio(root / data.audio / utterance, spec.sample_rate) for utterance, _ in rows]
        seen: Counter[str] = Counter()
        noisy, picked = [], []
        for i, (samples, (_, speaker)) in enumerate(zip(audio, rows, strict=True)):
            seen[speaker] += 1
            if seen[speaker] <= _NOISY_PER_SPEAKER:
                rng = np.random.default_rng([recipe.seed, i])
                noisy.append(log_mel_int8(add_room_and_noise(samples, spec.sample_rate, rng), spec))
                picked.append(rows[i])
        self._scale = spec.scale
        clean = [log_mel_int8(samples, spec) for samples in audio]
        self._trials = {
            "clean": _trials(clean, rows, data.same_phrase),
            "noisy": _trials(noisy, picked, data.same_phrase),
        }

    def eer(self, net: nn.Module, cohort: np.ndarray | None = None) -> dict[str, float]:
        """``{"clean": ..., "noisy": ...}``, fractions, over all pairs; s-norm with a cohort's embeddings ``[M, E]``."""
        return {name: trials.eer(net, self._scale, cohort) for name, trials in self._trials.items()}

    def distance(self, net: nn.Module, twin: nn.Module) -> dict[str, float]:
        """Mean of 1 - cosine between the embeddings that two networks give: far less noisy than an EER."""
        return {
            name: float(1 - np.mean(cosine_pairs(*(embed(one, trials.features, self._scale) for one in (net, twin)))))
            for name, trials in self._trials.items()
        }


def cosine_pairs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosines ``[N]`` of the rows of two ``[N, E]``."""
    both = np.concatenate([left, right])
    return cosine_scores(both, np.arange(len(left)), np.arange(len(left), len(both)))


def training_eer(net: nn.Module, recipe: Recipe, root: Path, name: str, same_phrase: bool) -> float:
    """EER over all pairs of the training speakers of list ``name``: against the held-out ones, what is fitted only."""
    data, spec = recipe.data, recipe.features
    rows = read_rows(root / name)
    if name == data.heldout_from:
        rows, _ = split_heldout(rows, data.heldout_speakers, recipe.seed)
    features = [
        log_mel_int8(load_audio(root / data.audio / utterance, spec.sample_rate), spec) for utterance, _ in rows
    ]
    return _trials(features, rows, same_phrase).eer(net, spec.scale, None)


def trials_eer(embed_path: Callable[[str], np.ndarray], trials: Path) -> float:
    """EER on a VoxCeleb-format list; ``embed_path`` gives the embedding of one of its utterances."""
    rows = read_trials(trials)
    embeddings = np.stack([embed_path(utterance) for utterance in rows.utterances])
    return equal_error_rate(curve(cosine_scores(embeddings, rows.left, rows.right), rows.labels))
