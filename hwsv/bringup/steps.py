"""The steps of a bring-up, in their order. Each returns what it found, or raises an HwsvError."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hwsv.bringup.program import program as load
from hwsv.bringup.tail import uart_tail
from hwsv.design import Design
from hwsv.embed import audio_features, embed, fit
from hwsv.errors import CheckFailed
from hwsv.host import calibration
from hwsv.host.drivers.driver import Driver, RunResult, open_driver
from hwsv.host.uart_protocol import ESCAPE, FLAG, MAX_PAYLOAD
from hwsv.host.voice import voices as unit_vectors
from hwsv.units.base import Tensor
from hwsv.verify.inputs import demo_audio, random_features, random_input
from hwsv.verify.level import Options

DEMO_SPEAKER, DEMO_OTHER, DEMO_AGAIN = 0, 1, 2
"""Of the bundled recordings: a voice, another one, the first one again with other words."""


@dataclass
class Bench:
    """The board on the desk and what is tried with it.

    divisor: clock cycles a bit of its UART, None where it is connected otherwise. wavs: recordings of the last step
    (the first is enrolled, the others claim to be its speaker), the bundled ones if empty. runs: utterances that the
    throughput is measured with. driver: the connection, once `identify` has opened it.
    """

    design: Design
    port: str
    divisor: int | None
    timeout_s: float
    simulated: bool = False
    load: bool = True
    wavs: Sequence[Path] = ()
    random_utterances: int = 2
    seed: int = 0
    runs: int = 10
    driver: Driver | None = None

    @property
    def connection(self) -> Driver:
        assert self.driver is not None, "identify comes first"
        return self.driver

    def close(self) -> None:
        if self.driver is not None:
            self.driver.close()


@dataclass(frozen=True)
class Found:
    """What a step that did not fail tells: one line, and numbers for programs. skipped: there was nothing to do."""

    message: str
    facts: dict[str, Any] = field(default_factory=dict)
    skipped: bool = False


def program(bench: Bench) -> Found:
    """The bitstream into the FPGA."""
    if bench.simulated:
        return Found("simulated: the model holds its design from the start", skipped=True)
    if not bench.load:
        return Found("--no-program: the board holds its design already", skipped=True)
    if (programmer := bench.design.manifest.board.programmer) and programmer.tool == "pynq":
        return Found("on the board itself PYNQ loads the overlay", skipped=True)
    path = load(bench.design, bench.port)
    return Found(f"{path.name}, {path.stat().st_size:,} bytes, loaded with openFPGALoader", {"bitstream": path.name})


def identify(bench: Bench) -> Found:
    """Is it this design? Opens the connection."""
    bench.driver = open_driver(bench.port, bench.design.manifest.board, bench.design, bench.timeout_s)
    info = bench.driver.info()
    text = (
        f"{bench.design.manifest.name} {info.design_hash[:12]}, hwsv {info.hwsv_version}, {info.clock_hz / 1e6:g} MHz, "
        f"{info.frame_words} x {info.feature_bytes} bytes a frame, {info.result_words} x {info.result_bytes} bytes an "
        "embedding"
    )
    return Found(text, asdict(info))


def loopback(bench: Bench) -> Found:
    """Bytes there and back: lengths up to the longest, every byte, and those that the line must escape."""
    rng = random.Random(bench.seed)
    special, every = bytes([FLAG, ESCAPE]), bytes(range(256))
    payloads = [rng.randbytes(size) for size in (0, 1, 2, 3, 127, 128, MAX_PAYLOAD - 1, MAX_PAYLOAD)]
    payloads += [special, special[::-1], special * (MAX_PAYLOAD // 2), bytes(MAX_PAYLOAD), b"\xff" * MAX_PAYLOAD]
    payloads += [every[:128], every[128:]]
    for content in payloads:
        back = bench.connection.loopback(content)
        if back != content:
            at = next((i for i, (a, b) in enumerate(zip(content, back, strict=False)) if a != b), len(back))
            raise CheckFailed(f"{len(content)} bytes came back as {len(back)} others, different from byte {at} on")
    text = f"{len(payloads)} payloads of 0 to {MAX_PAYLOAD} bytes came back as they were, escapes among them"
    return Found(text, {"payloads": len(payloads), "bytes": sum(map(len, payloads))})


def golden(bench: Bench) -> Found:
    """Embeddings against the emulator's, cycles against the cycle simulator's."""
    design = bench.design
    paths = demo_audio() if design.manifest.input.features else []
    inputs = _inputs(design, paths) + random_features(design, bench.random_utterances, bench.seed)
    names = [path.stem for path in paths] + [f"random_{i}" for i in range(bench.random_utterances)]
    wanted = embed(design, inputs, "emulator")
    tails = {}
    for name, x, embedding in zip(names, inputs, wanted, strict=True):
        found = bench.connection.run(x)
        _check_embedding(name, embedding, found)
        tails[name] = _check_tail(bench, name, len(x), found)
    counted = sum(tail is not None for tail in tails.values())
    text = (
        f"{len(paths)} voices and {bench.random_utterances} random utterances: all {wanted.size:,} integers equal the "
        "emulator's; cycles from the last feature "
    )
    if bench.divisor is None:
        text += "are not compared: features do not come over a UART"
    else:
        text += f"equal the simulator's in {counted} of {len(tails)}"
        text += " (the others depend on the host's pauses)" if counted < len(tails) else ""
    return Found(text, {"utterances": len(inputs), "integers": wanted.size, "cycles_tail": tails})


def throughput(bench: Bench) -> Found:
    """Utterances a second over this connection."""
    design, frames = bench.design, bench.design.manifest.input.frames_example
    x = fit(design, random_input(design, frames, np.random.default_rng(bench.seed)), "a random input")
    started = time.perf_counter()
    results = [bench.connection.run(x) for _ in range(bench.runs)]
    seconds = (time.perf_counter() - started) / bench.runs
    total, tail, clock = results[-1].cycles_total, results[-1].cycles_tail, design.manifest.board.clock_hz
    rate = f"{seconds:.2f} s each in simulation" if bench.simulated else f"{1 / seconds:.2f} a second, line included"
    text = (
        f"utterances of {frames} frames: {rate}; at {clock / 1e6:g} MHz the embedding comes "
        f"{1e3 * tail / clock:.2f} ms after the last feature"
    )
    facts = {"frames": frames, "runs": bench.runs, "seconds": seconds, "cycles_total": total, "cycles_tail": tail}
    return Found(text, facts)


def voices(bench: Bench) -> Found:
    """Enrol a speaker and decide claims, by embeddings of the board."""
    design, demo = bench.design, demo_audio()
    if design.manifest.input.features is None:
        return Found("a network without audio", skipped=True)
    paths = list(bench.wavs) or [demo[i] for i in (DEMO_SPEAKER, DEMO_AGAIN, DEMO_OTHER)]
    bench.close()  # the level opens the port for itself
    speaker, *claims = unit_vectors(design, paths, "board", options=Options(port=bench.port))
    scores = [float(speaker @ claim) for claim in claims]
    calibrated = (design.folder / calibration.CALIBRATION).is_file()
    limit = calibration.load(design).threshold if calibrated else None
    decisions = ["" if limit is None else " accepted" if score >= limit else " rejected" for score in scores]
    told = [f"{p.stem} {s:+.3f}{d}" for p, s, d in zip(paths[1:], scores, decisions, strict=True)]
    text = f"enrolled {paths[0].stem}; {', '.join(told)}; " + (
        "no calibrated threshold, so no decision" if limit is None else f"threshold {limit:+.3f}"
    )
    if limit is not None and not bench.wavs and not scores[1] < limit <= scores[0]:
        raise CheckFailed(f"{text}: {paths[1].stem} is the enrolled voice, {paths[2].stem} another one")
    facts = {"enrolled": paths[0].stem, "scores": dict(zip([p.stem for p in paths[1:]], scores, strict=True))}
    return Found(text, facts | {"threshold": limit})


STEPS: dict[str, Callable[[Bench], Found]] = {
    step.__name__: step for step in (program, identify, loopback, golden, throughput, voices)
}


def _inputs(design: Design, paths: Sequence[Path]) -> list[Tensor]:
    features = audio_features(design, paths) if paths else []
    return [fit(design, array, str(path)) for array, path in zip(features, paths, strict=True)]


def _check_embedding(name: str, wanted: Tensor, found: RunResult) -> None:
    wrong = np.flatnonzero(wanted != found.embedding)
    if len(wrong):
        at = wrong[0]
        raise CheckFailed(
            f"{name}: {len(wrong)} of {len(wanted)} integers of the embedding differ from the emulator's; the first is "
            f"number {at}: {wanted[at]} expected, {found.embedding[at]} from the board"
        )


def _check_tail(bench: Bench, name: str, frames: int, found: RunResult) -> int | None:
    """The cycles from the last feature on; None where the simulator cannot foretell them."""
    wanted = uart_tail(bench.design, frames, bench.divisor) if bench.divisor else None
    if wanted is not None and wanted != found.cycles_tail:
        raise CheckFailed(
            f"{name}: the embedding is right, but came {found.cycles_tail:,} cycles after the last feature; the cycle "
            f"simulator says {wanted:,}"
        )
    return wanted
