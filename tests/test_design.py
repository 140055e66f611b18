import json

import numpy as np
import pytest

from hwsv import graph_onnx
from hwsv.boards import load_board
from hwsv.codegen.memory_files import write_memories
from hwsv.design import MANIFEST, Design, InputSpec, Manifest
from hwsv.errors import InputError
from hwsv.folding import fold
from hwsv.graph import OUTPUT
from hwsv.simulator import simulate
from hwsv.wiring import wire
from tests.graphs import resnet


@pytest.fixture
def design(tmp_path) -> Design:
    graph = wire(fold(resnet(8, 2, (1,), 5), 12, 3_000))
    spec = InputSpec(freq=8, channels=1, dtype="INT8", scale=0.5, frames_min=2, frames_max=20, frames_example=12)
    manifest = Manifest(
        name="tiny", hwsv_version="0", hash="0", board=load_board("ulx3s-25f"), target_fps=1, input=spec, outputs=5
    )
    (tmp_path / MANIFEST).write_text(manifest.model_dump_json())
    graph_onnx.save(graph, tmp_path / "unit_graph.onnx")
    write_memories(graph, tmp_path / "mem")
    return Design.open(tmp_path)


def test_a_design_reads_back_what_was_written(design):
    assert design.manifest.board.name == "ulx3s-25f"
    for node in design.graph:
        emitted = design.memories(node)
        assert set(emitted) == set(node.unit.memories())
        for name, memory in node.unit.memories().items():
            assert design.memory_path(node, name).is_file()
            np.testing.assert_array_equal(emitted[name], memory.data)


def test_simulation_of_a_design_gives_words_and_cycles(design):
    rng = np.random.default_rng(0)
    utterances = [rng.integers(-128, 128, (t, 8)) for t in (12, 2, 25)]
    result = simulate(design, utterances, record=True, keep_words=True)
    for x, embedding, words in zip(utterances, result.embeddings, result.words, strict=True):
        golden = design.graph.golden(design.check_features(x))
        np.testing.assert_array_equal(embedding, golden[OUTPUT].reshape(-1))
        assert set(words) == set(golden)
    # longer audio is cropped: the cycles are those of 20 frames
    assert result.timing.finish == simulate(design, frames=[12, 2, 20]).timing.finish
    assert simulate(design).timing.finish == simulate(design, frames=[12, 12]).timing.finish
    with pytest.raises(InputError, match="at least one utterance"):
        simulate(design, [])


def test_a_flipped_bit_in_a_memory_file_changes_the_embedding(design):
    x = np.random.default_rng(1).integers(-128, 128, (12, 8))
    path = design.memory_path(design.graph.node("fc_mvtu"), "weights")
    lines = path.read_text().splitlines()
    (before,) = simulate(design, [x]).embeddings
    lines[1] = f"{int(lines[1], 16) ^ 1:0{len(lines[1])}x}"
    path.write_text("\n".join(lines))
    (after,) = simulate(design, [x]).embeddings
    assert not np.array_equal(before, after)


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda text: text.replace("\n", "\nxyz\n", 1), "cannot be read as a memory file"),
        (lambda text: text + "0\n", r"\d+ words, \d+ expected"),
        (lambda text: "", r"0 words, \d+ expected"),
        (lambda text: text + "f" * 99, "cannot be read as a memory file"),
    ],
)
def test_damaged_memory_files_are_named(design, damage, message):
    node = design.graph.node("s0c0_mvtu")
    path = design.memory_path(node, "weights")
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=f"s0c0_mvtu_weights.mem: {message}") as caught:
        design.memories(node)
    assert "\n" not in str(caught.value)


def test_a_missing_memory_file_is_named(design):
    node = design.graph.node("s0c0_mvtu")
    design.memory_path(node, "weights").unlink()
    with pytest.raises(InputError, match=r"s0c0_mvtu_weights\.mem: cannot be read"):
        design.memories(node)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"name": 3}', b"[" * 100_000, b"null"],
)
def test_damaged_manifests_are_refused(content, tmp_path):
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(InputError, match=r"design\.json: damaged .*compile again") as caught:
        Design.open(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_manifest_field_is_refused(design):
    path = design.folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"extra": 1}))
    with pytest.raises(InputError, match="damaged"):
        Design.open(design.folder)


def test_other_folders_are_no_designs(tmp_path):
    with pytest.raises(InputError, match=r"not a design \(no design\.json\); make one with 'hwsv compile'"):
        Design.open(tmp_path / "nosuch")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        Design.open(tmp_path / "file")
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(InputError):
        Design.open(tmp_path)


@pytest.mark.parametrize(
    "features, message",
    [
        (np.zeros((12, 8)), "must be integers, not float64"),
        (np.zeros((12, 8), bool), "must be integers, not bool"),
        (np.zeros((12, 7), int), r"must be \[T, 8, 1\], not \[12, 7, 1\]"),
        (np.zeros((12, 8, 2), int), r"must be \[T, 8, 1\], not \[12, 8, 2\]"),
        (np.zeros(12, int), r"not \[12\]"),
        (np.full((12, 8), 128), r"exceed INT8 \[-128, 127\]"),
        (np.full((12, 8), 2**64 - 1, np.uint64), r"exceed INT8 \[-128, 127\]"),
        (np.zeros((1, 8), int), "1 frames are too few: this network needs 2"),
        (np.zeros((0, 8), int), "0 frames are too few"),
    ],
)
def test_features_of_another_kind_are_refused(design, features, message):
    with pytest.raises(InputError, match=message):
        design.check_features(features)


def test_features_are_cropped_and_given_a_channel(design):
    x = np.arange(30 * 8, dtype=np.int16).reshape(30, 8) % 100
    found = design.check_features(x)
    assert found.shape == (20, 8, 1) and found.dtype == np.int64
    np.testing.assert_array_equal(found[:, :, 0], x[:20])


def test_a_fixed_length_takes_that_length_only(design):
    spec = design.manifest.input.model_copy(update={"frames_fixed": 5, "dtype": "BIPOLAR"})
    fixed = Design(design.folder, design.manifest.model_copy(update={"input": spec}))
    assert len(fixed.check_features(np.ones((9, 8), int))) == 5
    with pytest.raises(InputError, match="takes 5 frames, the features have 4"):
        fixed.check_features(np.ones((4, 8), int))
    with pytest.raises(InputError, match=r"-1 or \+1"):
        fixed.check_features(np.zeros((5, 8), int))
