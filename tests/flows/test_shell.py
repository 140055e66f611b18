"""The UART shell's RTL: requests, errors, time-outs, and a fuzz of more than 100,000 bytes."""

import random

import pytest

from hwsv.host.uart_protocol import ErrorCode, Frame, Kind, Result, requests
from tests.flows.conftest import QUIET, Script, frames

INFO_REPLY = b"\xff\x01\x03\x7d\x7e"
FRAME_WORDS, RESULT_WORDS = 5, 3
TIMEOUT = 60_000  # cycles: of bench.sv


def mixer(features: bytes, count: int, feature_bytes: int = 1, result_bytes: int = 2) -> bytes:
    """The embedding of ``mixer.sv``."""
    mask = 2**32 - 1

    def rotate(x: int) -> int:
        return (x << 5 | x >> 27) & mask

    state = count << 16 | count ^ 0xFFFF
    for at in range(0, len(features), feature_bytes):
        word = int.from_bytes(features[at : at + feature_bytes], "little")
        state = rotate(state) ^ (word + 0x9E3779B9 & mask)
    words = []
    for _ in range(RESULT_WORDS):
        words.append((state & (1 << 8 * result_bytes) - 1).to_bytes(result_bytes, "little"))
        state = rotate(state) + 0x9E3779B9 & mask
    return b"".join(words)


def run_script(features: bytes, count: int, sequence: int = 0) -> Script:
    script = Script()
    for frame in requests(features, count, 1, sequence):
        script.send(frame).receive()
    return script


def error(sequence: int, code: ErrorCode, kind: int) -> Frame:
    return Frame(Kind.ERROR, sequence, bytes([code, kind]))


def test_info_loopback_reset(shell):
    every_byte = bytes(range(248))
    script = Script().send(Frame(Kind.INFO, 7)).receive().send(Frame(Kind.LOOPBACK, 255, every_byte)).receive()
    script.send(Frame(Kind.LOOPBACK, 0, bytes(range(248, 256)))).send(Frame(Kind.LOOPBACK, 1)).receive()
    script.send(Frame(Kind.RESET, 3)).receive()
    assert [frames(part) for part in shell(script)] == [
        [Frame(0x81, 7, INFO_REPLY)],
        [Frame(0x82, 255, every_byte)],
        [Frame(0x82, 0, bytes(range(248, 256))), Frame(0x82, 1)],
        [Frame(0x83, 3)],
    ]


@pytest.mark.parametrize("count, sequence", [(2, 0), (50, 254), (400, 7)])
def test_a_run_returns_the_embedding_and_its_cycles(shell, count, sequence):
    features = random.Random(count).randbytes(count * FRAME_WORDS)
    answers = [frames(part) for part in shell(run_script(features, count, sequence))]
    chunks = len(answers) - 1
    assert answers[:-1] == [[Frame(0x84 if i == 0 else 0x85, (sequence + i) % 256)] for i in range(chunks)]
    last, reply = answers[-1]
    assert (last.kind, reply.kind, reply.sequence) == (0x85, Kind.RESULT, (sequence + chunks) % 256)
    result = Result.decode(reply.payload)
    assert result.words == mixer(features, count)
    assert result.latency == 8, "the mixer rests for seven cycles after a word"
    assert result.total >= 8 * len(features)


def test_words_of_several_bytes(shell):
    features = random.Random(1).randbytes(20 * FRAME_WORDS * 3)
    script = Script().wide()
    for frame in requests(features, 20, 3):
        script.send(frame).receive()
    script.send(Frame(Kind.BEGIN, 0, b"\x02\x00")).receive().send(Frame(Kind.FEATURES, 1, bytes(4))).receive()
    *_, last, _, uneven = [frames(part) for part in shell(script)]
    assert Result.decode(last[1].payload).words == mixer(features, 20, 3, 4)
    assert uneven == [error(1, ErrorCode.BAD_LENGTH, Kind.FEATURES)]


@pytest.mark.parametrize(
    "sent, answer",
    [
        ([Frame(9, 1)], error(1, ErrorCode.BAD_TYPE, 9)),
        ([Frame(Kind.INFO, 1, b"x")], error(1, ErrorCode.BAD_LENGTH, Kind.INFO)),
        ([Frame(Kind.BEGIN, 1, b"x")], error(1, ErrorCode.BAD_LENGTH, Kind.BEGIN)),
        ([Frame(Kind.BEGIN, 1, b"\x01\x00")], error(1, ErrorCode.BAD_FRAMES, Kind.BEGIN)),
        ([Frame(Kind.BEGIN, 1, b"\x91\x01")], error(1, ErrorCode.BAD_FRAMES, Kind.BEGIN)),
        ([Frame(Kind.FEATURES, 1, b"x")], error(1, ErrorCode.NO_RUN, Kind.FEATURES)),
        ([Frame(Kind.BEGIN, 1, b"\x02\x00"), Frame(Kind.FEATURES, 3, b"x")], error(3, ErrorCode.BAD_SEQUENCE, 5)),
        ([Frame(Kind.BEGIN, 1, b"\x02\x00"), Frame(Kind.FEATURES, 2)], error(2, ErrorCode.BAD_LENGTH, 5)),
        ([Frame(Kind.BEGIN, 1, b"\x02\x00"), Frame(Kind.FEATURES, 2, bytes(11))], error(2, ErrorCode.TOO_MANY, 5)),
        ([Frame(Kind.BEGIN, 1, b"\x02\x00"), Frame(Kind.RESET, 2), Frame(Kind.FEATURES, 2, b"x")],
         error(2, ErrorCode.NO_RUN, 5)),
    ],
)  # fmt: skip
def test_bad_requests_are_named(shell, sent, answer):
    script = Script()
    for frame in sent:
        script.receive().send(frame)
    assert frames(shell(script.receive())[-1]) == [answer]


def test_a_repeated_chunk_counts_once(shell):
    features = bytes(range(20))
    begin, chunk = Frame(Kind.BEGIN, 1, b"\x04\x00"), Frame(Kind.FEATURES, 2, features[:10])
    rest = Frame(Kind.FEATURES, 3, features[10:])
    script = Script()
    for frame in (begin, chunk, chunk, rest):
        script.send(frame).receive()
    *_, again, last = [frames(part) for part in shell(script)]
    assert again == [Frame(0x85, 2)]
    assert Result.decode(last[1].payload).words == mixer(features, 4)


def test_a_run_without_features_times_out(shell):
    script = Script().send(Frame(Kind.BEGIN, 1, b"\x02\x00")).send(Frame(Kind.FEATURES, 2, b"12345")).receive()
    script.idle(TIMEOUT - 3 * QUIET).receive().idle(2 * QUIET).receive().send(
        Frame(Kind.FEATURES, 3, b"12345")
    ).receive()
    _, early, late, after = [frames(part) for part in shell(script)]
    assert (early, late) == ([], [error(2, ErrorCode.TIMED_OUT, Kind.FEATURES)])
    assert after == [error(3, ErrorCode.NO_RUN, Kind.FEATURES)], "and the rest of its features is not taken"


def mutate(rng: random.Random, raw: bytes) -> bytes:
    """Flipped bits, lost, doubled and foreign bytes."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(5):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1 if data:
                del data[at : at + rng.randint(1, 4)]
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 8))
            case 3 if data:
                data[at:at] = data[at : at + 3]
            case _:
                data[at:] = b""
    return bytes(data)


def garbage(rng: random.Random) -> bytes:
    """Random bytes, bytes that look like frames, and mutated frames, some from the middle of a run."""
    match rng.randrange(4):
        case 0:
            return rng.randbytes(rng.randint(1, 300))
        case 1:
            return bytes(rng.choices(b"\x7e\x7d\x5e\x5d\x00\x01\x05\xff", k=rng.randint(1, 120)))
        case _:
            sequence = rng.randrange(256)
            sent = [Frame(rng.randrange(8), sequence, rng.randbytes(rng.randint(0, 60)))]
            if rng.random() < 0.5:
                sent = requests(rng.randbytes(10 * FRAME_WORDS), 10, 1, sequence)
            return b"".join(mutate(rng, frame.encode()) for frame in sent)


def test_fuzz(shell):
    """Whatever came before, the next good frame is answered, and no run gives another embedding than its own."""
    rng = random.Random(2026)
    script, expected, fuzzed = Script(), [], 0
    while fuzzed < 120_000:
        noise = garbage(rng)
        fuzzed += len(noise)
        script.send(noise)
        if rng.random() < 0.1:
            script.line_break(rng.randint(1, 2000))
        if rng.random() < 0.5:
            script.receive()
            expected.append([])
        sequence = rng.randrange(256)
        match rng.randrange(3):
            case 0:
                script.send(Frame(Kind.INFO, sequence)).receive()
                expected.append([Frame(0x81, sequence, INFO_REPLY)])
            case 1:
                content = rng.randbytes(rng.randint(0, 40))
                script.send(Frame(Kind.LOOPBACK, sequence, content)).receive()
                expected.append([Frame(0x82, sequence, content)])
            case 2:
                count = rng.randint(2, 60)
                features = rng.randbytes(count * FRAME_WORDS)
                for i, frame in enumerate(requests(features, count, 1, sequence)):
                    if i and rng.random() < 0.4:  # damage on the way: the host sends again what was not answered
                        damaged = mutate(rng, frame.encode())
                        while frames(damaged + b"\x7e"):  # still whole: only something beside the frame has changed
                            damaged = mutate(rng, frame.encode())
                        fuzzed += len(damaged)
                        script.send(damaged)
                    script.send(frame).receive()
                    expected.append([Frame(0x84 if i == 0 else 0x85, frame.sequence)])
                expected[-1].append(Frame(Kind.RESULT, frame.sequence, mixer(features, count)))
    answers = [frames(part) for part in shell(script)]
    assert len(answers) == len(expected)
    for got, wanted in zip(answers, expected, strict=True):
        got = [Frame(f.kind, f.sequence, f.payload[8:]) if f.kind == Kind.RESULT else f for f in got]
        if wanted:  # answers to what was good in the noise may come before
            assert got[-len(wanted) :] == wanted, "the next good frame"
        results = [f for f in got if f.kind == Kind.RESULT]
        assert results == [f for f in wanted if f.kind == Kind.RESULT], "an embedding nobody asked for"
