"""Log-mel features: shape, scale, normalisation, hash, cache."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwsv.errors import InputError
from hwsv.host.features import FeatureSpec, extract, extract_many, features_hash, log_mel, log_mel_int8

SPEC = FeatureSpec()


def _noise(seconds: float = 1.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    envelope = 1 + np.sin(np.arange(int(seconds * rate)) * 40 / rate)
    return (0.05 * envelope * rng.standard_normal(int(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize(("samples", "frames"), [(400, 1), (559, 1), (560, 2), (16000, 98)])
def test_shape(samples: int, frames: int) -> None:
    features = log_mel_int8(_noise()[:samples], SPEC)
    assert features.dtype == np.int8 and features.shape == (frames, 40)


def test_a_tone_lies_in_its_mel_bin() -> None:
    def mel(hz: float) -> float:
        return 1127 * np.log(1 + hz / 700)

    edges = np.linspace(mel(60), mel(7600), 42)
    time = np.arange(16000) / 16000
    for hz in (300.0, 1000.0, 3000.0):
        loudest = log_mel((0.1 * np.sin(2 * np.pi * hz * time)).astype(np.float32), SPEC).mean(axis=0).argmax()
        assert edges[loudest] <= mel(hz) <= edges[loudest + 2]


def test_gain_and_equalisation_cancel() -> None:
    audio = _noise()
    a, b = log_mel_int8(audio, SPEC), log_mel_int8(audio * np.float32(0.25), SPEC)
    assert np.abs(a.astype(int) - b).max() <= 1
    assert np.abs(a.astype(float).mean(axis=0)).max() < 0.6  # each bin has mean 0, up to rounding


def test_scale_and_saturation() -> None:
    audio = _noise()
    audio[8000:] *= 1e-4  # 18 nepers of power below: beyond int8 at 1/16
    features = log_mel_int8(audio, SPEC)
    assert features.max() == 127 and features.min() == -128
    coarse = log_mel_int8(audio, FeatureSpec(scale=0.5, bits=5))
    assert coarse.max() <= 15 and coarse.min() >= -16


def test_deterministic_and_hashed() -> None:
    a, b = (log_mel_int8(_noise(), SPEC) for _ in range(2))
    assert np.array_equal(a, b) and features_hash(a) == features_hash(b)
    assert features_hash(a[:-1]) != features_hash(a)
    changed = a.copy()
    changed[3, 4] ^= 1
    assert features_hash(changed) != features_hash(a)
    with pytest.raises(InputError):
        features_hash(a.astype(np.int16))


def test_too_short() -> None:
    with pytest.raises(InputError, match="shorter than one frame"):
        log_mel(np.zeros(399, np.float32), SPEC)


def test_stereo_44k(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    time = np.arange(44100) / 44100
    audio = 0.3 * np.sin(2 * np.pi * 200 * time * (1 + time))
    soundfile.write(path, np.stack([audio, audio], axis=1), 44100)
    assert extract(path, SPEC).shape == (98, 40)


def test_extract_many(tmp_path: Path) -> None:
    paths = []
    for seed in range(5):
        paths.append(tmp_path / f"{seed}.wav")
        soundfile.write(paths[-1], _noise(0.3 + 0.1 * seed, seed=seed), 16000)
    expected = [extract(path, SPEC) for path in paths]
    cache = tmp_path / "cache"
    for _ in range(2):
        got = extract_many(paths, SPEC, cache=cache)
        assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))
    assert len(list(cache.iterdir())) == 5
    soundfile.write(paths[0], _noise(0.5, seed=9), 16000)  # a changed file is not taken from the cache
    assert not np.array_equal(extract_many(paths, SPEC, cache=cache)[0], expected[0])
    with pytest.raises(InputError, match=r"gone\.wav"):
        extract_many([tmp_path / "gone.wav"], SPEC, cache=cache)
