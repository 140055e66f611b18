"""Audio files: formats, rates and channels in; one clear line for everything else."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwsv.errors import InputError
from hwsv.host import audio
from hwsv.host.audio import load_audio


def _tone(rate: int, seconds: float = 0.5, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "rate", "kind"),
    [
        ("a.wav", 16000, "PCM_16"),
        ("a.wav", 44100, "PCM_24"),
        ("a.flac", 8000, "PCM_16"),
        ("a.ogg", 48000, "OPUS"),
        ("a.wav", 11025, "FLOAT"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_formats(tmp_path: Path, name: str, rate: int, kind: str, channels: int) -> None:
    path = tmp_path / name
    soundfile.write(path, np.stack([_tone(rate)] * channels, axis=1), rate, subtype=kind)
    samples = load_audio(path)
    assert samples.dtype == np.float32 and abs(len(samples) - 8000) <= 1
    middle = slice(1000, 7000)
    np.testing.assert_allclose(samples[middle], _tone(16000)[: len(samples)][middle], atol=0.03)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    left, right = _tone(16000), _tone(16000, hz=1000)
    soundfile.write(path, np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(path), (left + right) / 2, atol=1e-6)


def _bad_files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name}.wav" for name in ("missing", "text", "nothing", "empty", "short", "nan", "silent")}
    files["text"].write_text("this is not audio\nat all\n")
    files["nothing"].write_bytes(b"")
    soundfile.write(files["empty"], np.zeros(0, np.float32), 16000)
    soundfile.write(files["short"], _tone(16000, 0.02), 16000)
    broken = _tone(16000)
    broken[100] = np.nan
    soundfile.write(files["nan"], broken, 16000, subtype="FLOAT")
    soundfile.write(files["silent"], np.zeros(16000, np.float32), 16000)
    return files | {"folder": folder}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "no such file"),
        ("folder", "not a file"),
        ("text", "not readable as audio"),
        ("nothing", "empty"),
        ("empty", "empty"),
        ("short", "too short"),
        ("nan", "non-finite"),
        ("silent", "silence"),
    ],
)
def test_bad_audio_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    path = _bad_files(tmp_path)[name]
    with pytest.raises(InputError, match=message) as caught:
        load_audio(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, _tone(16000, 1.0), 16000)
    monkeypatch.setattr(audio, "MAX_SECONDS", 0.9)
    with pytest.raises(InputError, match="too long"):
        load_audio(path)
