"""Proves the accelerator on the board itself: identity, loopback, golden vectors, throughput.

``python3 -m hwsv.host.onboard.selftest [FOLDER]``. Exit code 0: every embedding was the expected one.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from hwsv.host.onboard.accelerator import Accelerator, AcceleratorError

GOLDEN = "golden.npz"
"""``frames`` [N]; ``features_<i>`` and ``embedding_<i>``: the bytes of words, as the driver sends and receives them."""
ROUNDS = 20


def selftest(folder: Path, pynq: Any = None) -> bool:
    """Prints a line a step; whether all embeddings were right. Raises AcceleratorError."""
    accelerator = Accelerator(folder, pynq)
    info = accelerator.info
    print(f"identity    design {info.design_hash[:12]}, hwsv {info.hwsv_version}, {accelerator.clock_mhz:g} MHz")
    patterns = (0x00000000, 0xFFFFFFFF, 0xA5A5A5A5, 0x12345678)
    if any(accelerator.loopback(pattern) != pattern for pattern in patterns):
        raise AcceleratorError("a register gives back something else than was written", accelerator.status())
    print(f"loopback    {len(patterns)} patterns")
    golden = np.load(folder / GOLDEN)
    wrong = 0
    for i, frames in enumerate(golden["frames"]):
        result = accelerator.run(golden[f"features_{i}"].tobytes(), int(frames))
        equal = result.words == golden[f"embedding_{i}"].tobytes()
        wrong += not equal
        print(f"golden {i}    {frames} frames: {'equal' if equal else 'DIFFERENT'}, {result.total:,} cycles")
    features, frames = golden["features_0"].tobytes(), int(golden["frames"][0])
    started = time.monotonic()
    for _ in range(ROUNDS):
        accelerator.run(features, frames)
    rate = ROUNDS / (time.monotonic() - started)
    print(f"throughput  {rate:.1f} embeddings of {frames} frames a second, one after the other")
    return wrong == 0


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(".")
    try:
        right = selftest(folder)
    except AcceleratorError as error:
        print(f"error: {error}\n{error.dump}".rstrip(), file=sys.stderr)
        return 1
    print("all embeddings are as computed by hwsv" if right else "WRONG EMBEDDINGS: do not use this bitstream")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
