"""A tiny corpus of synthetic voices and a recipe that trains on it in seconds."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

# Tiny networks: threads would only wait for each other, above all on a busy machine.
torch.set_num_threads(1)

RATE = 16000
SPEAKERS, UTTERANCES = 6, 4


def voice(speaker: int, utterance: int, seconds: float = 1.2) -> np.ndarray:
    """A harmonic tone with a speaker's pitch and spectral tilt, and an utterance's melody: float32 [n]."""
    rng = np.random.default_rng([speaker, utterance])
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = (90 + 35 * speaker) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(1, 4) * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = sum(np.sin(k * phase) / k ** (0.6 + 0.2 * speaker) for k in range(1, 20))
    return (0.1 * tone + 0.003 * rng.standard_normal(len(time))).astype(np.float32)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root: ``audio/`` and ``lists/all.utt2spk``."""
    root = tmp_path_factory.mktemp("corpus")
    lines = []
    for speaker in range(SPEAKERS):
        (root / "audio" / f"s{speaker}").mkdir(parents=True)
        for utterance in range(UTTERANCES):
            name = f"s{speaker}/{utterance}.wav"
            soundfile.write(root / "audio" / name, voice(speaker, utterance), RATE)
            lines.append(f"{name} s{speaker}\n")
    (root / "lists").mkdir()
    (root / "lists" / "all.utt2spk").write_text("".join(lines))
    return root


def recipe_values(steps: int = 24) -> dict:
    """A recipe's content; change and dump it."""
    stage = {"steps": steps, "batch": 16, "lr": 5e-3, "warmup": 2, "evaluate_every": 8}
    return {
        "name": "tiny",
        "seed": 3,
        "network": {"channels": 4, "blocks": [1, 1], "embedding": 8},
        "data": {
            "train": {"lists/all.utt2spk": 1.0},
            "heldout_from": "lists/all.utt2spk",
            "heldout_speakers": 2,
            "speeds": [1.0],
            "crop_frames": 48,
        },
        "float_twin": stage,
        "binary": {**stage, "distil": 10},
        "refinement": {**stage, "distil": 10, "lr": 1e-3},
    }


def write_recipe(folder: Path, values: dict) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    return path
