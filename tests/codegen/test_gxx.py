import importlib.util
import shutil
import subprocess

import pytest

from hwsv.codegen import gxx
from hwsv.errors import InputError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "main.cpp").write_text("int main() { return 0; }\n")
    gxx._compiler.cache_clear()
    yield tmp_path
    gxx._compiler.cache_clear()


def test_builds_once_per_content_and_mode(project):
    first = gxx.build(project, ["main.cpp"], [], "fast")
    stamp = first.stat().st_mtime_ns
    assert gxx.build(project, ["main.cpp"], [], "fast") == first and first.stat().st_mtime_ns == stamp
    assert gxx.build(project, ["main.cpp"], [], "strict") != first
    (project / "main.cpp").write_text("int main() { return 1; }\n")
    assert gxx.build(project, ["main.cpp"], [], "fast") != first


def test_texts_are_compiled_with_the_sources_and_kept(project):
    (project / "main.cpp").write_text("int answer(); int main() { return answer(); }\n")
    (project / "half.hpp").write_text("constexpr int half = 21;\n")
    text = '#include "half.hpp"\nint answer() { return 2 * half; }\n'
    made = gxx.build(project, ["main.cpp"], [], "fast", {"answer.cpp": text}, ["main.cpp"])
    assert subprocess.run([made]).returncode == 42
    assert sorted(path.name for path in made.parent.iterdir()) == ["answer.cpp", "csim"]
    other = gxx.build(project, ["main.cpp"], [], "fast", {"answer.cpp": text.replace("2", "1")}, ["main.cpp"])
    assert subprocess.run([other]).returncode == 21


def test_what_does_not_compile_is_one_line_and_leaves_nothing(project):
    (project / "main.cpp").write_text("int main() { return x; }\n")
    with pytest.raises(InputError, match=r"not compile.*error") as caught:
        gxx.build(project, ["main.cpp"], [], "fast")
    assert "\n" not in str(caught.value)
    assert list((project / "build").iterdir()) == []


def test_an_interrupted_build_is_never_taken(project, monkeypatch):
    def interrupted(command, **_):
        target = command[command.index("-o") + 1]
        shutil.copy(project / "main.cpp", target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gxx.build(project, ["main.cpp"], [], "fast")
    assert list((project / "build").iterdir()) == []
    assert subprocess.run([gxx.build(project, ["main.cpp"], [], "fast")]).returncode == 0


def test_a_missing_compiler_is_one_hint(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(InputError, match="needs g\\+\\+"):
        gxx.build(project, ["main.cpp"], [], "fast")


def test_missing_headers_are_one_hint(project, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="hls4ml"):
        gxx.build(project, ["main.cpp"], [], "fast")
