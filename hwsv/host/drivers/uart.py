"""UART: frames on a serial port (``docs/uart-protocol.md``), lost ones repeated, spoilt runs started again.

Why an embedding can be no other than that of its features and its design: a run starts with a LOOPBACK of fresh random
bytes, and once they are back, nothing that the board said before can still arrive. From the answer to BEGIN on, every
RESULT is therefore this run's. INFO, asked inside the run, says whose design it is; features enter only in their order;
each frame has a CRC-32; RESULT must carry the number of the last FEATURES and exactly the bytes of one embedding.
"""

import secrets
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

import numpy as np
from numpy.typing import NDArray

from hwsv.boards import Board
from hwsv.design import Design
from hwsv.host.drivers.driver import BoardInfo, Driver, RunResult
from hwsv.host.drivers.uart_line import Counters, Line, describe
from hwsv.host.uart_protocol import MAX_PAYLOAD, REPLY, ErrorCode, Frame, Info, Kind, Result, requests
from hwsv.simulator import timing

TRIES = 4
"""How often a request is sent before it counts as lost for good."""

ATTEMPTS = 4
"""How often a run is started before the driver gives up."""

LATE_ANSWERS = 16
"""Allowances (`Driver.timeout_s`) that a run may spend on waiting for lost answers, all attempts together."""

LATENCY_S = 0.02
"""What a request and its answer may take beyond their bytes on the line, in the bound of a whole run."""

NONCE_BYTES = 16

_FATAL = (ErrorCode.BAD_TYPE, ErrorCode.BAD_LENGTH, ErrorCode.BAD_FRAMES)
"""Errors that the same request would only earn again."""


Accept = Callable[[Frame, Frame], bool]
"""(frame, request): whether the frame is what the request waits for."""


def is_answer(frame: Frame, request: Frame) -> bool:
    """The board has done it, or refuses to."""
    done = (frame.kind, frame.sequence) == (request.kind | REPLY, request.sequence)
    return done or is_refusal(frame, request)


def is_refusal(frame: Frame, request: Frame) -> bool:
    """An ERROR for the request: a code and what was asked."""
    return (frame.kind, frame.sequence, len(frame.payload)) == (Kind.ERROR, request.sequence, 2)


def is_echo(frame: Frame, request: Frame) -> bool:
    """The answer to LOOPBACK that belongs to these very bytes."""
    return is_answer(frame, request) and frame.payload == request.payload


def is_result(frame: Frame, last: Frame) -> bool:
    """RESULT of the run whose last FEATURES is `last`."""
    return (frame.kind, frame.sequence) == (Kind.RESULT, last.sequence)


class _LostError(Exception):
    """No answer, or a run that the board gave up; another attempt may do better. ``str(error)`` says why."""


class UartDriver(Driver):
    """The UART shell behind a serial port. `address`: a device or a URL of pyserial."""

    scheme = "uart"

    def __init__(self, address: str, board: Board, design: Design, timeout_s: float) -> None:
        super().__init__(address, board, design, timeout_s)
        self._line = Line(address, board.baud, timeout_s)
        self._sequence = secrets.randbelow(256)
        self._cycles: dict[int, int] = {}
        try:
            with self._final():
                self._synchronise()
        except BaseException:
            self.close()
            raise

    def info(self) -> BoardInfo:
        with self._final():
            return self._info()

    def loopback(self, content: bytes) -> bytes:
        """`content` of any length, in as many frames as it takes."""
        parts = [content[at : at + MAX_PAYLOAD] for at in range(0, len(content) or 1, MAX_PAYLOAD)]
        with self._final():
            return b"".join(self._ask(self._frame(Kind.LOOPBACK, part)).payload for part in parts)

    def reset(self) -> None:
        with self._final():
            self._ask(self._frame(Kind.RESET))

    def run(self, features: NDArray[np.integer]) -> RunResult:
        values = self.design.check_features(features)
        raw, frames = self.feature_words(values), len(values)
        deadline, why = time.monotonic() + self.bound_s(frames), ""
        for attempt in range(ATTEMPTS):
            self.counters.restarted += attempt > 0
            try:
                return self._run(raw, frames, deadline)
            except _LostError as error:
                why = str(error)
            if time.monotonic() >= deadline:
                break
        raise self._line.failure(f"no embedding in {attempt + 1} attempts; the last one ended with {why}")

    def bound_s(self, frames: int) -> float:
        """Seconds within which `run` on `frames` frames returns or raises."""
        info = self.expected
        size = frames * info.frame_words * info.feature_bytes
        chunks = -(-size // (MAX_PAYLOAD // info.feature_bytes * info.feature_bytes))
        line = self._line.seconds(2 * (size + info.result_words * info.result_bytes) + 40 * chunks + 500)
        return ATTEMPTS * (line + self._core_s(frames) + LATENCY_S * (chunks + 3)) + LATE_ANSWERS * self.timeout_s

    @property
    def counters(self) -> Counters:
        return self._line.counters

    def status(self) -> str:
        return self._line.status()

    def close(self) -> None:
        self._line.close()

    def _run(self, raw: bytes, frames: int, deadline: float) -> RunResult:
        """One attempt."""
        self._synchronise(deadline)
        begin, *chunks = requests(raw, frames, self.expected.feature_bytes, self._sequence)
        self._sequence += 1 + len(chunks)
        self._ask(begin, deadline)
        self._info(deadline).refuse_other(self.design, self.address, self.status())
        core_s, last = self._core_s(frames), chunks[-1]
        for chunk in chunks[:-1]:
            self._ask(chunk, deadline, core_s)
        answer = self._ask(last, deadline, core_s, lambda f, r: is_answer(f, r) or is_result(f, r))
        if not is_result(answer, last):  # else its own answer was lost
            wait_s = self._line.seconds(16 * self.design.manifest.outputs + 40) + core_s
            found = self._await(lambda f: is_result(f, last) or is_refusal(f, last), deadline, wait_s)
            if found is None:
                raise _LostError("no RESULT")
            self._check(found)
            answer = found
        return self._decode(answer)

    def _decode(self, answer: Frame) -> RunResult:
        try:
            result = Result.decode(answer.payload)
        except struct.error as error:
            raise self._line.failure(f"RESULT has only {len(answer.payload)} bytes") from error
        return RunResult(self.embedding(result.words), result.total, result.latency)

    def _synchronise(self, deadline: float = inf) -> None:
        """Whatever is under way on the line ends before this does."""
        self._ask(self._frame(Kind.LOOPBACK, secrets.token_bytes(NONCE_BYTES)), deadline, accept=is_echo)

    def _info(self, deadline: float = inf) -> BoardInfo:
        try:
            info = Info.decode(self._ask(self._frame(Kind.INFO), deadline).payload)
        except ValueError as error:
            raise self._line.failure(f"the board answers INFO, but it is {error}; build its bitstream again") from error
        return BoardInfo.from_info(info)

    def _ask(self, request: Frame, deadline: float = inf, extra_s: float = 0.0, accept: Accept = is_answer) -> Frame:
        """What comes back for `request`: an answer. extra_s: what the board may take for it.

        Raises _LostError when there is none or the board refuses the request, BoardError when asking again is vain.
        """
        wait_s = self._line.seconds(2 * len(request.payload) + 200) + extra_s
        for attempt in range(TRIES):
            self.counters.repeated += attempt > 0
            self._line.send(request)
            answer = self._await(lambda frame: accept(frame, request), deadline, wait_s)
            if answer is not None:
                self._check(answer)
                return answer
            if time.monotonic() >= deadline:
                raise _LostError(f"no time left to ask for {describe(request)} again")
        raise _LostError(self._silence(request))

    def _await(self, accept: Callable[[Frame], bool], deadline: float, wait_s: float) -> Frame | None:
        """The first frame that `accept` takes; None after `wait_s` and the allowance."""
        deadline = min(deadline, time.monotonic() + wait_s + self.timeout_s)
        while frame := self._line.receive(deadline):
            if accept(frame):
                return frame
            self.counters.stale += 1
        return None

    def _check(self, answer: Frame) -> None:
        """Raises for an ERROR."""
        if answer.kind != Kind.ERROR:
            return
        self.counters.refused += 1
        if answer.payload[0] in _FATAL:
            raise self._line.failure(f"the board refuses: {describe(answer)}; it and this hwsv do not fit together")
        raise _LostError(describe(answer))

    def _silence(self, request: Frame) -> str:
        counters = self.counters
        if not counters.received_bytes:
            return (
                f"no answer at {self.board.baud} baud: is the board powered, its bitstream loaded, and this its port?"
            )
        if not counters.received_frames:
            return (
                f"{counters.received_bytes} bytes came, but no whole frame: another device, or another baud rate than "
                f"{self.board.baud}"
            )
        return f"no answer to {describe(request)}, asked {TRIES} times"

    def _frame(self, kind: Kind, payload: bytes = b"") -> Frame:
        """A request with a sequence number of its own."""
        self._sequence += 1
        return Frame(kind, self._sequence & 0xFF, payload)

    def _core_s(self, frames: int) -> float:
        """Seconds that the core computes, all features at hand."""
        if frames not in self._cycles:
            self._cycles[frames] = timing.run(self.design.graph, [frames]).cycles
        return self._cycles[frames] / self.board.clock_hz

    @contextmanager
    def _final(self) -> Iterator[None]:
        """What is lost here is not tried again."""
        try:
            yield
        except _LostError as error:
            raise self._line.failure(str(error)) from error
