"""cocotb: the driver that runs on a PYNQ board, as it stands, on the RTL of shell and network.

What is a model here is the AXI DMA, by way of cocotbext-axi, and pynq's Python. `test_axi_driver.py` builds the top.
"""

import os
from contextlib import suppress
from pathlib import Path

import cocotb
import numpy as np
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles

from hwsv.host.onboard import accelerator as onboard
from hwsv.host.onboard import selftest
from hwsv.host.onboard.accelerator import Accelerator, AcceleratorError
from tests.flows.axi_host import Host
from tests.host.onboard.pynq_model import MM2S, S2MM, Board, Dma, addresses

CYCLES_A_POLL = 20


class RtlShell:
    """Registers behind the AXI4-Lite slave."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def read(self, offset: int) -> int:
        return resume(self._host.read_word)(offset)

    def write(self, offset: int, value: int) -> None:
        async def write() -> None:
            await self._host.lite.write(offset, value.to_bytes(4, "little"))

        resume(write)()


class RtlDma(Dma):
    """The model of the DMA with real streams: a packet is sent and received beat by beat."""

    def __init__(self, host: Host, memory: list) -> None:
        self.host, self.cuts = host, 0
        super().__init__(RtlShell(host), memory, 26)

    def reset(self) -> None:
        if hasattr(self, "waiting"):
            resume(self._cut)()
        super().reset()

    async def _cut(self) -> None:
        self.host.sink.pause = True
        if not self.host.source.idle():
            self.cuts += 1
            await self.host.cut()

    def read(self, offset: int) -> int:
        async def pass_time() -> None:
            await ClockCycles(self.host.dut.aclk, CYCLES_A_POLL)

        resume(pass_time)()
        if self.host.source.idle() and self.waiting.pop(MM2S, None) is not None:
            self.registers[MM2S + 4] |= 2
        if S2MM in self.waiting and not self.host.sink.empty():
            self.host.sink.pause = True
            packet, size = bytes(self.host.sink.recv_nowait().tdata), self.waiting.pop(S2MM)
            kept = packet[:size]
            self._buffer(S2MM)[: len(kept)] = np.frombuffer(kept, np.uint8)
            self.registers |= {S2MM + 4: self.registers[S2MM + 4] | 2, S2MM + 0x28: len(packet)}
        return self.registers[offset]

    def write(self, offset: int, value: int) -> None:
        super().write(offset, value)
        if offset == S2MM + 0x28:
            self.host.sink.pause = False

    def start(self, packet: bytes) -> None:
        async def send() -> None:
            self.host.send_raw(packet)

        resume(send)()


class RtlBoard(Board):
    """pynq on the simulated logic. addresses: as the overlay package says."""

    def __init__(self, host: Host, addresses: dict[str, tuple[int, int]]) -> None:
        super().__init__(host.info, addresses)
        self.shell = RtlShell(host)
        self.dma = RtlDma(host, self.memory)
        self.dma.shell.take = self.dma.start
        host.sink.pause = True


@cocotb.test(timeout_time=60, timeout_unit="ms")
async def driver_on_rtl(dut) -> None:
    onboard.PATIENCE_S, selftest.ROUNDS = 60.0, 1  # of a simulation
    overlay = Path(os.environ["HWSV_AXI_PATTERNS"]) / "overlay"
    host = Host(dut)
    await host.power_up()
    board = RtlBoard(host, addresses(overlay))
    assert await bridge(selftest.selftest)(overlay, board)

    def interrupted() -> None:
        """A run is given up in mid-packet and in mid-embedding; the next one is right."""
        golden = np.load(overlay / "golden.npz")
        features, frames = golden["features_0"].tobytes(), int(golden["frames"][0])
        accelerator = Accelerator(overlay, board)
        real = accelerator._wait

        def give_up(*_: object, **__: object) -> None:
            raise AcceleratorError("given up")

        for polls in (0, 3, 40):
            accelerator._wait = give_up  # type: ignore[method-assign]
            with suppress(AcceleratorError):
                accelerator.run(features, frames)
            for _ in range(polls):
                board.dma.read(0x04)
            accelerator._wait = real  # type: ignore[method-assign]
            accelerator.reset()
            assert accelerator.run(features, frames).words == golden["embedding_0"].tobytes()
        assert board.dma.cuts

    await bridge(interrupted)()
