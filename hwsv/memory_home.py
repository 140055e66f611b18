"""Where a memory lives, LUTs or block RAM, by its depth and width: the one place that decides it.

The LUT counts are what yosys makes (``python -m benchmarks.synthesis DESIGN`` prints both).
"""

import math
from typing import Literal

from hwsv.boards import Resources

Home = Literal["lut", "bram"]
REGISTER_DEPTH = 2
"""FIFOs of so few words are registers (``rtl_templates/fifo.sv``)."""


def memory_home(depth: int, width: int, resources: Resources, writable: bool = False) -> tuple[Home, int]:
    """The home of `depth` words of `width` bits that takes the smaller share of the board, and its blocks there.

    A block of 18 kbit with 36-bit ports holds 512 x 36, 1k x 18 … 16k x 1: shallow wide memories fill many blocks with
    little (18 words of 512 bits: 15 blocks at 3 %), so they live in LUTs.
    """
    blocks = block_count(depth, width, resources)
    if lut_memory(depth, width, resources, writable) * resources.bram_blocks <= blocks * resources.lut:
        return "lut", 0
    return "bram", blocks


def block_count(depth: int, width: int, resources: Resources) -> int:
    """Blocks of the best of the block's shapes: each halving of its port doubles its depth.

    Words beyond a block's depth lie beside the others, as bits of wider words (yosys does so): 9216 words of 4 bits
    are 1024 of 36, two blocks of 18 kbit with nothing lost.
    """
    port: int = resources.bram_port_bits
    rows = resources.bram_block_kbit * 1024 // port
    best = math.inf
    while port:
        best = min(best, math.ceil(math.ceil(depth / rows) * width / port))
        port, rows = port // 2, rows * 2
    return int(best)


def block_multiplexers(depth: int, width: int, resources: Resources) -> float:
    """LUTs behind the blocks of a memory that is deeper than they are: they choose among words that lie side by side.

    In the shape with 18-bit ports, which yosys prefers for such memories.
    """
    rows = resources.bram_block_kbit * 1024 // min(18, resources.bram_port_bits)
    return width * (math.ceil(depth / rows) - 1) * _INPUT[resources.lut_inputs]


def lut_memory(depth: int, width: int, resources: Resources, writable: bool = False) -> float:
    """LUTs for one read port, and one write port where it is `writable`."""
    return (_ram if writable else _rom)(depth, width, resources.lut_inputs)


_INPUT = {4: 2 / 3, 6: 1 / 3}
"""LUTs an input of a multiplexer of one bit: a LUT6 has four inputs, two LUT4 as well."""


def _rom(depth: int, width: int, lut_inputs: int) -> float:
    """Tables of up to 2^7 (LUT4) or 2^8 (LUT6) words come with their multiplexers. Of deeper ones every further part
    needs its place in a multiplexer, and its part of the address decoded."""
    word, wide, further = (16, 128, 2.5) if lut_inputs == 4 else (64, 256, 1)
    return width * (math.ceil(depth / word) + (math.ceil(depth / wide) - 1) * further)


def _ram(depth: int, width: int, lut_inputs: int) -> float:
    """LUT4: 16 words of 4 bits in four LUTs, and two that become their write port. LUT6: 32 words of 6 bits in four.
    Few words are registers. Every row more needs a place in the read multiplexer and in the write decoder."""
    if depth <= REGISTER_DEPTH:
        return width * (depth - 1)
    rows = math.ceil(depth / (16 if lut_inputs == 4 else 32))
    cells, decoder = (6 * math.ceil(width / 4), 5) if lut_inputs == 4 else (4 * math.ceil(width / 6), 2)
    return rows * cells + (rows - 1) * (width * _INPUT[lut_inputs] * 0.85 + decoder)
