"""PLL, constraints, cell counts, nextpnr's report, and that nothing is built twice."""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwsv.boards import board_names, load_board
from hwsv.errors import CheckFailed, InputError
from hwsv.flows import tools
from hwsv.flows.breakdown import NOTHING, Share, breakdown
from hwsv.flows.constraints import cst, lpf, ports
from hwsv.flows.place import _read
from hwsv.flows.pll import PHASE_DETECTOR_MHZ, VCO_MHZ, ecp5_pll
from hwsv.flows.synthesis import Resources, count
from hwsv.graph import INPUT, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.mvtu import Mvtu


@pytest.mark.parametrize("clock", [10, 12.5, 40, 37.5, 50, 62.5, 100, 125])
def test_the_pll_makes_the_clock_within_its_limits(clock):
    pll = ecp5_pll(25, clock)
    assert 25 / pll.reference * pll.feedback == clock
    assert VCO_MHZ[0] <= pll.vco_mhz == clock * pll.output <= VCO_MHZ[1]
    assert PHASE_DETECTOR_MHZ[0] <= 25 / pll.reference <= PHASE_DETECTOR_MHZ[1]


def test_no_pll_where_none_is_needed_and_an_error_where_none_can():
    assert ecp5_pll(25, 25) is None
    with pytest.raises(InputError, match=r"cannot make 33\.3331 MHz"):
        ecp5_pll(25, 33.3331)


@pytest.mark.parametrize("name", [n for n in board_names() if load_board(n).flow == "nextpnr"])
def test_open_boards_have_all_pins(name):
    board = load_board(name)
    assert {"clk_pin", "rx", "tx", "reset_pin", "led[0]"} <= set(ports(board))
    text = lpf(board) if board.family == "ecp5" else cst(board)
    for port, pin in ports(board).items():
        assert f'"{port}" SITE "{pin}"' in text or f'"{port}" {pin};' in text
        assert f"IO{'BUF' if board.family == 'ecp5' else '_'}" in text


def test_cells_of_every_family_are_counted():
    assert count({"LUT4": 10, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 7, "DP16KD": 1}) == Resources(28, 7, 1, 0)
    assert count({"LUT3": 1, "ALU": 4, "DFFRE": 2, "SDPB": 1, "pROM": 1, "MULT18X18": 1}) == Resources(5, 2, 2, 1)
    assert count({"LUT6": 1, "FDRE": 2, "RAMB18E2": 3, "DSP48E2": 1, "RAM64M8": 1, "IBUF": 9}) == Resources(
        9, 2, 1.5, 1
    )


def test_the_clock_that_misses_its_target_most_is_reported(tmp_path):
    path = tmp_path / "report.json"
    step = {"delay": 1.5, "type": "routing", "net": "n", "from": {}, "to": {}}
    content = {
        "fmax": {"slow": {"achieved": 30.0, "constraint": 25.0}, "fast": {"achieved": 39.0, "constraint": 40.0}},
        "utilization": {"TRELLIS_COMB": {"used": 10, "available": 100}, "MULT": {"used": 0, "available": 5}},
        "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": [step, step]}],
    }
    path.write_text(json.dumps(content))
    placed = _read(path)
    assert (placed.fmax_mhz, placed.met) == (39.0, False)
    assert placed.utilisation == {"TRELLIS_COMB": (10, 100)}
    assert placed.critical_path == ["1.50 ns routing: n"] * 2
    content["fmax"]["fast"]["achieved"] = 40.0
    path.write_text(json.dumps(content))
    assert _read(path).met
    with pytest.raises(CheckFailed, match="no report"):
        _read(tmp_path / "none.json")


def test_a_step_runs_again_only_for_other_inputs(tmp_path):
    source, output, stamp = tmp_path / "in", tmp_path / "out", tmp_path / "step.done"
    runs = []

    def make():
        runs.append(1)
        output.write_text("made")
        return {"seconds": 3.0}

    for content, expected in (("a", 1), ("a", 1), ("b", 2), ("b", 2)):
        source.write_text(content)
        assert tools.once(stamp, tools.digest("v1", source), [output], make)["seconds"] == 3.0
        assert len(runs) == expected
    output.unlink()
    tools.once(stamp, tools.digest("v1", source), [output], make)
    assert len(runs) == 3, "a lost output is made again"


def test_a_failed_step_is_not_kept(tmp_path):
    stamp, output = tmp_path / "step.done", tmp_path / "out"
    output.write_text("")

    def fail():
        raise CheckFailed("no")

    tools.once(stamp, "good", [output], lambda: {"seconds": 1.0})
    with pytest.raises(CheckFailed):
        tools.once(stamp, "other", [output], fail)
    assert not stamp.exists()


def test_the_low_half_of_a_wide_block_ram_is_at_its_port_a():
    """What docs/bitstreams.md found in Lattice's own netlists; another map in another yosys must be looked at again."""
    pytest.importorskip("pyosys")
    text = (tools.package_folder("pyosys") / "share" / "lattice" / "brams_map_16kd.v").read_text()
    wide = text.split("module $__PDPW16KD_ ")[1].split("endmodule")[0]
    for way in ("DI", "DO"):
        pins = re.findall(rf"\.({way}[AB]\d+)\({way}\[(\d+)\]\)", wide)
        assert {pin: int(bit) for pin, bit in pins} == {f"{way}{'AB'[bit // 18]}{bit % 18}": bit for bit in range(36)}


def test_a_stamp_that_was_cut_off_counts_for_nothing(tmp_path):
    stamp, output = tmp_path / "step.done", tmp_path / "out"
    output.write_text("made")
    for damaged in ('{"key": "k", "fig', "[]", "{}"):
        stamp.write_text(damaged)
        assert tools.once(stamp, "k", [output], lambda: {"seconds": 1.0})["seconds"] == 1.0


def test_an_interrupted_tool_ends_with_all_that_it_has_started(tmp_path):
    script = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"

    def interrupt(line):
        pids.append(int(line))
        raise KeyboardInterrupt

    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        tools.run([sys.executable, "-c", script], tmp_path, tmp_path / "log", "x", interrupt)
    for _ in range(100):  # a killed process that nobody waits for is a zombie for a while
        try:
            if (Path("/proc") / str(pids[0]) / "stat").read_text().split()[2] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.02)
    pytest.fail("the tool's own child is still running")


def test_a_tool_that_fails_is_quoted_with_its_log(tmp_path):
    log = tmp_path / "tool.log"
    script = "print('fine'); print('ERROR: cannot place'); print('more'); raise SystemExit(3)"
    with pytest.raises(CheckFailed, match=r"packing failed: ERROR: cannot place \(log: .*tool\.log\)"):
        tools.run([sys.executable, "-c", script], tmp_path, log, "packing")
    assert "fine" in log.read_text()
    seen = []
    assert tools.run([sys.executable, "-c", "print('line')"], tmp_path, log, "x", seen.append) >= 0
    assert seen == ["line"]


def test_missing_tools_say_how_to_install_them():
    with pytest.raises(InputError, match="no-such-tool: install them with: make setup-bitstream"):
        tools.require_tools("no-such-tool")


def test_cells_belong_to_the_unit_that_they_are_called_after(tmp_path):
    mvtu = Mvtu(1, 2, 2, np.ones((2, 2), np.int64), "BIPOLAR", "BIPOLAR", "INT4")
    nodes = [Node("conv0_mvtu", mvtu, (INPUT,), ("acc",)), Node("last", mvtu, ("acc",), (OUTPUT,))]
    graph = UnitGraph("g", nodes, dict.fromkeys((INPUT, "acc", OUTPUT), Channel(1)))
    cells = {
        "core.conv0_mvtu.beat_TRELLIS_FF_Q": "TRELLIS_FF", "$flatten\\core.\\conv0_mvtu.$39y": "MULT18X18D",
        "core.acc_fifo.lut_ram.memory.0.0": "TRELLIS_DPR16X4", "core.embedding_fifo.count_LUT4_Z": "LUT4",
        "core.features_fifo.count_LUT4_Z": "LUT4", "shell.core_LUT4_Z": "LUT4", "core.last.x": "LUT4",
    }  # fmt: skip
    netlist = {"modules": {"g_board": {"cells": {name: {"type": kind} for name, kind in cells.items()}}}}
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps(netlist))
    assert breakdown(path, "g_board", graph) == {
        "conv0_mvtu": Share(Resources(0, 1, 0, 1), Resources(6, 0, 0, 0)),
        "last": Share(Resources(1, 0, 0, 0), Resources(1, 0, 0, 0)),
        "": Share(NOTHING, Resources(2, 0, 0, 0)),
    }
