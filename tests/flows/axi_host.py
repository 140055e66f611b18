"""A host for the AXI shell in cocotb: AXI4-Lite master, DMA of both directions, and what it expects back.

The case (a JSON file, path in HWSV_AXI_CASE): ``info``, and ``utterances`` with their ``frames``, feature words
``features`` and words of the ``embedding`` in hexadecimal bytes.
"""

import json
import logging
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from hwsv.host import axi_registers
from hwsv.host.axi_registers import AxiResult, Control, ErrorCode, Status, packet
from hwsv.host.uart_protocol import Info

PATIENCE_US = 100
"""For one embedding: more than the longest utterance takes under stalls."""


@dataclass(frozen=True)
class Utterance:
    frames: int
    features: bytes
    embedding: bytes


class Host:
    """Both ends of the DMA and the registers; every answer is waited for no longer than `PATIENCE_US`."""

    def __init__(self, dut) -> None:
        self.dut = dut
        case = json.loads(Path(os.environ["HWSV_AXI_CASE"]).read_text())
        self.info = Info(**case["info"])
        self.utterances = [
            Utterance(u["frames"], bytes.fromhex(u["features"]), bytes.fromhex(u["embedding"]))
            for u in case["utterances"]
        ]
        for name in ("freeze", "stray"):
            if hasattr(dut, name):
                getattr(dut, name).value = 0
        dut.aresetn.value = 0
        cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
        ends = (dut.aclk, dut.aresetn, False)
        logging.getLogger("cocotb").setLevel(logging.ERROR)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *ends)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *ends)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *ends)
        self.tag = 0

    async def power_up(self) -> None:
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 3)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def stall(self, seed: int, *shares: float) -> None:
        """Random pauses on every channel."""
        write, read = self.lite.write_if, self.lite.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel]
        for number, channel in enumerate([*channels, self.source, self.sink]):
            channel.set_pause_generator(pauses(100 * seed + number, *shares))

    async def read_word(self, address: int) -> int:
        answer = await with_timeout(self.lite.read(address, 4), PATIENCE_US, "us")
        return int.from_bytes(answer.data, "little")

    async def read(self, name: str) -> int:
        return await self.read_word(axi_registers.offset(name))

    async def write(self, name: str, value: int) -> None:
        content = value.to_bytes(4, "little")
        await with_timeout(self.lite.write(axi_registers.offset(name), content), PATIENCE_US, "us")

    async def reset(self) -> None:
        """RESET, as a driver gives it: with what is still being sent taken and dropped."""
        await self.write("CONTROL", Control.RESET)
        while await self.read("STATUS") & Status.SENDING:
            pass
        await ClockCycles(self.dut.aclk, 20)
        self.sink.clear()

    async def cut(self) -> None:
        """What a reset of the DMA does to the utterances that it has not sent: no more beats, no TLAST."""
        self.source.clear_pause_generator()
        self.source.pause = True
        while self.dut.s_axis_tvalid.value:
            await ClockCycles(self.dut.aclk, 1)
        self.source.clear()
        for state in (True, False):  # drops the packet under way: cocotbext-axi has no public name for it
            self.source._handle_reset(state)
        self.source.pause = False

    def send(self, utterance: Utterance) -> int:
        """Starts the DMA for this utterance; its tag."""
        self.tag = (self.tag + 1) % 2**16
        self.send_raw(packet(utterance.features, utterance.frames, self.tag))
        return self.tag

    def send_raw(self, content: bytes, keep: list[int] | None = None) -> None:
        self.source.send_nowait(AxiStreamFrame(content, tkeep=keep))

    async def receive(self) -> AxiResult:
        frame = await with_timeout(self.sink.recv(), PATIENCE_US, "us")
        return AxiResult.decode(bytes(frame.tdata), self.info)

    async def expect(self, utterance: Utterance, tag: int) -> AxiResult:
        """The next packet is the embedding of this utterance."""
        result = await self.receive()
        assert (result.frames, result.tag) == (utterance.frames, tag), "of another utterance"
        assert result.words == utterance.embedding, "a wrong embedding"
        return result

    async def run(self, utterances: list[Utterance]) -> list[AxiResult]:
        """Sends them all at once; all their embeddings, which are right."""
        tags = [self.send(utterance) for utterance in utterances]
        return [await self.expect(u, tag) for u, tag in zip(utterances, tags, strict=True)]

    async def expect_error(self, code: ErrorCode) -> None:
        """The shell fails with `code` and takes all that is still sent."""
        for _ in range(300):
            if await self.read("STATUS") & Status.FAILED:
                break
        assert ErrorCode(await self.read("ERROR")) == code
        await with_timeout(self.source.wait(), PATIENCE_US, "us")
        status = Status(await self.read("STATUS"))
        assert status & Status.FAILED and not status & (Status.BUSY | Status.DONE)

    async def expect_silence(self) -> None:
        """No embedding comes that nobody waits for."""
        await ClockCycles(self.dut.aclk, 400)
        assert self.sink.empty() and not self.dut.m_axis_tvalid.value, "an embedding nobody asked for"


def pauses(seed: int, *shares: float) -> Iterator[bool]:
    """Stalls with another probability, one of `shares`, every few cycles."""
    r = random.Random(seed)
    while True:
        share = r.choice(shares)
        yield from (r.random() < share for _ in range(r.randint(1, 60)))
