"""Whatever happens between the driver and the board: the right embedding, or an error in time."""

import re
from collections.abc import Iterator

import pytest

from hwsv.host import uart_protocol
from hwsv.host.uart_protocol import Frame, Kind
from tests.host.drivers.faults import AT_ONCE, ERROR, RATES, WRONG, Bench, Fault, Outcome, byte_faults, events, rows
from tests.host.drivers.injector import Injector, by_frame

QUICK = RATES[1:3]


@pytest.mark.parametrize("fault", [*byte_faults(QUICK), *events()], ids=lambda f: f"{f.name} {f.where} {f.how_often}")
def test_never_a_wrong_embedding(bench, fault):
    (row,) = rows(bench, [fault], trials=1)
    print(*row.cells(), sep=" | ")
    assert row.outcomes and not row.count(WRONG)
    assert not row.overdue
    for outcome in row.outcomes:
        assert outcome.kind != ERROR or outcome.message


def test_a_clean_line_needs_no_repeats(bench):
    (row,) = rows(bench, [Fault("none", "", "", lambda bench: bench.runs(bench.board.port, timeout_s=5))], trials=2)
    assert row.count(AT_ONCE) == len(row.outcomes) == 6


def test_the_check_can_fail(bench, monkeypatch):
    """A decoder that ignores the CRC takes a flipped bit of an embedding for an embedding."""

    def careless(body: bytes) -> Frame | None:
        raw = re.sub(rb"\x7d(.)", lambda escaped: bytes([escaped[1][0] ^ uart_protocol.INVERT]), body, flags=re.DOTALL)
        return Frame(raw[0], raw[1], raw[4:-4]) if len(raw) >= 8 else None

    def flip(frame: bytes) -> tuple[float, bytes]:
        return 0.0, frame[:-8] + bytes([frame[-8] ^ 1]) + frame[-7:] if frame[0] == Kind.RESULT else frame

    def trial(bench: Bench) -> Iterator[Outcome]:
        with Injector(bench.board.port, to_host=by_frame(flip)) as line:
            yield from bench.runs(line.port)

    (careful,) = rows(bench, [Fault("RESULT", "", "", trial)], trials=1)
    assert careful.count(ERROR) == 3
    monkeypatch.setattr(uart_protocol, "_decode", careless)
    (row,) = rows(bench, [Fault("RESULT", "", "", trial)], trials=1)
    assert row.count(WRONG) == 3
