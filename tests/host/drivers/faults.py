"""Faults between the UART driver and the simulated board, and what becomes of the embeddings.

``python -m tests.host.drivers.faults`` prints the table; ``--write docs/drivers.md`` puts it there.
"""

import argparse
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv.cosim.board import SimulatedBoard
from hwsv.design import Design
from hwsv.graph import OUTPUT
from hwsv.host.drivers.driver import BoardError, open_driver
from hwsv.host.drivers.uart import TRIES, UartDriver
from tests.host.drivers import injector, tiny
from tests.host.drivers.injector import Damage, Injector, clean

TIMEOUT_S = 0.2
LATE_S = 3 * TIMEOUT_S
OPEN_S = 2 * TRIES * (TIMEOUT_S + 0.05)
"""Bound of opening: LOOPBACK and INFO."""

SPARE_S = 1.0
"""What a busy machine may sleep over a deadline."""

RUNS = 3
"""Utterances of a trial, one after the other on one connection."""

RANDOM_BYTES = 10_000
EVENT_BYTES = 600
"""What happens once, happens before so many bytes have gone to the board: `RUNS` runs send more."""

RATES = (3000, 1000, 300, 100)
TO = {"to_board": "to the board", "to_host": "to the host"}
KINDS = AT_ONCE, RECOVERED, ERROR, WRONG = "right at once", "recovered", "clear error", "wrong"
COLUMNS = ("fault", "where", "how often", "trials", "runs", *KINDS, "slowest, s")
MARKERS = ("<!-- faults -->", "<!-- end of faults -->")


@dataclass(frozen=True)
class Outcome:
    """Of opening the port or of one run. `bound`: seconds within which it had to end."""

    kind: str
    seconds: float
    bound: float
    message: str = ""


@dataclass
class Bench:
    """Two simulated boards with different designs; `rng` makes everything that is random."""

    board: SimulatedBoard
    other: SimulatedBoard
    rng: random.Random

    @property
    def design(self) -> Design:
        return self.board.design

    def utterance(self) -> NDArray[np.int8]:
        frames = self.rng.randint(20, 60)
        return np.frombuffer(self.rng.randbytes(frames * tiny.FREQ), np.int8).reshape(frames, tiny.FREQ)

    def golden(self, features: NDArray[np.int8]) -> NDArray[np.int64]:
        return self.design.graph.golden(self.design.check_features(features))[OUTPUT].reshape(-1)

    def runs(self, port: str, design: Design | None = None, timeout_s: float = TIMEOUT_S) -> Iterator[Outcome]:
        """Open `port`, run `RUNS` utterances, compare."""
        design, start = design or self.design, time.monotonic()
        try:
            driver = open_driver(port, design.manifest.board, design, timeout_s)
        except BoardError as error:
            yield Outcome(ERROR, time.monotonic() - start, OPEN_S, clear(error))
            return
        assert isinstance(driver, UartDriver)
        with driver:
            for _ in range(RUNS):
                yield self.one_run(driver)

    def one_run(self, driver: UartDriver) -> Outcome:
        features = self.utterance()
        bound, before = driver.bound_s(len(features)), driver.counters.troubles
        expected, start = self.golden(features), time.monotonic()
        try:
            found = driver.run(features).embedding
        except BoardError as error:
            return Outcome(ERROR, time.monotonic() - start, bound, clear(error))
        seconds = time.monotonic() - start
        if not np.array_equal(found, expected):
            return Outcome(WRONG, seconds, bound, f"{found} instead of {expected}")
        return Outcome(AT_ONCE if driver.counters.troubles == before else RECOVERED, seconds, bound)


def clear(error: BoardError) -> str:
    """The error's message, which must be one line."""
    message = str(error)
    assert message and "\n" not in message
    return message


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and a trial of it."""

    name: str
    where: str
    how_often: str
    trial: Callable[[Bench], Iterable[Outcome]]


def damaged(make: Callable[[random.Random], Damage], where: str, bench: Bench) -> Iterator[Outcome]:
    """Runs through a line that damages bytes all the time."""
    with Injector(bench.board.port, **{where: make(bench.rng)}) as line:
        yield from bench.runs(line.port)


def once(event: Callable[[Bench, Injector], Callable[[], object]], bench: Bench) -> Iterator[Outcome]:
    """Runs through a clean line; after some bytes of the first or second one, something happens."""
    with Injector(bench.board.port) as line:
        line.after(bench.rng.randrange(EVENT_BYTES), event(bench, line))
        yield from bench.runs(line.port)


def noise(way: str, bench: Bench, line: Injector) -> Callable[[], object]:
    return partial(getattr(line, way).put, bench.rng.randbytes(RANDOM_BYTES), clean)


def wrong_design(bench: Bench) -> Iterator[Outcome]:
    """The board holds another design than the one that the driver is opened for."""
    with Injector(bench.board.port) as line:
        yield from bench.runs(line.port, bench.other.design)


def second_client(bench: Bench) -> Iterator[Outcome]:
    """A second driver is opened in the middle of a run of the first one."""
    found: list[Outcome] = []
    with Injector(bench.board.port) as line:
        line.after(bench.rng.randrange(EVENT_BYTES), lambda: found.extend(bench.runs(line.port)))
        first = list(bench.runs(line.port))
    assert [outcome.kind for outcome in found] == [ERROR] and "in use" in found[0].message, found
    assert ERROR not in [outcome.kind for outcome in first]
    yield from (*first, *found)


def byte_faults(rates: Iterable[int]) -> Iterator[Fault]:
    """Dropped, doubled, flipped, late bytes: one of `rate`, in each direction."""
    kinds: dict[str, Callable[..., Damage]] = {
        "dropped": injector.drop,
        "doubled": injector.duplicate,
        "flipped": injector.flip,
        "late": partial(injector.late, longest_s=LATE_S),
    }
    for name, damage in kinds.items():
        for where in TO:
            for rate in rates:
                trial = partial(damaged, partial(damage, rate=1 / rate), where)
                yield Fault(f"{name} bytes", TO[where], f"1 of {rate:,}", trial)


def events() -> Iterator[Fault]:
    """What happens once, at a random byte of the first runs, or all the time."""
    for way in TO:
        yield Fault(f"{RANDOM_BYTES:,} random bytes", TO[way], "once", partial(once, partial(noise, way)))
    yield Fault("reset in mid-frame", "board", "once", partial(once, lambda bench, line: bench.board.press_reset))
    yield Fault("unplugged port", "host", "once", partial(once, lambda bench, line: line.hang_up))
    exchange = partial(once, lambda bench, line: partial(line.connect, bench.other.port))
    yield Fault("another design takes its place", "board", "once", exchange)
    yield Fault("wrong design hash", "board", "always", wrong_design)
    yield Fault("two clients at once", "host", "once", second_client)
    yield Fault(
        "nobody at the other end", "line", "always", partial(damaged, partial(injector.drop, rate=1), "to_board")
    )


@dataclass(frozen=True)
class Row:
    """A fault and all that became of it."""

    fault: Fault
    trials: int
    outcomes: list[Outcome]

    def count(self, kind: str) -> int:
        return sum(outcome.kind == kind for outcome in self.outcomes)

    @property
    def overdue(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.seconds > outcome.bound + SPARE_S]

    def cells(self) -> list[str]:
        slowest = max(self.outcomes, key=lambda outcome: outcome.seconds / outcome.bound)
        return [
            self.fault.name, self.fault.where, self.fault.how_often, str(self.trials), str(len(self.outcomes)),
            *(str(self.count(kind)) for kind in KINDS), f"{slowest.seconds:.1f} of {slowest.bound:.1f}",
        ]  # fmt: skip


def rows(bench: Bench, faults: Iterable[Fault], trials: int) -> Iterator[Row]:
    for fault in faults:
        yield Row(fault, trials, [outcome for _ in range(trials) for outcome in fault.trial(bench)])


@contextmanager
def powered(folder: Path, seed: int) -> Iterator[Bench]:
    """The bench, its boards switched on."""
    with ExitStack() as stack:
        board, other = (SimulatedBoard(tiny.make(folder / f"design{i}", i), tiny.DIVISOR) for i in range(2))
        yield Bench(stack.enter_context(board), stack.enter_context(other), random.Random(seed))


def table(found: Iterable[Row]) -> Iterator[str]:
    """Lines of Markdown."""
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|---|---|---|" + "--:|" * (len(COLUMNS) - 3)
    numbers = [0] * (2 + len(KINDS))
    for row in found:
        cells = row.cells()
        numbers = [total + int(cell) for total, cell in zip(numbers, cells[3:-1], strict=True)]
        yield "| " + " | ".join(cells) + " |"
    yield "| all | | | " + " | ".join(f"{number:,}" for number in numbers) + " | |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="also replace the table between the markers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, powered(Path(name), options.seed) as bench:
        lines = []
        for line in table(rows(bench, [*byte_faults(RATES), *events()], options.trials)):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        text = options.write.read_text()
        block = "\n".join([MARKERS[0], *lines, MARKERS[1]])
        options.write.write_text(re.sub(f"{MARKERS[0]}.*{MARKERS[1]}", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
