"""Log-mel features: the int8 array at which exactness starts.

The filter bank is Kaldi's (https://kaldi-asr.org/doc/feat.html) as implemented by kaldi-native-fbank. Float FFTs
differ between machines, so an int8 array is what the levels of ``hwsv verify`` share, saved and hashed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from hwsv.errors import InputError
from hwsv.host.audio import load_audio


class FeatureSpec(BaseModel):
    """What the network hears; travels as JSON in the ONNX metadata entry ``hwsv.features``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int = Field(default=16000, ge=8000, le=48000, description="Hz")
    n_mels: int = Field(default=40, ge=8, le=128)
    frame_ms: float = Field(default=25.0, ge=5, le=100)
    hop_ms: float = Field(default=10.0, ge=1, le=100)
    low_hz: float = Field(default=60.0, ge=0)
    high_hz: float = Field(default=7600.0, gt=0)
    scale: float = Field(default=1 / 16, gt=0, description="log-mel units (nepers of power) of one integer step")
    bits: int = Field(default=8, ge=2, le=8, description="width of the signed integer features")


def log_mel(audio: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Log mel power of float32 samples ``[n]`` in -1..1, as float32 ``[T, n_mels]``, not normalised.

    Only whole frames count (Kaldi's ``snip_edges``): T = 1 + (n - frame) // hop. Dither is off, so this is
    deterministic on one machine.
    """
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = spec.sample_rate
    options.frame_opts.frame_length_ms = spec.frame_ms
    options.frame_opts.frame_shift_ms = spec.hop_ms
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = spec.n_mels
    options.mel_opts.low_freq = spec.low_hz
    options.mel_opts.high_freq = spec.high_hz
    fbank = knf.OnlineFbank(options)
    # 16-bit sample values, as Kaldi expects: its energy floor lies below one least significant bit.
    fbank.accept_waveform(spec.sample_rate, audio.astype(np.float32) * np.float32(32768))
    fbank.input_finished()
    if fbank.num_frames_ready == 0:
        raise InputError(f"audio of {len(audio)} samples is shorter than one frame of {spec.frame_ms:g} ms")
    return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])


def quantise(log_mels: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Subtract each mel bin's mean over the utterance, divide by the scale, round half to even, saturate.

    Returns int8 ``[T, F]``.
    """
    centred = log_mels - log_mels.mean(axis=0, dtype=np.float64)
    top = 2 ** (spec.bits - 1) - 1
    return np.clip(np.rint(centred / spec.scale), -top - 1, top).astype(np.int8)


def log_mel_int8(audio: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """The network's input for float32 samples ``[n]``: int8 ``[T, n_mels]``, each step worth ``spec.scale``."""
    return quantise(log_mel(audio, spec), spec)


def extract(path: str | Path, spec: FeatureSpec) -> np.ndarray:
    """Features of one audio file, int8 ``[T, n_mels]``."""
    return log_mel_int8(load_audio(path, spec.sample_rate), spec)


def features_hash(features: np.ndarray) -> str:
    """SHA-256 (hex) of shape, type and values of a feature array: what two machines compare before embeddings."""
    if features.dtype != np.int8 or features.ndim != 2:
        raise InputError(f"features must be int8 [T, F], got {features.dtype} {list(features.shape)}")
    return hashlib.sha256(f"int8 {features.shape} ".encode() + np.ascontiguousarray(features).tobytes()).hexdigest()


def extract_many(
    paths: Sequence[str | Path],
    spec: FeatureSpec,
    cache: str | Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[np.ndarray]:
    """`extract` for many files, in order. Threads suffice: decoding, resampling and the filter bank release the GIL.

    With ``cache`` (a folder), features are kept there under a name that depends on the file's path, size, time of
    change and the spec; a second call only reads them. progress: called with (files done, files).
    """
    folder = Path(cache) if cache is not None else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        results = []
        for features in pool.map(lambda path: _extract_cached(Path(path), spec, folder), paths):
            results.append(features)
            if progress:
                progress(len(results), len(paths))
        return results


def _extract_cached(path: Path, spec: FeatureSpec, folder: Path | None) -> np.ndarray:
    if folder is None or not path.is_file():
        return extract(path, spec)
    stat = path.stat()
    key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns} {spec.model_dump_json()}"
    entry = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    if entry.exists():
        return np.load(entry)
    features = extract(path, spec)
    # Written under another name first: a killed run leaves no half file behind.
    partial = entry.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.save(file, features)
    partial.replace(entry)
    return features
