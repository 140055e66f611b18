"""The trivial control: mean and standard deviation of MFCCs. A network that does not beat it has learnt nothing."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
from numpy.typing import NDArray

from hwsv.host.audio import load_audio

RATE = 16000
"""Hz."""


def mfcc(audio: NDArray[np.float32], coefficients: int = 20, mels: int = 40) -> NDArray[np.float32]:
    """Kaldi's MFCCs ``[T, coefficients]`` of 16 kHz samples ``[n]`` in -1..1, no dither, no normalisation."""
    options = knf.MfccOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = mels
    options.num_ceps = coefficients
    options.use_energy = False
    front = knf.OnlineMfcc(options)
    front.accept_waveform(RATE, audio * np.float32(32768))
    front.input_finished()
    return np.stack([front.get_frame(i) for i in range(front.num_frames_ready)])


def control_embedding(path: str | Path) -> NDArray[np.float32]:
    """Mean and standard deviation of the MFCCs of one file."""
    frames = mfcc(load_audio(path, RATE))
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def control_embeddings(paths: Sequence[str | Path], jobs: int | None = None) -> Iterable[NDArray[np.float32]]:
    """`control_embedding` of many files, in order, as they are done; decoding and MFCCs release the GIL."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(control_embedding, paths)
