"""The demonstration: voices back to back through golden model, emulator, C simulation, cycle simulation and RTL."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsv.design import Design
from hwsv.embed import audio_features, cosine_matrix, feature_spec, fit, host_post
from hwsv.errors import InputError
from hwsv.estimate import estimate
from hwsv.simulator import SimResult, simulate
from hwsv.verify.chain import VerifyResult, verify
from hwsv.verify.inputs import demo_audio
from hwsv.verify.level import Progress

LEVELS = ("golden", "emulator", "csim", "cycle", "rtl")


@dataclass(frozen=True)
class DemoResult:
    """verification: the levels on the voices; simulation: the timing of all of them back to back.

    cosines: ``[N, N]`` of the voices' embeddings. seconds: of audio in the last utterance, which the interval of the
    simulation belongs to.
    """

    design: Design
    wavs: list[Path]
    verification: VerifyResult
    simulation: SimResult
    cosines: NDArray[np.float64]
    seconds: float

    @property
    def embeddings_per_second(self) -> float:
        return self.design.manifest.board.clock_hz / self.simulation.timing.interval

    @property
    def real_time(self) -> float:
        """Seconds of audio per second of the accelerator."""
        return self.embeddings_per_second * self.seconds

    def speed_line(self) -> str:
        return (
            f"throughput at {self.design.manifest.board.clock_mhz:g} MHz: "
            f"{self.embeddings_per_second:,.1f} embeddings/s, {self.real_time:,.0f} x real time "
            f"({self.seconds:.1f} s of speech each)"
        )

    def cosine_line(self) -> str:
        pairs = [
            f"{a.stem} and {b.stem}: {self.cosines[i, j]:+.3f}"
            for i, a in enumerate(self.wavs)
            for j, b in enumerate(self.wavs[:i])
        ]
        return f"cosine of the voices: {'; '.join(pairs) or 'one voice only'}"

    def to_json(self) -> dict[str, Any]:
        found, timing = estimate(self.design.graph, self.design.manifest.board), self.simulation.timing
        return self.verification.to_json() | {
            "wavs": [str(path) for path in self.wavs],
            "cosines": self.cosines.tolist(),
            "latency_cycles": timing.latency,
            "interval_cycles": timing.interval,
            "embeddings_per_second": self.embeddings_per_second,
            "real_time": self.real_time,
            "lut": found.lut,
            "bram_kbit": found.bram_kbit,
            "memory": found.memory,
        }


def demo(design: Design, wavs: Sequence[Path], progress: Progress | None = None) -> DemoResult:
    """Run `LEVELS` on the recordings (without any: two bundled ones) back to back. Raises InputError."""
    paths = list(wavs) or demo_audio()[:2]
    if not paths:
        raise InputError("no recordings: give WAV files")
    spec = feature_spec(design)
    features = audio_features(design, paths)
    inputs = [fit(design, array, str(path)) for array, path in zip(features, paths, strict=True)]
    verification = verify(design, LEVELS, inputs, progress=progress, inside=len(inputs))
    embeddings = np.stack(verification.embeddings["emulator"])
    return DemoResult(
        design=design,
        wavs=paths,
        verification=verification,
        simulation=simulate(design, frames=[len(x) for x in inputs]),
        cosines=cosine_matrix(host_post(design, embeddings)),
        seconds=len(inputs[-1]) * spec.hop_ms / 1e3,
    )
