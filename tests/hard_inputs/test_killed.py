"""`hwsv compile` killed in the middle: no half-written output, and the next compile succeeds and cleans up."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MOMENTS = (
    "import_model", "fold", "size", "run", "write_packed", "write_memories", "graph_hash",
    "rename 1",  # the old design moves away (there is one), or the new one appears
    "rename 2",  # the new one appears
)  # fmt: skip

SCRIPT = """
import os, signal, sys
from pathlib import Path
import hwsv.compile as c

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

model, root, moments = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
rename = Path.rename
for moment in moments:
    out = root / moment.replace(" ", "_") / "design"
    child = os.fork()
    if not child:
        name, _, number = moment.partition(" ")
        if name == "rename":
            calls = []
            Path.rename = lambda a, b: (calls.append(a), die() if len(calls) == int(number) else rename(a, b))
        else:
            setattr(c, name, die)
        c.compile_model(model, "ulx3s-85f", out)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(moment, os.WTERMSIG(status) if os.WIFSIGNALED(status) else "alive", flush=True)
"""


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("there_before", [False, True])
def test_killed_at_several_moments(accepted, design, tmp_path, there_before):
    for moment in MOMENTS:
        (tmp_path / moment.replace(" ", "_")).mkdir()
        if there_before:
            shutil.copytree(design, tmp_path / moment.replace(" ", "_") / "design")
    arguments = [sys.executable, "-c", SCRIPT, str(design / "model.onnx"), str(tmp_path), *MOMENTS]
    done = subprocess.run(arguments, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300)
    ends = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    # without an older design there is one renaming only
    assert ends == {m: "alive" if m == "rename 2" and not there_before else "9" for m in MOMENTS}, done.stderr
    for moment in MOMENTS:
        folder = tmp_path / moment.replace(" ", "_")
        out = folder / "design"
        if moment == "rename 2" and there_before:
            assert not out.exists(), "between the two renamings: neither"
        elif moment == "rename 2":
            assert (out / "design.json").is_file()
        elif there_before:
            assert content(out) == content(design), "the old one is untouched"
        else:
            assert not out.exists()
        accepted("compile", design / "model.onnx", "--board", "ulx3s-85f", "-o", out)
        assert [p.name for p in folder.iterdir()] == ["design"], "what the killed process left is gone"
        assert json.loads((out / "design.json").read_text())["board"]["name"] == "ulx3s-85f"


def test_a_compile_at_work_is_left_alone(accepted, design, tmp_path):
    """The hidden folder of a process that lives is locked, and another compile to the same place does not touch it."""
    import fcntl

    busy = tmp_path / ".design.hwsv-busy"
    busy.mkdir()
    handle = os.open(busy, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        accepted("compile", design / "model.onnx", "--board", "ulx3s-85f", "-o", tmp_path / "design")
        assert busy.is_dir()
    finally:
        os.close(handle)
    accepted("compile", design / "model.onnx", "--board", "ulx3s-85f", "-o", tmp_path / "design")
    assert not busy.exists()
