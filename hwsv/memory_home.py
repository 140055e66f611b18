"""Where a memory lives, LUTs or block RAM, by its depth and width: the one place that decides it."""

import math
from typing import Literal

from hwsv.boards import Resources

Home = Literal["lut", "bram"]


def memory_home(depth: int, width: int, resources: Resources) -> tuple[Home, int]:
    """The home of `depth` words of `width` bits that takes the smaller share of the board, and its blocks there.

    A block of 18 kbit with 36-bit ports holds 512 x 36, 1k x 18 … 16k x 1: shallow wide memories fill many blocks with
    little (18 words of 512 bits: 15 blocks at 3 %), so they live in LUTs.
    """
    blocks = block_count(depth, width, resources)
    if lut_memory(depth, width, resources) * resources.bram_blocks <= blocks * resources.lut:
        return "lut", 0
    return "bram", blocks


def block_count(depth: int, width: int, resources: Resources) -> int:
    """Blocks of the best of the block's shapes: each halving of its port doubles its depth."""
    port: int = resources.bram_port_bits
    rows = resources.bram_block_kbit * 1024 // port
    best = math.ceil(width / port) * math.ceil(depth / rows)
    while port > 1:
        port, rows = port // 2, rows * 2
        best = min(best, math.ceil(width / port) * math.ceil(depth / rows))
    return best


def lut_memory(depth: int, width: int, resources: Resources) -> float:
    """LUTs for one read port: 2^n bits each, and the multiplexers behind them (a LUT4 is a 2:1, a LUT6 a 4:1 one)."""
    leaves = math.ceil(depth / 2**resources.lut_inputs)
    return width * (leaves + (leaves - 1) / (1 if resources.lut_inputs == 4 else 3))
