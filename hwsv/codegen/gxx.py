"""C simulation builds: g++ with the open ap_types headers and our stand-ins, kept by the hash of what went in."""

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Literal

from hwsv.errors import InputError
from hwsv.resources import data_folder

Mode = Literal["strict", "fast", "bounded", "sanitized"]
"""strict: ``ap_int`` of the declared widths; sanitized: that under UBSan; fast: native integers; bounded: those, with
processes as fibres over FIFOs of the declared depths."""

EXECUTABLE = "csim"

_FAST = [*(["-mpopcnt"] if platform.machine() in ("x86_64", "AMD64") else []), "-DHWSV_CSIM_FAST"]
_MODE_FLAGS: dict[Mode, list[str]] = {
    "fast": ["-O2", *_FAST],
    # -O1 runs these as fast as -O2 does, and compiles a third faster
    "bounded": ["-O1", *_FAST, "-DHWSV_CSIM_BOUNDED"],
    "strict": ["-O1"],
    # for small shapes: no optimiser. ap_int shifts negative numbers to the left, which C++ defines since 2020
    "sanitized": ["-O0", "-std=c++20", "-fsanitize=undefined", "-fno-sanitize-recover=all"],
}


def build(
    project: Path,
    sources: Sequence[str],
    flags: Sequence[str],
    mode: Mode,
    texts: Mapping[str, str] | None = None,
    cold: Collection[str] = (),
) -> Path:
    """Compile `sources` of the HLS project at `project` as they are now, and `texts`; the executable.

    It is ``project/build/<mode>-<hash>/csim``; the folder appears whole, by renaming, and only after success.
    texts: more sources, by file name, as if they lay in the project; they are kept beside the executable.
    cold: those of all sources that do little, and are not worth the optimiser's time.
    Raises InputError when a tool is missing or the sources do not compile.
    """
    project, texts = project.resolve(), texts or {}
    command = [*_compiler(), *flags, "-w", *_MODE_FLAGS[mode]]  # -w: the pragmas are for Vitis
    target = project / "build" / f"{mode}-{_digest(project, [*command, *sources, *texts.values(), *cold])}"
    if (target / EXECUTABLE).is_file():
        return target / EXECUTABLE
    try:
        (project / "build").mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=project / "build"))
    except OSError as error:
        raise InputError(f"{project}: the C simulation cannot be built here: {error.strerror}") from error
    try:
        for name, text in texts.items():
            (scratch / name).write_text(text)
        # of a function in several objects the linker takes the first: better not one that was not optimised
        ordered = sorted([*texts, *sources], key=lambda name: name in cold)
        objects = [str(scratch / f"{number}.o") for number in range(len(ordered))]

        def compile_one(name: str, target: str) -> None:
            place = str(scratch / name) if name in texts else name
            _run(project, [*command, *(["-O0"] if name in cold else []), "-iquote", ".", "-c", place, "-o", target])

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(compile_one, ordered, objects))
        _run(project, [*command, *objects, "-o", str(scratch / EXECUTABLE)])
        for path in objects:
            Path(path).unlink()
        try:
            scratch.rename(target)
        except OSError:
            if not (target / EXECUTABLE).is_file():  # else another process was faster
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target / EXECUTABLE


def _run(project: Path, command: Sequence[str]) -> None:
    made = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if made.returncode:
        raise InputError(f"{project}: the generated C++ does not compile: {_first_error(made.stderr)}")


@cache
def _compiler() -> tuple[str, ...]:
    """g++ and the include folders; our hls_stream.h comes before the one of ap_types."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if not compiler:
        raise InputError("C simulation needs g++: install it (Debian: apt-get install g++), or name a compiler in CXX")
    spec = importlib.util.find_spec("hls4ml")
    roots = list(spec.submodule_search_locations or []) if spec else []
    headers = next((p for p in (Path(root, "templates/vivado/ap_types") for root in roots) if p.is_dir()), None)
    if headers is None:
        raise InputError("C simulation needs the ap_types headers: pip install --no-deps hls4ml==1.3.0")
    return compiler, "-isystem", str(data_folder("hls_templates") / "csim"), "-isystem", str(headers)


def _digest(project: Path, command: Sequence[str]) -> str:
    """Over the command, every source and header of the project, and the stand-ins."""
    found = hashlib.sha256("\0".join(command[1:]).encode())
    for root in (project, data_folder("hls_templates") / "csim"):
        files = [path for pattern in ("*.[ch]pp", "*.h") for path in root.rglob(pattern)]
        for path in sorted(path for path in files if (root / "build") not in path.parents):
            found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:20]


def _first_error(output: str) -> str:
    lines = [line for line in output.splitlines() if "error" in line]
    return (lines or output.splitlines() or ["no message"])[0][:300]
