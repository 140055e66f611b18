"""What the cycle simulator says of an utterance that comes through a UART: cycles from its last feature on.

The host decides when a chunk of features comes, so the cycles of a whole utterance are no constant. Those from the last
feature word to the first word of the embedding are one, if the chunks are far enough apart. Times in the accelerator
are maxima of sums of times before (docs/timing.md): if an earlier chunk comes still earlier, nothing becomes later. So
if the least pause between chunks and an endless one give the same number, every pause between them does.
"""

from hwsv.design import Design
from hwsv.graph import INPUT, OUTPUT
from hwsv.host.drivers.driver import BoardInfo
from hwsv.host.uart_protocol import MAX_PAYLOAD
from hwsv.simulator.tables import build
from hwsv.simulator.timing import play
from hwsv.units.beats import Segment, periodic

CYCLES_A_BYTE = 2
"""In which the shell takes a byte of a chunk from its buffer."""

FRAME_BYTES = 18
"""Least bytes on the line between two chunks beside the second one's payload: an answer, and the frame around it."""

ENDLESS = 1 << 24
"""Cycles of a pause in which every accelerator comes to rest."""


def uart_tail(design: Design, frames: int, divisor: int) -> int | None:
    """Cycles from the last feature word to the first word of the embedding at `divisor` clock cycles a bit.

    None where they depend on the host's pauses: the accelerator is too slow for the line.
    """
    slow, fast = (_tail(design, frames, pause) for pause in (None, 10 * divisor))
    return slow if slow == fast else None


def _tail(design: Design, frames: int, cycles_a_byte: int | None) -> int:
    """With chunks as near to each other as the line allows; None: with endless pauses."""
    info = BoardInfo.of(design)
    chunk = MAX_PAYLOAD // info.feature_bytes
    step = CYCLES_A_BYTE * info.feature_bytes
    source: list[Segment] = []
    for start in range(0, frames * info.frame_words, chunk):
        words = min(chunk, frames * info.frame_words - start)
        pause = (FRAME_BYTES + words * info.feature_bytes) * cycles_a_byte if cycles_a_byte else ENDLESS
        source.append(periodic(pause, [(pause - 1, 0, 1)], 1))
        if words > 1:
            source.append(periodic(step, [(step - 1, 0, 1)], words - 1))
    timing = play(build(design.graph, [frames], source=source), record=True)
    return int(timing.pop_time[OUTPUT][0] - timing.push_time[INPUT][-1])
