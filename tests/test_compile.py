"""The design folder: whole or not at all, never over something else, and the same bytes every time."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwsv import compile as compiling
from hwsv.compile import compile_model, graph_hash, parse_fps
from hwsv.design import MANIFEST, Design
from hwsv.errors import InputError
from hwsv.estimate import estimate
from hwsv.folding import bottleneck
from hwsv.simulator import simulate

BOARD = "ulx3s-25f"


@pytest.fixture(scope="module")
def compiled(mlp: Path, tmp_path_factory: pytest.TempPathFactory) -> Design:
    return compile_model(mlp, BOARD, tmp_path_factory.mktemp("designs") / "mlp", fps=1000)


def in_a_process(change: str, model: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Compile in a fresh interpreter; `change`: a line run before, with `hwsv.compile` as `c`."""
    lines = ["import os, signal, sys", "from pathlib import Path", "import hwsv.compile as c", change]
    lines.append(f"c.compile_model(Path(sys.argv[1]), {BOARD!r}, Path(sys.argv[2]), fps=1000)")
    command = [sys.executable, "-c", "\n".join(lines), str(model), str(out)]
    return subprocess.run(command, cwd=Path(__file__).parents[1], env=os.environ | environment, check=False)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_folder_holds_what_design_lists(compiled):
    names = set(content(compiled.folder))
    assert {MANIFEST, "unit_graph.onnx", "model.onnx", "stages/normalised.onnx", "network.packed"} <= names
    assert {f"hls/data/{n}.bin" for n in ("length", "features", "embedding.expected")} <= names
    for node in compiled.graph:
        assert all(compiled.memory_path(node, name).is_file() for name in node.unit.memories())
    assert not [p for p in compiled.folder.parent.iterdir() if p.name.startswith(".")], "nothing is left beside it"


@pytest.mark.parametrize("backend, made", [("hls", {"hls"}), ("rtl", {"rtl"}), ("both", {"hls", "rtl"})])
def test_backends(mlp, tmp_path, backend, made):
    design = compile_model(mlp, BOARD, tmp_path / "mlp", fps=1000, backend=backend)
    assert {path.name for path in design.folder.iterdir()} & {"hls", "rtl"} == made
    if "rtl" in made:
        sources = (design.folder / "rtl" / "files.f").read_text().split()
        assert f"{design.manifest.name}.sv" in sources and "hwsv_mvtu.sv" in sources
        assert all((design.folder / "rtl" / name).is_file() for name in sources)


def test_the_manifest_describes_the_design(compiled):
    manifest = compiled.manifest
    assert manifest.hash == graph_hash(compiled.graph)
    assert (manifest.board.name, manifest.target_fps) == (BOARD, 1000)
    (embedding,) = simulate(compiled, [example(compiled)]).embeddings
    assert embedding.size == manifest.outputs == 5


def example(design: Design) -> np.ndarray:
    spec = design.manifest.input
    return np.ones((spec.frames_example, spec.freq, spec.channels), np.int64)


def test_a_second_compile_gives_the_same_bytes(compiled, mlp, tmp_path):
    """In another process, with another order of sets."""
    out = tmp_path / "elsewhere" / "mlp"
    in_a_process("", mlp, out, PYTHONHASHSEED="123").check_returncode()
    expected, found = content(compiled.folder), content(out)
    assert list(expected) == list(found)
    assert [name for name in expected if expected[name] != found[name]] == []


def test_an_older_design_is_replaced_whole(compiled, mlp, tmp_path):
    out = tmp_path / "mlp"
    shutil.copytree(compiled.folder, out)
    (out / "mem" / "stale.mem").write_text("old")
    compile_model(mlp, BOARD, out, fps=1000)
    assert content(out) == content(compiled.folder)


def test_an_empty_folder_is_taken(compiled, mlp, tmp_path):
    (tmp_path / "out").mkdir()
    assert compile_model(mlp, BOARD, tmp_path / "out", fps=1000).manifest == compiled.manifest


def test_any_other_folder_is_refused_and_left_alone(mlp, tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.txt").write_text("precious")
    with pytest.raises(InputError, match="exists and is not a design"):
        compile_model(mlp, BOARD, out)
    assert content(out) == {"chapter1.txt": b"precious"}
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="exists and is not a design"):
        compile_model(mlp, BOARD, tmp_path / "file")


@pytest.mark.parametrize("there_before", [False, True])
def test_an_error_in_the_middle_leaves_nothing_or_the_old_design(compiled, mlp, tmp_path, monkeypatch, there_before):
    out = tmp_path / "mlp"
    if there_before:
        shutil.copytree(compiled.folder, out)

    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiling, "write_memories", full_disk)
    with pytest.raises(OSError):
        compile_model(mlp, BOARD, out)
    assert [p.name for p in tmp_path.iterdir()] == (["mlp"] if there_before else [])
    assert not there_before or content(out) == content(compiled.folder)


def test_a_kill_in_the_middle_leaves_no_design(compiled, mlp, tmp_path):
    out = tmp_path / "mlp"
    result = in_a_process("c.write_memories = lambda *a: os.kill(os.getpid(), signal.SIGKILL)", mlp, out)
    assert result.returncode == -signal.SIGKILL
    assert not out.exists()
    assert compile_model(mlp, BOARD, out, fps=1000).manifest == compiled.manifest


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e12])
def test_an_impossible_rate_is_refused(mlp, tmp_path, fps):
    with pytest.raises(InputError, match=r"--fps must be max or a number above 0 and below 1e9|the target rate allows"):
        compile_model(mlp, BOARD, tmp_path / "out", fps=fps)
    assert list(tmp_path.iterdir()) == []


def test_a_folding_file_is_followed(compiled, mlp, tmp_path):
    node = next(n for n in compiled.graph if n.unit.kind == "mvtu")
    folding = tmp_path / "fold.yaml"
    folding.write_text(f"{node.name}: {{pe: {node.unit.out_channels}, simd: 1}}\n")
    design = compile_model(mlp, BOARD, tmp_path / "out", fps=1000, folding=folding)
    unit = design.graph.node(node.name).unit
    assert (unit.pe, unit.simd) == (node.unit.out_channels, 1)
    assert design.manifest.hash != compiled.manifest.hash


def test_the_most_that_fits(mlp, tmp_path):
    design = compile_model(mlp, BOARD, tmp_path / "out", fps="max")
    manifest = design.manifest
    name, cycles = bottleneck(design.graph, manifest.input.frames_example)
    assert manifest.target_fps == manifest.board.clock_hz / cycles > 1000
    assert manifest.limit == f"unit {name!r} takes {cycles} cycles even with its largest folding"
    assert not estimate(design.graph, manifest.board).exceeded()


@pytest.mark.parametrize("text, fps", [(None, 30.0), ("max", "max"), ("12.5", 12.5)])
def test_the_option_fps(text, fps):
    assert parse_fps(text) == fps


@pytest.mark.parametrize("text", ["", "fast", "MAX", "1/2"])
def test_other_values_of_the_option_fps(text):
    with pytest.raises(InputError, match="--fps must be a positive number or max"):
        parse_fps(text)


def test_progress_names_the_stages(mlp, tmp_path):
    stages: list[str] = []
    compile_model(mlp, BOARD, tmp_path / "out", fps=1000, progress=stages.append)
    assert stages[0] == "front-end" and stages[-1] == "writing"
