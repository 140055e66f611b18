import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsv.boards import load_board
from hwsv.codegen import hls
from hwsv.errors import InputError
from hwsv.graph import UnitGraph
from hwsv.wiring import wire
from tests.graphs import resnet

HOSTILE = 'x"; system("touch owned"); */ int main() {\n#include <x>\n??/\n\\'


@pytest.fixture(scope="module")
def graph() -> UnitGraph:
    return wire(resnet(freq=8, width=4, blocks=(1, 1), outputs=6))


def generated(graph: UnitGraph, folder: Path, board: str = "pynq-z2") -> dict[str, str]:
    hls.generate(graph, "toy-net", folder, load_board(board))
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_graph_gives_the_same_bytes(graph, tmp_path):
    first, second = generated(graph, tmp_path / "a"), generated(graph, tmp_path / "b")
    assert first == second
    assert first == generated(graph, tmp_path / "a")
    assert {
        "toy_net.cpp", "toy_net.hpp", "toy_net_config.hpp", "toy_net_weights.hpp", "tb.cpp", "run_hls.tcl",
        "hls_config.cfg", "units/fc_mvtu.cpp", "include/mvtu.hpp",
    } <= set(first)  # fmt: skip


def test_every_unit_but_the_length_fork_is_a_process_with_a_top(graph, tmp_path):
    files = generated(graph, tmp_path)
    for node in graph:
        expected = node.unit.kind != "length_fork"
        assert (f"hwsv::{node.unit.kind}<config::{node.name}>" in files["toy_net.cpp"]) == expected
        assert (f"units/{node.name}.cpp" in files) == expected


def test_model_text_stays_in_its_comment(graph, tmp_path):
    plain = generated(graph, tmp_path / "plain")
    named = UnitGraph(graph.name, [replace(node, source=HOSTILE) for node in graph], graph.channels)
    hostile = generated(named, tmp_path / "hostile")
    assert plain.keys() == hostile.keys()

    def code(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.lstrip().startswith("//")]

    for name in plain:
        assert code(plain[name]) == code(hostile[name]), name
        assert not re.search(r'system\("|\?\?/|\*/|\\$', hostile[name], re.MULTILINE), name


@pytest.mark.parametrize("name", ['x"; system("', "../../y", "int", "a\nb"])
def test_hostile_unit_names_are_refused(graph, tmp_path, name):
    nodes = [replace(graph.nodes[1], name=name), *graph.nodes[2:]]
    with pytest.raises(InputError, match="identifier"):
        generated(UnitGraph("g", nodes, graph.channels), tmp_path)


def test_hostile_tensor_names_never_reach_the_code(graph, tmp_path):
    plain = generated(graph, tmp_path / "plain")

    def renamed(tensors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(t if t in ("features", "embedding") else f'{t}"; system("' for t in tensors)

    units = [node for node in graph if node.unit.kind != "length_fork"]
    nodes = [replace(node, inputs=renamed(node.inputs), outputs=renamed(node.outputs)) for node in units]
    channels = {renamed((tensor,))[0]: channel for tensor, channel in graph.channels.items()}
    assert plain == generated(UnitGraph(graph.name, nodes, channels), tmp_path / "hostile")


def test_a_tensor_with_two_consumers_is_refused(tmp_path):
    with pytest.raises(InputError, match="fork"):
        generated(resnet(freq=8, width=4, blocks=(1,), outputs=6), tmp_path)


def test_lines(graph, tmp_path):
    for name, text in generated(graph, tmp_path).items():
        assert text.endswith("\n") and not re.search(r"[ \t]$", text, re.MULTILINE), name
        assert max(map(len, text.splitlines())) <= 130, name
        assert "#define" not in text


def test_fifo_depths_are_the_channels_plus_the_margin(graph, tmp_path):
    text = generated(graph, tmp_path)["toy_net.cpp"]
    depth = graph.channels["stem_mvtu_out"].depth + hls.DEPTH_MARGIN
    assert f"#pragma HLS STREAM variable=stem_mvtu_out depth={depth}\n" in text


def test_scripts_name_part_and_clock(graph, tmp_path):
    files = generated(graph, tmp_path / "xilinx")
    assert "set_part xc7z020clg400-1\n" in files["run_hls.tcl"] and "-period 10.000" in files["run_hls.tcl"]
    assert "part=xc7z020clg400-1\n" in files["hls_config.cfg"]
    assert "reference part" in generated(graph, tmp_path / "open", "ulx3s-85f")["run_hls.tcl"]


def test_words_files_are_inverted_by_reading(graph, tmp_path):
    stream = graph.stream("stem_window_out")
    words = np.random.default_rng(0).integers(-128, 128, (50, stream.lanes))
    hls.write_words(tmp_path / "x.bin", stream, [words[:20], words[20:]])
    np.testing.assert_array_equal(hls.read_words(tmp_path / "x.bin", stream), words)


def test_random_vectors_are_seeded_legal_and_golden(graph, tmp_path):
    for folder in ("a", "b"):
        hls.write_random_vectors(graph, tmp_path / folder, [1, 5])
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert files.keys() == {"length.bin", "features.bin", "embedding.expected.bin"}
    assert np.frombuffer(files["length.bin"], "<u8").tolist() == [1, 5]
    stream, out = graph.stream("features"), graph.stream("embedding")
    features = stream.tensor(hls.read_words(tmp_path / "a" / "features.bin", stream))
    assert features.shape == (6, 8, 1) and features.min() < -100 and features.max() > 100
    expected = out.tensor(hls.read_words(tmp_path / "a" / "embedding.expected.bin", out))
    np.testing.assert_array_equal(expected[1:], graph.golden(features[1:])["embedding"])


def test_every_call_of_the_top_names_its_source(graph, tmp_path):
    named = UnitGraph(graph.name, [replace(node, source=f"/body/{node.name}") for node in graph], graph.channels)
    text = generated(named, tmp_path)["toy_net.cpp"]
    for node in named:
        if node.unit.kind != "length_fork":
            note = f"  // {node.unit.kind}, from /body/{node.name}\n  hwsv::{node.unit.kind}<config::{node.name}>("
            assert note in text
