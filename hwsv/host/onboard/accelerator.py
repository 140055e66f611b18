"""The accelerator as the board's own processor sees it: registers, and a DMA between memory and its two streams.

An embedding is returned only for the utterance that it was asked for: frames and tag come back with it. Everything
else ends in an `AcceleratorError` with a dump of the registers, and within a bounded time.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hwsv.host import axi_registers
from hwsv.host.axi_registers import AxiResult, Control, Status
from hwsv.host.uart_protocol import Info

FACTS = "overlay.json"
TIMING = "timing.json"

# AXI DMA in direct register mode (AMD PG021, table "register address map"): a channel's registers
MM2S, S2MM = 0x00, 0x30
_CONTROL, _STATUS, _ADDRESS, _LENGTH = 0x00, 0x04, 0x18, 0x28
_RUN, _RESET = 0x1, 0x4  # in _CONTROL
_HALTED, _IDLE, _ERRORS = 0x1, 0x2, 0x70  # in _STATUS; errors: internal, slave, decode

CLOCK_TOLERANCE = 1.001
"""How much faster than timed the clock may be: the crystal's share."""

PATIENCE_S = 1.0
"""What a run may take longer than the shell's own time-out."""


class AcceleratorError(Exception):
    """``str(error)`` is one line; `dump`: the registers, where they could be read."""

    def __init__(self, message: str, dump: str = "") -> None:
        super().__init__(message)
        self.dump = dump


class Accelerator:
    """The overlay of a folder, loaded. Opening it programs the logic.

    folder: holds `FACTS`, the ``.bit``, the ``.hwh`` of the same name and `TIMING`. Raises AcceleratorError.
    """

    def __init__(self, folder: Path, pynq: Any = None) -> None:
        if pynq is None:
            import pynq  # type: ignore[no-redef]  # on the board only
        self.facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
        bitstream = folder / self.facts["bitstream"]
        for path in (bitstream, bitstream.with_suffix(".hwh"), folder / TIMING):
            if not path.is_file():
                raise AcceleratorError(f"{path} is missing: Vivado makes it (build.tcl); copy the whole overlay folder")
        self._pynq = pynq
        overlay = pynq.Overlay(str(bitstream))
        self._shell = self._mapped(overlay, "accelerator", self.facts["registers"])
        self._dma = self._mapped(overlay, "dma", self.facts["dma"])
        self.clock_mhz = self._check_clock(json.loads((folder / TIMING).read_text())["period_ns"])
        try:
            self.info: Info = axi_registers.read_info(self._shell.read)
        except ValueError as error:
            raise AcceleratorError(f"{bitstream}: {error}") from error
        if self.info.design_hash != self.facts["design_hash"]:
            raise AcceleratorError(
                f"{bitstream} holds design {self.info.design_hash[:12]}, this folder is for "
                f"{self.facts['design_hash'][:12]}: build the bitstream again, or copy the folder again"
            )
        self._tag = 0
        self._input = self._buffer(64)
        self._output = self._buffer(axi_registers.result_packet_bytes(self.info))
        self.reset()

    def run(self, features: bytes, frames: int) -> AxiResult:
        """The embedding of one utterance: `frames` frames of whole feature words. Raises AcceleratorError."""
        if not self.info.frames_min <= frames <= self.info.frames_max:
            raise AcceleratorError(
                f"{frames} frames: this design takes {self.info.frames_min} to {self.info.frames_max}"
            )
        if len(features) != frames * self.info.frame_words * self.info.feature_bytes:
            raise AcceleratorError(f"{len(features)} bytes are not {frames} frames of features")
        self._tag = (self._tag + 1) & 0xFFFF
        packet = axi_registers.packet(features, frames, self._tag)
        if len(packet) >= 2 ** self.facts["dma_length_bits"]:
            raise AcceleratorError(f"{len(packet)} bytes are more than one DMA transfer holds")
        if len(self._input) < len(packet):
            self._input.freebuffer()
            self._input = self._buffer(len(packet))
        self._input[: len(packet)] = np.frombuffer(packet, np.uint8)
        self._input.flush()
        self._start(S2MM, self._output, len(self._output))
        self._start(MM2S, self._input, len(packet))
        self._wait(S2MM, "no embedding came")
        self._output.invalidate()
        received = self._dma.read(S2MM + _LENGTH)  # after a transfer: the bytes that came
        if received != len(self._output):
            self._fail(f"{received} bytes came instead of the {len(self._output)} of an embedding")
        result = AxiResult.decode(bytes(self._output), self.info)
        if (result.frames, result.tag) != (frames, self._tag):
            self._fail(f"an embedding of another utterance came ({result.frames} frames, tag {result.tag})")
        return result

    def reset(self) -> None:
        """Forgets all utterances and the error; takes what an earlier run left on its way. Raises AcceleratorError."""
        self._reset_dma()
        self._shell.write(axi_registers.offset("CONTROL"), int(Control.RESET))
        if self._read("STATUS") & Status.SENDING:
            self._start(S2MM, self._output, len(self._output))
            self._wait(S2MM, "the rest of an earlier embedding did not come", recover=False)
        if self._read("STATUS") & (Status.SENDING | Status.FAILED):
            self._fail("the accelerator does not come out of its reset", recover=False)

    def loopback(self, content: int) -> int:
        """32 bits, written to a register and read back."""
        self._shell.write(axi_registers.offset("SCRATCH"), content)
        return self._read("SCRATCH")

    def status(self) -> str:
        """The registers, for a person."""
        lines = [f"{name} {text}" for name, text in axi_registers.dump(self._shell.read).items()]
        for name, channel in (("MM2S", MM2S), ("S2MM", S2MM)):
            lines.append(f"DMA {name} status {self._dma.read(channel + _STATUS):#010x}")
        return "\n".join(lines)

    def _mapped(self, overlay: Any, name: str, wanted: "dict[str, int]") -> Any:
        """The registers of an IP, where both the ``.hwh`` and this folder say that they are."""
        found = overlay.ip_dict.get(name)
        if found is None or (found["phys_addr"], found["addr_range"]) != (wanted["offset"], wanted["range"]):
            where = "missing" if found is None else f"at {found['phys_addr']:#x}"
            raise AcceleratorError(
                f"the .hwh has '{name}' {where}, this folder expects it at {wanted['offset']:#x}: they "
                "are of different builds"
            )
        return self._pynq.MMIO(wanted["offset"], wanted["range"])

    def _check_clock(self, period_ns: float) -> float:
        """The logic's clock in MHz, set if need be to what the design was timed for. Raises AcceleratorError."""
        clocks, timed = self._pynq.Clocks, 1000 / period_ns
        if abs(clocks.fclk0_mhz / timed - 1) > CLOCK_TOLERANCE - 1:
            clocks.fclk0_mhz = timed
        if clocks.fclk0_mhz > timed * CLOCK_TOLERANCE:
            raise AcceleratorError(f"the clock is {clocks.fclk0_mhz:g} MHz, the design was timed for {timed:g} MHz")
        return float(clocks.fclk0_mhz)

    def _buffer(self, count: int) -> Any:
        """`count` bytes that the DMA reaches."""
        buffer = self._pynq.allocate(shape=(count,), dtype=np.uint8)
        if buffer.physical_address + count > self.facts["dram_range"]:
            raise AcceleratorError(
                f"a buffer lies at {buffer.physical_address:#x}, beyond the {self.facts['dram_range'] >> 20} MiB that "
                "the DMA reaches"
            )
        return buffer

    def _start(self, channel: int, buffer: Any, count: int) -> None:
        self._dma.write(channel + _CONTROL, _RUN)
        self._until(lambda: not self._dma.read(channel + _STATUS) & _HALTED, "the DMA does not start")
        self._dma.write(channel + _ADDRESS, buffer.physical_address)
        self._dma.write(channel + _LENGTH, count)  # starts the transfer

    def _wait(self, channel: int, what: str, recover: bool = True) -> None:
        """Until the transfer has ended, or the shell or the DMA reports an error, or too much time has gone by."""
        shell_s = self._read("TIMEOUT") / (1e6 * self.clock_mhz)
        moved = time.monotonic()
        seen = -1
        while True:
            status = self._dma.read(channel + _STATUS)
            if status & (_ERRORS | _HALTED):
                self._fail(f"{what}: DMA error, status {status:#x}", recover)
            if status & _IDLE:
                return
            if self._read("STATUS") & Status.FAILED:
                code = self._read("ERROR")
                known = [error.name for error in axi_registers.ErrorCode if error == code]
                self._fail(f"{what}: {known[0] if known else f'error {code}'}", recover)
            fed = self._read("FED")
            if fed != seen:
                seen, moved = fed, time.monotonic()
            if time.monotonic() - moved > shell_s + PATIENCE_S:
                self._fail(f"{what}: nothing has moved for {time.monotonic() - moved:.1f} s", recover)

    def _fail(self, message: str, recover: bool = True) -> None:
        dump = self.status()
        if recover:
            self.reset()
        raise AcceleratorError(message, dump)

    def _reset_dma(self) -> None:
        self._dma.write(MM2S + _CONTROL, _RESET)  # resets both channels
        self._until(lambda: not self._dma.read(MM2S + _CONTROL) & _RESET, "the DMA does not come out of its reset")

    def _until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            if time.monotonic() > deadline:
                self._fail(what, recover=False)

    def _read(self, name: str) -> int:
        return int(self._shell.read(axi_registers.offset(name)))
