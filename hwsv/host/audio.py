"""Audio files to mono float32 samples at one rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

from hwsv.errors import InputError

MAX_SECONDS = 3600.0
"""Longest accepted recording, in seconds: a bound on memory, not on the network."""

MIN_SECONDS = 0.025
"""Shortest accepted recording, in seconds: one feature frame."""

_BLOCK = 1 << 16


def load_audio(path: str | Path, rate: int = 16000) -> np.ndarray:
    """Read WAV, FLAC, Opus, ... as mono (mean of the channels), resampled to ``rate`` Hz.

    Returns float32 ``[samples]`` in about -1..1. Everything that is not usable speech audio (missing, not audio,
    empty, too short or too long, non-finite, digital silence) raises `InputError` with one line naming the file.
    """
    mono, file_rate = _read_mono(Path(path))
    seconds = len(mono) / file_rate
    if len(mono) == 0:
        raise InputError(f"{path}: the audio is empty")
    if seconds < MIN_SECONDS:
        raise InputError(f"{path}: too short ({seconds * 1e3:.1f} ms), at least {MIN_SECONDS * 1e3:g} ms are needed")
    if not np.isfinite(mono).all():
        raise InputError(f"{path}: contains non-finite samples (NaN or infinity)")
    if not mono.any():
        raise InputError(f"{path}: contains digital silence only")
    if file_rate != rate:
        mono = soxr.resample(mono, file_rate, rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def _read_mono(path: Path) -> tuple[np.ndarray, int]:
    """Mean over channels, read in blocks so that memory follows the length and not the channel count."""
    if not path.is_file():
        raise InputError(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MAX_SECONDS * file.samplerate:
                hours = file.frames / file.samplerate / 3600
                raise InputError(f"{path}: too long ({hours:.1f} h), at most {MAX_SECONDS / 3600:g} h is accepted")
            blocks = [block.mean(axis=1) for block in file.blocks(_BLOCK, dtype="float32", always_2d=True)]
            file_rate = file.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).splitlines()[0].removeprefix(f"Error opening {str(path)!r}: ")
        raise InputError(f"{path}: not readable as audio ({reason})") from error
    return np.concatenate([*blocks, np.empty(0, np.float32)]), file_rate
