"""A board for `hwsv.host.onboard`: what it uses of the package pynq, over models of the DMA and of the AXI shell.

Needs numpy and `hwsv.host.axi_registers` only, so that an overlay package can be tried as it lies on a board.
The DMA is that of AMD PG021 in direct register mode; the shell is that of docs/axi-shell.md, without time.
"""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np

from hwsv.host import axi_registers
from hwsv.host.axi_registers import BY_NAME, Control, ErrorCode, Status
from hwsv.host.uart_protocol import Info

MM2S, S2MM = 0x00, 0x30
POLLS = 3
"""How often a status is read before a transfer has ended."""


def addresses(overlay: Path) -> "dict[str, tuple[int, int]]":
    """What the ``.hwh`` of an overlay package would say: IP -> (offset, range)."""
    facts = json.loads((overlay / "overlay.json").read_text())
    return {
        ip: (facts[key]["offset"], facts[key]["range"]) for ip, key in (("accelerator", "registers"), ("dma", "dma"))
    }


class Buffer(np.ndarray):
    """Memory that the DMA reaches."""

    physical_address = 0
    freed = False

    def flush(self) -> None: ...
    def invalidate(self) -> None: ...
    def freebuffer(self) -> None:
        self.freed = True


class Shell:
    """Registers and packets. `answer`: (features, frames) -> bytes of the embedding."""

    def __init__(self, info: Info, answer) -> None:
        self.info, self.answer = info, answer
        self.registers = {register.name: register.reset or 0 for register in axi_registers.REGISTERS}
        self.registers["TIMEOUT"] = info.clock_hz // 100
        for name in (
            "feature_bytes",
            "frame_words",
            "frames_min",
            "frames_max",
            "result_bytes",
            "result_words",
            "clock_hz",
        ):
            self.registers[name.upper()] = getattr(info, name)
        self.out: list[bytes] = []
        self.hang = self.mix_up = False

    def read(self, offset: int) -> int:
        for register in axi_registers.REGISTERS:
            index = (offset - register.offset) // 4
            if 0 <= index < register.words:
                if register.words == 1:
                    return self.registers[register.name]
                text = (
                    bytes.fromhex(self.info.design_hash) if register.name == "DESIGN_HASH" else b"test".ljust(16, b"\0")
                )
                return struct.unpack_from("<I", text, 4 * index)[0]
        return 0

    def write(self, offset: int, value: int) -> None:
        name = next(name for name, register in BY_NAME.items() if register.offset == offset)
        assert "w" in BY_NAME[name].access
        if name != "CONTROL":
            self.registers[name] = value
        elif value & Control.RESET:
            self.registers |= dict.fromkeys(("STATUS", "ERROR", "UTTERANCES", "RESULTS", "FED"), 0)
            if self.out:  # a packet on its way is sent to its end
                self.registers["STATUS"] = int(Status.SENDING)
                del self.out[1:]

    def fail(self, code: ErrorCode) -> None:
        self.registers["STATUS"] |= Status.FAILED
        self.registers["ERROR"] = int(code)

    def take(self, packet: bytes) -> None:
        if self.registers["STATUS"] & Status.FAILED:
            return
        magic, frames, tag = struct.unpack_from("<IHH", packet)
        features = packet[axi_registers.HEADER_BYTES :]
        size = frames * self.info.frame_words * self.info.feature_bytes
        if magic != axi_registers.MAGIC:
            return self.fail(ErrorCode.BAD_HEADER)
        if not self.info.frames_min <= frames <= self.info.frames_max:
            return self.fail(ErrorCode.BAD_FRAMES)
        if len(features) != size:
            return self.fail(ErrorCode.SHORT if len(features) < size else ErrorCode.LONG)
        self.registers["FED"] = frames * self.info.frame_words
        if self.hang:
            return None
        words = self.answer(features, frames)
        words += bytes(-len(words) % axi_registers.BUS_BYTES)
        self.out.append(struct.pack("<HHII", frames, tag ^ self.mix_up, 1000 + frames, 100) + words)
        return None


class Dma:
    """Two channels; a transfer starts with its length."""

    def __init__(self, shell: Shell, memory: list[Buffer], length_bits: int) -> None:
        self.shell, self.memory, self.length_bits = shell, memory, length_bits
        self.registers = {channel + offset: 0 for channel in (MM2S, S2MM) for offset in (0x00, 0x04, 0x18, 0x28)}
        self.reset()

    def reset(self) -> None:
        self.registers = dict.fromkeys(self.registers, 0) | {MM2S + 4: 1, S2MM + 4: 1}  # halted
        self.waiting: dict[int, int] = {}
        self.polls = 0

    def write(self, offset: int, value: int) -> None:
        channel = S2MM if offset >= S2MM else MM2S
        self.registers[offset] = value
        if offset == channel and value & 4:
            self.reset()
        elif offset == channel and value & 1:
            self.registers[channel + 4] &= ~1
        elif offset == channel + 0x28:
            assert not self.registers[channel + 4] & 1, "the channel is halted"
            assert 0 < value < 2**self.length_bits and self._buffer(channel) is not None
            assert channel not in self.waiting, "the last transfer is still under way"
            self.registers[channel + 4] &= ~2
            self.waiting[channel], self.polls = value, POLLS
            if channel == MM2S:
                self.shell.take(self._buffer(MM2S)[:value].tobytes())

    def read(self, offset: int) -> int:
        if offset in (MM2S + 4, S2MM + 4):
            self.polls -= 1
            if self.polls <= 0:
                self._move()
        return self.registers[offset]

    def _move(self) -> None:
        if self.waiting.pop(MM2S, None) is not None:
            self.registers[MM2S + 4] |= 2
        if S2MM in self.waiting and self.shell.out:
            packet, size = self.shell.out.pop(0), self.waiting.pop(S2MM)
            self.shell.registers["STATUS"] &= ~Status.SENDING
            if len(packet) > size:
                self.registers[S2MM + 4] |= 0x11  # halted by an internal error
                return
            self._buffer(S2MM)[: len(packet)] = np.frombuffer(packet, np.uint8)
            self.registers |= {S2MM + 4: self.registers[S2MM + 4] | 2, S2MM + 0x28: len(packet)}

    def _buffer(self, channel: int) -> Buffer | None:
        address = self.registers[channel + 0x18]
        return next((b for b in self.memory if b.physical_address == address and not b.freed), None)


class Clocks:
    """The logic's clock: a PLL divided by whole numbers."""

    pll_mhz = 1000.0

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor

    @property
    def fclk0_mhz(self) -> float:
        return self.pll_mhz / self.divisor

    @fclk0_mhz.setter
    def fclk0_mhz(self, wanted: float) -> None:
        self.divisor = round(self.pll_mhz / wanted)


class Board:
    """In the place of the module pynq. addresses: IP -> (offset, range), as the ``.hwh`` of the overlay says."""

    def __init__(self, info: Info, addresses: "dict[str, tuple[int, int]]", answer=None, length_bits: int = 26) -> None:
        self.info, self.addresses, self.memory = info, addresses, []
        self.shell = Shell(info, answer or self._golden)
        self.dma = Dma(self.shell, self.memory, length_bits)
        self.Clocks = Clocks(divisor=7)
        self.base = 0x1000_0000
        self.loaded: Path | None = None
        self.golden: dict[str, bytes] = {}

    def Overlay(self, bitstream: str) -> "Board":
        self.loaded = Path(bitstream)
        assert self.loaded.is_file()
        return self

    @property
    def ip_dict(self) -> "dict[str, dict[str, int]]":
        return {name: {"phys_addr": a, "addr_range": r} for name, (a, r) in self.addresses.items()}

    def MMIO(self, offset: int, size: int):
        name = next(name for name, (a, r) in self.addresses.items() if (a, r) == (offset, size))
        return {"accelerator": self.shell, "dma": self.dma}[name]

    def allocate(self, shape, dtype) -> Buffer:
        buffer = np.zeros(shape, dtype).view(Buffer)
        buffer.physical_address = self.base + 2**24 * len(self.memory)
        self.memory.append(buffer)
        return buffer

    def _golden(self, features: bytes, frames: int) -> bytes:
        """By heart: the vectors of the package."""
        if not self.golden:
            assert self.loaded
            known = np.load(self.loaded.parent / "golden.npz")
            for i in range(len(known["frames"])):
                digest = hashlib.sha256(known[f"features_{i}"].tobytes()).hexdigest()
                self.golden[digest] = known[f"embedding_{i}"].tobytes()
        return self.golden[hashlib.sha256(features).hexdigest()]
