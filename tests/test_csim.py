"""The generated C++ against the golden models: every unit alone, whole networks, and mutations that must be seen."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwsv import csim, wiring
from hwsv.boards import load_board
from hwsv.codegen import bounded, hls, hls_model, shards
from hwsv.design import Design, InputSpec, Manifest
from hwsv.errors import CheckFailed, InputError
from hwsv.folding import fold
from hwsv.graph import INPUT, OUTPUT, UnitGraph
from hwsv.simulator import timing
from hwsv.units.base import Tensor
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow
from tests.graphs import Builder, resnet
from tests.units import catalogue

PER_KIND = 2
LENGTHS = (9, 4, 13)


def cases() -> list[tuple]:
    """(unit, inputs of three utterances) for random units of every kind."""
    made = []
    for kind, make in catalogue.MAKERS.items():
        for seed in range(PER_KIND if kind != "length_fork" else 0):
            r = Random(f"{kind}{seed}")
            unit = make(r)
            frames = [catalogue.legal_frames(r, unit) for _ in range(3)]
            made.append((unit, [tuple(catalogue.inputs(r, unit, n)) for n in frames]))
    return [*made, *window_cases(), wide_case()]


def window_cases() -> list[tuple]:
    """Padded windows that read slower than pixels come: one released too early is overwritten before its last use."""
    g = np.random.default_rng(0)
    units = [
        SlidingWindow(20, 4, "INT4", (3, 3), (1, 1), (1, 1, 1, 1), lanes=1),
        SlidingWindow(8, 4, "INT4", (3, 3), (1, 1), (2, 1, 1, 1), lanes=2),
        SlidingWindow(9, 2, "INT4", (1, 1), (2, 2), lanes=2),
    ]
    return [(unit, [(g.integers(-8, 8, (frames, unit.freq, unit.channels)),) for frames in (9, 4)]) for unit in units]


def wide_case() -> tuple:
    """A memory word of 2048 bits: wider than ``ap_uint`` goes by default."""
    g = np.random.default_rng(0)
    weights, x = (g.choice([-1, 1], shape) for shape in ((64, 64), (3, 2, 64)))
    unit = Mvtu(2, 64, 64, weights, "BIPOLAR", "BIPOLAR", "INT8", pe=32, simd=64)
    return unit, [(x,), (x[:1],)]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    chosen = cases()
    return chosen, csim.run_units(chosen, tmp_path_factory.mktemp("units"))


@pytest.mark.parametrize("mode", ["fast", "strict"])
def test_every_unit_computes_its_golden_model(units, mode):
    chosen, results = units
    for (unit, utterances), outputs in zip(chosen, results[mode], strict=True):
        for tensors, got in zip(utterances, outputs, strict=True):
            for expected, tensor in zip(unit.golden(*tensors), got, strict=True):
                np.testing.assert_array_equal(tensor, expected, err_msg=str(unit))


def test_units_are_free_of_undefined_behaviour(tmp_path_factory):
    """The first unit of every kind, strictly and under UBSan: it ends the run at the first overflow or bad index."""
    first = {unit.kind: (unit, utterances) for unit, utterances in reversed(cases())}
    (results,) = csim.run_units(list(first.values()), tmp_path_factory.mktemp("sanitized"), ("sanitized",)).values()
    for (unit, utterances), outputs in zip(first.values(), results, strict=True):
        for tensors, got in zip(utterances, outputs, strict=True):
            assert all(map(np.array_equal, got, unit.golden(*tensors))), str(unit)


def open_design(graph: UnitGraph, folder: Path) -> Design:
    """A design folder with what csim needs of one."""
    board = load_board("pynq-z2")
    hls.generate(graph, "toy", folder / "hls", board)
    spec = InputSpec(freq=graph.stream(INPUT).freq, channels=1, dtype="INT8", scale=1.0, frames_example=9)
    outputs = graph.stream(OUTPUT).channels
    manifest = Manifest(
        name="toy", hwsv_version="0", hash="", board=board, target_fps=1, input=spec, outputs=outputs
    )  # fmt: skip
    design = Design(folder, manifest)
    design.__dict__["graph"] = graph
    return design


def random_features(graph: UnitGraph) -> list[Tensor]:
    g = np.random.default_rng(0)
    return [g.integers(-128, 128, (frames, graph.stream(INPUT).freq, 1)) for frames in LENGTHS]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    graph = resnet(freq=8, width=4, blocks=(1, 1), outputs=6)
    graph = wiring.wire(fold(graph, 13, 2000.0))
    return open_design(graph, tmp_path_factory.mktemp("network"))


@pytest.mark.parametrize(("mode", "processes"), [("fast", 1000), ("strict", 10), ("bounded", 10)])
def test_every_channel_of_a_network_is_the_golden_models(network, mode, processes, monkeypatch):
    """In one translation unit, and split over several."""
    monkeypatch.setattr(shards, "PROCESSES", processes)
    monkeypatch.setattr(shards.os, "cpu_count", lambda: 2)
    features = random_features(network.graph)
    simulation = csim.Csim(network, mode)
    split = list(simulation.compile().parent.glob("toy_units*.cpp"))
    assert len(split) == (2 if processes == 10 else 0)
    traced = simulation.run(features, trace=True)
    for x, embedding, channels in zip(features, traced.embeddings, traced.channels, strict=True):
        golden = network.graph.golden(x)
        assert channels.keys() == golden.keys()
        for tensor, expected in golden.items():
            np.testing.assert_array_equal(channels[tensor], expected, err_msg=tensor)
        np.testing.assert_array_equal(embedding, golden[OUTPUT].reshape(-1))
    plain = simulation.run(features)
    assert plain.channels == [] and all(map(np.array_equal, plain.embeddings, traced.embeddings))


def test_no_utterances_give_no_embeddings(network):
    assert csim.Csim(network).run([]).embeddings == []


def test_too_short_an_utterance_is_bad_input(network):
    with pytest.raises(InputError, match="too short"):
        csim.Csim(network).run([np.zeros((0, 8, 1), np.int64)])


def test_the_test_bench_compares_with_expected_vectors(network, tmp_path):
    features = random_features(network.graph)
    golden = [network.graph.golden(x)[OUTPUT] for x in features]
    executable = csim.Csim(network).compile()
    hls.write_random_vectors(network.graph, tmp_path / "random", [1, 9])  # what `hwsv compile` leaves in data/
    done = subprocess.run([executable, tmp_path / "random"], capture_output=True, text=True)
    assert done.returncode == 0 and "12 expected, 0 differ" in done.stdout
    hls.write_vectors(network.graph, tmp_path / "data", features, golden)
    assert subprocess.run([executable, tmp_path / "data"], capture_output=True).returncode == 0
    golden[1] = golden[1] + 1
    hls.write_vectors(network.graph, tmp_path / "data", features, golden)
    assert subprocess.run([executable, tmp_path / "data"], capture_output=True).returncode == 1


@pytest.fixture
def small(tmp_path) -> Design:
    """A stem and a head: cheap to compile after each mutation."""
    builder = Builder(6)
    builder.stem(2)
    return open_design(wiring.wire(builder.head(3)), tmp_path)


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.DOTALL)
    assert count == 1
    path.write_text(text)


def test_a_flipped_bit_of_an_emitted_weight_is_seen(small):
    features = random_features(small.graph)
    simulation = csim.Csim(small)
    before = simulation.run(features).embeddings
    path = small.folder / "hls" / "toy_weights.hpp"
    limb = int(re.search(r"fc_mvtu_weights\[\d+\]\[1\] = \{\s*\{0x(\w+)u\}", path.read_text())[1], 16)
    edit(path, r"(fc_mvtu_weights\[\d+\]\[1\] = \{\s*)\{0x\w+u\}", rf"\1{{0x{limb ^ 1:x}u}}")
    after = simulation.run(features).embeddings
    assert not all(map(np.array_equal, before, after))


def test_reading_an_empty_stream_names_stream_and_processes(small):
    config = small.folder / "hls" / "toy_config.hpp"
    edit(config, r"(struct stem_requantise \{.*?in_frame_words = )(\d+)", r"\g<1>1\2")
    with pytest.raises(CheckFailed, match=r"empty stream.*stem_mvtu_out.*'stem_mvtu'.*'stem_requantise'") as caught:
        csim.Csim(small).run(random_features(small.graph))
    assert "\n" not in str(caught.value)


def test_words_left_over_name_the_stream(small):
    edit(small.folder / "hls" / "toy_config.hpp", r"(struct fc_mvtu \{.*?synapse_folds = )\d+", r"\g<1>1")
    with pytest.raises(CheckFailed, match=r"left over.*stats_pool_out"):
        csim.Csim(small).run(random_features(small.graph))


def test_strict_mode_shows_an_accumulator_that_is_too_narrow(small):
    """Native integers hide it, which is why there are two modes."""
    config = small.folder / "hls" / "toy_config.hpp"
    features = random_features(small.graph)
    golden = [small.graph.golden(x)["stem_mvtu_out"] for x in features]
    edit(config, r"(struct stem_mvtu \{.*?using out_type = hwsv::Int<)\d+>", r"\g<1>5>")
    strict = csim.Csim(small, "strict").run(features, trace=True)
    assert not all(np.array_equal(c["stem_mvtu_out"], g) for c, g in zip(strict.channels, golden, strict=True))


def test_the_sanitizer_passes_a_good_network_and_names_the_line_of_a_bad_one(small):
    """Bad: a native accumulator that is too narrow for a long utterance."""
    features = [np.random.default_rng(0).integers(-128, 128, (800, 6, 1))]
    (embedding,) = csim.Csim(small, "sanitized").run(features).embeddings
    np.testing.assert_array_equal(embedding, small.graph.golden(features[0])[OUTPUT].reshape(-1))
    edit(small.folder / "hls" / "include" / "stats_pool.hpp", r"using Wide = [^;]*;", "using Wide = int;")
    with pytest.raises(CheckFailed, match=r"stats_pool.hpp:\d+.*signed integer overflow"):
        csim.Csim(small, "sanitized").run(features)


@pytest.fixture(scope="module")
def block(tmp_path_factory) -> tuple[Design, str, int]:
    """A residual block, the name of its bypass FIFO in C++, and the least depth with which the RTL does not hang."""
    graph = wiring.wire(fold(resnet(freq=6, width=2, blocks=(1,), outputs=3), 13, 2000.0))
    design = open_design(graph, tmp_path_factory.mktemp("block"))
    bypass = graph.node("s0c0_add").inputs[1]

    def hangs(depth: int) -> bool:
        try:
            timing.run(graph, list(LENGTHS), graph.channels | {bypass: replace(graph.channels[bypass], depth=depth)})
        except timing.Deadlock:
            return True
        return False

    cliff = next(depth for depth in range(1, 100) if not hangs(depth))
    assert cliff > 2
    (name,) = [port.name for port in hls_model.build(graph, "toy").channels if port.tensor == bypass]
    return design, name, cliff


def declare(design: Design, stream: str, depth: int) -> None:
    edit(design.folder / "hls" / "toy.cpp", rf"(#pragma HLS STREAM variable={stream} depth=)\d+", rf"\g<1>{depth}")


def test_a_fifo_as_deep_as_the_rtl_needs_does_not_hang(block):
    design, stream, cliff = block
    declare(design, stream, cliff)
    features = random_features(design.graph)
    found = csim.Csim(design, "bounded").run(features * 3).embeddings
    expected = [design.graph.golden(x)[OUTPUT].reshape(-1) for x in features] * 3
    assert all(map(np.array_equal, found, expected))


def test_a_fifo_past_the_cliff_is_a_deadlock_with_its_cycle(block):
    """One word below the RTL's cliff the HLS fork, which fills its outputs in turn, just manages; two do not."""
    design, stream, cliff = block
    declare(design, stream, cliff - 2)
    with pytest.raises(csim.HlsDeadlock) as caught:
        csim.Csim(design, "bounded").run(random_features(design.graph))
    deadlock = caught.value
    assert deadlock.exit_code == 1 and "\n" not in str(deadlock)
    assert f"stem_requantise_out_fork: {stream!r} is full (depth {cliff - 2})" in deadlock.cycle
    entries = [re.fullmatch(r"(\w+): '(\w+)' is (full|empty) \(depth \d+\)", text) for text in deadlock.cycle]
    ends = csim._ends(design.graph, hls_model.build(design.graph, "toy"))
    for entry, following in zip(entries, [*entries[1:], entries[0]], strict=True):
        process, name, state = entry.groups()
        writer, reader = ends[name]
        assert (process, following[1]) == ((reader, writer) if state == "empty" else (writer, reader))
    assert set(deadlock.cycle) < set(deadlock.blocked) and all(text in str(deadlock) for text in deadlock.blocked)


def test_a_stream_without_a_depth_has_vitis_default(block):
    text = (block[0].folder / "hls" / "toy.cpp").read_text()
    line = f"#pragma HLS STREAM variable={block[1]} "
    bare = "".join(part for part in text.splitlines(keepends=True) if not part.startswith(line))
    depths = re.findall(rf"{block[1]}\.bound\((\d+)\)", bounded.instrument(bare))
    assert depths == ["2"]
    processes = len(block[0].graph.nodes)  # with distribute_lengths in place of the length fork
    assert bounded.instrument(text).count("hls::csim::process(") == processes


def test_a_process_that_waits_for_words_that_never_come_is_named(small):
    config = small.folder / "hls" / "toy_config.hpp"
    edit(config, r"(struct stem_requantise \{.*?in_frame_words = )(\d+)", r"\g<1>1\2")
    with pytest.raises(csim.HlsDeadlock, match=r"stem_requantise: 'stem_mvtu_out' is empty \(depth \d+\)"):
        csim.Csim(small, "bounded").run(random_features(small.graph))


def test_a_file_without_a_dataflow_region_is_no_top():
    for text in ("", "int main() {}\n", "void toy(\n) {\n#pragma HLS DATAFLOW\n}\n"):
        with pytest.raises(InputError, match="dataflow"):
            bounded.instrument(text)


def test_a_folder_without_a_project_is_bad_input(small):
    (small.folder / "hls" / "toy.cpp").unlink()
    with pytest.raises(InputError, match="no HLS project"):
        csim.Csim(small).run([])
