"""What the AXI shell alone takes, by yosys: ``python -m benchmarks.axi_shell DESIGN`` (a compiled design)."""

import argparse
import tempfile
from pathlib import Path

from hwsv.design import Design
from hwsv.flows.axi_top import write_axi
from hwsv.flows.synthesis import synthesise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("design", type=Path)
    design = Design.open(parser.parse_args().design)
    with tempfile.TemporaryDirectory(prefix="hwsv-axi-") as name:
        folder = Path(name)
        top, sources = write_axi(design, folder, external=True)
        for family in ("xc7", "xcup"):
            found, _ = synthesise(sources, top.module, family, folder / f"{family}.json", folder)
            print(f"{top.core}, {family}: {found.lut} LUT, {found.ff} FF, {found.bram:g} RAMB36, {found.dsp} DSP")


if __name__ == "__main__":
    main()
