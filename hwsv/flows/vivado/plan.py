"""Where things are in a Vivado project: addresses, clock and memory by board, shared by Tcl, overlay and tests."""

from dataclasses import dataclass
from typing import Literal

from hwsv.boards import Board
from hwsv.errors import InputError
from hwsv.host import axi_registers

Kind = Literal["zynq7", "zynqmp", "pins"]
Backend = Literal["rtl", "hls"]

BACKENDS: tuple[Backend, ...] = ("rtl", "hls")

CRYSTAL_MHZ = {"pynq-z1": 50.0, "pynq-z2": 50.0}
"""At the processor; every other board has `DEFAULT_CRYSTAL_MHZ`. Source: base.tcl of these boards in PYNQ."""
DEFAULT_CRYSTAL_MHZ = 33.333333

REGISTERS_RANGE = 2**axi_registers.ADDRESS_BITS
DMA_RANGE = 2**16
DMA_LENGTH_BITS = (14, 26)
"""Fewest and most bits of the length of a transfer (AMD PG021: 8 to 26; 14 is its default)."""


@dataclass(frozen=True)
class AddressMap:
    """What the processor sees of the logic, and the DMA of the memory, which it sees from address 0 on."""

    dma: int
    registers: int
    dram_range: int


ADDRESSES: dict[Kind, AddressMap] = {
    "zynq7": AddressMap(dma=0x4040_0000, registers=0x43C0_0000, dram_range=2**29),
    "zynqmp": AddressMap(dma=0xA000_0000, registers=0xA001_0000, dram_range=2**31),
}
"""Inside M_AXI_GP0 (0x4000_0000, 1 GiB) and M_AXI_HPM0_FPD (0xA000_0000, 256 MiB)."""

CLOCKS: dict[Kind, str] = {"zynq7": "clk_fpga_0", "zynqmp": "clk_pl_0", "pins": "clk"}
"""Name of the clock in the implemented design."""


def kind_of(board: Board) -> Kind:
    """What kind of project `board` needs. Raises InputError."""
    if board.flow != "vivado":
        raise InputError(f"board {board.name!r}: flow {board.flow!r} has no Vivado project")
    device = board.device.lower()
    if device.startswith("xc7z"):
        return "zynq7"
    if device.startswith(("xczu", "xck")):
        return "zynqmp"
    if device.startswith("xc7") and board.pins.clock:
        return "pins"
    raise InputError(
        f"board {board.name!r}: no Vivado project for device {board.device!r}; there are ones for Zynq-7000, Zynq "
        "UltraScale+ (PYNQ overlay) and 7 series devices with a clock pin (UART)"
    )


def dma_length_bits(packet_bytes: int) -> int:
    """Width of the DMA's length register for packets of up to so many bytes; 26 at most, longer ones cannot be sent."""
    low, high = DMA_LENGTH_BITS
    return min(max(packet_bytes.bit_length(), low), high)
