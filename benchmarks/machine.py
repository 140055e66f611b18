"""What the figures were measured on."""

import os
import platform
from pathlib import Path

_FLAGS = ("avx2", "avx512f", "avx512bw", "avx512_vpopcntdq", "avx512_bf16", "amx_int8", "popcnt")


def describe() -> str:
    """Processor, cores and the vector extensions that matter here."""
    model, flags = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = dict(
            (part.strip() for part in line.split(":", 1)) for line in info.read_text().splitlines() if ":" in line
        )
        model, flags = lines.get("model name", model), lines.get("flags", "")
    found = [flag for flag in _FLAGS if flag in flags.split()]
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}; flags: {' '.join(found) or 'unknown'}"
