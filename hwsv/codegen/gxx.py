"""C simulation builds: g++ with the open ap_types headers and our stand-ins, kept by the hash of what went in."""

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from hwsv.errors import InputError
from hwsv.resources import data_folder

Mode = Literal["strict", "fast"]

EXECUTABLE = "csim"


def build(project: Path, sources: Sequence[str], flags: Sequence[str], mode: Mode) -> Path:
    """Compile `sources` of the HLS project at `project` as they are now; the executable.

    It is ``project/build/<mode>-<hash>/csim``; the folder appears whole, by renaming, and only after success.
    Raises InputError when a tool is missing or the sources do not compile.
    """
    project = project.resolve()
    command = [*_compiler(), *flags, *_mode_flags(mode)]
    target = project / "build" / f"{mode}-{_digest(project, command)}"
    if (target / EXECUTABLE).is_file():
        return target / EXECUTABLE
    try:
        (project / "build").mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=project / "build"))
    except OSError as error:
        raise InputError(f"{project}: the C simulation cannot be built here: {error.strerror}") from error
    try:
        made = subprocess.run(
            [*command, *sources, "-o", str(scratch / EXECUTABLE)], cwd=project, capture_output=True, text=True
        )  # fmt: skip
        if made.returncode:
            raise InputError(f"{project}: the generated C++ does not compile: {_first_error(made.stderr)}")
        try:
            scratch.rename(target)
        except OSError:
            if not (target / EXECUTABLE).is_file():  # else another process was faster
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target / EXECUTABLE


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


def _mode_flags(mode: Mode) -> list[str]:
    popcount = ["-mpopcnt"] if platform.machine() in ("x86_64", "AMD64") else []
    # -w: the pragmas are for Vitis. -O1 runs ap_int code as fast as -O2 does, and compiles a third faster.
    return ["-O2", *popcount, "-w", "-DHWSV_CSIM_FAST"] if mode == "fast" else ["-O1", "-w"]


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
