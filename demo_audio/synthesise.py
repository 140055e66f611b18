"""Makes the demo recordings beside this file: invented syllables of two invented speakers, no human voice in them.

Source-filter synthesis (Fant 1960; Klatt 1980): a train of glottal pulses with a pitch contour, plus noise, through a
cascade of formant resonators. A speaker is a pitch and a length of the vocal tract, which scales all formants.

    python demo_audio/synthesise.py
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import lfilter

RATE = 16000
BLOCK = 80
"""Samples between updates of the filters: 5 ms."""

# First three formants of some vowels, in Hz, of a tract of standard length (Peterson and Barney 1952, men)
VOWELS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
HIGHER = (3500, 4500)
BANDWIDTHS = (70, 90, 130, 200, 280)


@dataclass(frozen=True)
class Voice:
    """pitch in Hz; tract: length relative to the standard; breath: noise in the source; tilt: pole of its low-pass."""

    pitch: float
    tract: float
    breath: float
    tilt: float


LOW = Voice(pitch=108, tract=1.04, breath=0.02, tilt=0.93)
HIGH = Voice(pitch=205, tract=0.86, breath=0.05, tilt=0.86)

# Syllables: consonant (s: noise, "-": pause, anything else: a dip) and vowel
PHRASES = {
    "1_low_voice": (LOW, "ma si lo ne - ta ru sa mi"),
    "2_high_voice": (HIGH, "no sa re mi - lu ta si mo ra"),
    "3_low_voice": (LOW, "re tu sa no - mi la so"),
}
SYLLABLE = 0.26
"""Seconds."""


def synthesise(voice: Voice, phrase: str, seed: int) -> np.ndarray:
    """float64 samples in -1..1 at `RATE`."""
    rng = np.random.default_rng(seed)
    tracks = [_syllable(text, rng) for text in phrase.split()]
    formants, voiced, noise = (np.concatenate([track[i] for track in tracks]) for i in range(3))
    formants = _smooth(formants, 9) / voice.tract
    voiced, noise = _smooth(voiced, 7), _smooth(noise, 7)
    source = _glottis(voice, voiced, rng)
    out = _filter(source, formants)
    hiss = lfilter([1, -0.95], [1, 0.6], rng.standard_normal(len(out)))
    out += 0.04 * np.abs(out).max() * hiss * np.repeat(noise, BLOCK)
    out += 1e-4 * np.abs(out).max() * rng.standard_normal(len(out))
    return 0.5 * out / np.abs(out).max()


def _syllable(text: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Formants [blocks, 5], voicing [blocks] and frication [blocks] of one syllable."""
    blocks = round(SYLLABLE * RATE / BLOCK * rng.uniform(0.85, 1.15))
    onset = round(blocks * rng.uniform(0.25, 0.35))
    voiced, noise = np.ones(blocks), np.zeros(blocks)
    if text == "-":
        return np.tile([*VOWELS["e"], *HIGHER], (blocks, 1)).astype(float), 0 * voiced, noise
    consonant, vowel = text
    voiced[:onset] = 0.0 if consonant in "st" else 0.25
    noise[: onset if consonant == "s" else onset // 4] = float(consonant in "st")
    target = np.array([*VOWELS[vowel], *HIGHER]) * rng.uniform(0.97, 1.03, 5)
    locus = np.array([300, 1500, 2500, *HIGHER])  # where the tongue comes from
    formants = np.tile(target, (blocks, 1))
    formants[:onset] = 0.5 * (locus + target)
    return formants, voiced, noise


def _glottis(voice: Voice, voiced: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rosenberg pulses (JASA 1971), differentiated, with a falling, slightly irregular pitch."""
    n = len(voiced) * BLOCK
    time = np.arange(n) / RATE
    contour = voice.pitch * (1.12 - 0.22 * time / time[-1]) * (1 + 0.05 * np.sin(2 * np.pi * 2.3 * time))
    jitter = np.repeat(_smooth(rng.standard_normal(len(voiced)), 5), BLOCK)
    phase = np.cumsum(contour * (1 + 0.01 * jitter)) / RATE % 1
    rise, fall = 0.4, 0.16
    opening = 0.5 * (1 - np.cos(np.pi * phase / rise))
    closing = np.cos(0.5 * np.pi * (phase - rise) / fall)
    pulse = np.where(phase < rise, opening, np.where(phase < rise + fall, closing, 0.0))
    flow = np.diff(pulse, prepend=0.0) + voice.breath * pulse * rng.standard_normal(n) * 0.1
    tilted = lfilter([1 - voice.tilt * 0.5], [1, -voice.tilt * 0.5], flow)
    return tilted * np.repeat(voiced, BLOCK)


def _filter(source: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """The cascade of two-pole resonators, whose coefficients change every block."""
    out = source.reshape(len(formants), BLOCK).copy()
    for number, bandwidth in enumerate(BANDWIDTHS):
        state = np.zeros(2)
        radius = np.exp(-np.pi * bandwidth / RATE)
        for block, frequency in enumerate(formants[:, number]):
            a = [1, -2 * radius * np.cos(2 * np.pi * frequency / RATE), radius**2]
            out[block], state = lfilter([sum(a)], a, out[block], zi=state)
    return out.reshape(-1)


def _smooth(track: np.ndarray, width: int) -> np.ndarray:
    """Moving average along time."""
    padded = np.pad(track, [(width // 2, width // 2)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=0).mean(axis=-1)


if __name__ == "__main__":
    for seed, (name, (voice, phrase)) in enumerate(PHRASES.items()):
        path = Path(__file__).parent / f"{name}.wav"
        soundfile.write(path, synthesise(voice, phrase, seed), RATE, subtype="PCM_16")
        print(path.name, path.stat().st_size, "bytes")
