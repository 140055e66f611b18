"""cocotb tests of a generated top's AXI-Stream ports; `test_axi_stream.py` builds the top and names the case.

The case (a JSON file, path in HWSV_AXI_CASE): ``sources`` and ``sinks``, port -> for every utterance its words as
hexadecimal bytes in the order of the bus (byte 0 first).
"""

import json
import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource


class Bench:
    """Sources, sinks, and an observer of the rules at every port that the design drives."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.case = json.loads(Path(os.environ["HWSV_AXI_CASE"]).read_text())
        cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
        self.sources = {
            port: AxiStreamSource(AxiStreamBus.from_prefix(dut, f"s_axis_{port}"), dut.clk, dut.rst)
            for port in self.case["sources"]
        }
        self.sinks = {
            port: AxiStreamSink(AxiStreamBus.from_prefix(dut, f"m_axis_{port}"), dut.clk, dut.rst)
            for port in self.case["sinks"]
        }
        for end in (*self.sources.values(), *self.sinks.values()):
            end.log.setLevel(logging.ERROR)
        for port in self.sinks:
            cocotb.start_soon(self.observe(port))
        self.stalled = 0

    @property
    def utterances(self) -> int:
        return len(next(iter(self.case["sources"].values())))

    async def reset(self) -> None:
        self.dut.rst.value = 1
        for end in (*self.sources.values(), *self.sinks.values()):
            end.clear()
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def observe(self, port: str) -> None:
        """A word that is offered stays, unchanged, until it is taken; in reset nothing is offered."""
        valid, ready, data = (getattr(self.dut, f"m_axis_{port}_{name}") for name in ("tvalid", "tready", "tdata"))
        offered, was_reset = None, False
        while True:
            await RisingEdge(self.dut.clk)  # what the registers see at this edge …
            now = (int(valid.value), int(ready.value), int(data.value))
            reset = bool(self.dut.rst.value)
            if was_reset:
                assert not now[0], f"{port}: tvalid during reset"
            elif offered is not None:
                assert now[0], f"{port}: tvalid fell before tready"
                assert now[2] == offered, f"{port}: tdata changed before tready"
            waits = now[0] and not now[1] and not reset
            self.stalled += bool(waits)
            offered, was_reset = now[2] if waits else None, reset
            await ReadOnly()

    def send(self, utterance: int) -> None:
        for port, source in self.sources.items():
            source.send_nowait(AxiStreamFrame(bytes.fromhex(self.case["sources"][port][utterance])))

    async def expect(self, utterance: int) -> None:
        """The words of the utterance arrive at all sinks."""
        for port, sink in self.sinks.items():
            expected = bytes.fromhex(self.case["sinks"][port][utterance])
            found = bytearray()
            while len(found) < len(expected):  # without tlast every word is a frame
                frame = await with_timeout(sink.recv(), 10, "ms")
                found += bytes(frame.tdata)
            assert found == expected, f"{port}, utterance {utterance}"

    async def expect_all(self) -> None:
        for utterance in range(self.utterances):
            await self.expect(utterance)
        await ClockCycles(self.dut.clk, 100)
        assert all(sink.empty() for sink in self.sinks.values()), "more words than expected"


def pauses(seed: int, *shares: float) -> Iterator[bool]:
    """Stalls with another probability, one of `shares`, every few cycles."""
    r = random.Random(seed)
    while True:
        share = r.choice(shares)
        yield from (r.random() < share for _ in range(r.randint(1, 60)))


@cocotb.test()
async def utterances_back_to_back(dut) -> None:
    bench = Bench(dut)
    await bench.reset()
    for utterance in range(bench.utterances):
        bench.send(utterance)
    await bench.expect_all()


@cocotb.test()
@cocotb.parametrize(seed=range(2))
async def random_stalls(dut, seed: int) -> None:
    bench = Bench(dut)
    await bench.reset()
    for number, source in enumerate(bench.sources.values()):
        source.set_pause_generator(pauses(100 * seed + number, 0, 0.2, 0.5, 0.9))
    for number, sink in enumerate(bench.sinks.values()):  # slow enough to make the few words of an embedding wait
        sink.set_pause_generator(pauses(100 * seed + 50 + number, 0, 0.8, 0.97))
    for utterance in range(bench.utterances):
        bench.send(utterance)
    await bench.expect_all()
    assert bench.stalled, "the design never had to wait"


@cocotb.test()
@cocotb.parametrize(seed=range(2))
async def reset_in_the_middle(dut, seed: int) -> None:
    """Whatever was in flight is gone; the next utterances are computed as if nothing had been before."""
    bench = Bench(dut)
    r = random.Random(seed)
    await bench.reset()
    for _ in range(2):
        for sink in bench.sinks.values():  # words may wait at the output
            sink.pause = r.random() < 0.5
        for utterance in range(bench.utterances):
            bench.send(utterance)
        await ClockCycles(dut.clk, r.randint(5, 1500))
        await bench.reset()
    for sink in bench.sinks.values():
        sink.pause = False
    for utterance in range(bench.utterances):
        bench.send(utterance)
    await bench.expect_all()
