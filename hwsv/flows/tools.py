"""Running the tools of a flow: each in a process of its own with a log file, and only when its inputs have changed."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hwsv.errors import CheckFailed, InputError

INSTALL_HINT = "install them with: make setup-bitstream (or pip install 'hwsv[bitstream]')"

Progress = Callable[[str], None]
"""Called with what is being done."""


def require_tools(*packages: str) -> dict[str, str]:
    """Version of each Python distribution. Raises InputError with the way to install them."""
    try:
        return {package: importlib.metadata.version(package) for package in packages}
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError(f"building a bitstream needs the Python package {error.name}: {INSTALL_HINT}") from error


def entry_point(package: str, name: str) -> list[str]:
    """The command `name` of the distribution `package` with this interpreter, whatever PATH says."""
    points = importlib.metadata.distribution(package).entry_points.select(group="console_scripts", name=name)
    point = next(iter(points))
    return [sys.executable, "-c", f"import sys; from {point.module} import {point.attr} as run; sys.exit(run())"]


def package_folder(module: str) -> Path:
    """Folder of an installed Python module, which need not be imported for it."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"building a bitstream needs the Python package {module}: {INSTALL_HINT}")
    return Path(spec.submodule_search_locations[0])


def run(command: Sequence[str], folder: Path, log: Path, what: str, watch: Progress = lambda line: None) -> float:
    """Run `command` in `folder`, its output in `log` and line by line to `watch`; CPU seconds that it took.

    Raises CheckFailed with the tool's own first error line.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours, theirs = pty.openpty()  # to a pipe nextpnr writes its lines all at once, at the end
    with log.open("w") as sink, subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            for line in _lines(ours):
                sink.write(line + "\n")
                watch(line)
        except BaseException:  # Ctrl-C, no space for the log: the tool ends too, with all that it has started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        lines = log.read_text().splitlines()
        first = next((line for line in lines if "ERROR" in line or "error:" in line), lines[-1] if lines else "")
        raise CheckFailed(f"{what} failed: {first.strip()[:300]} (log: {log})")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _lines(terminal: int) -> Iterator[str]:
    """Lines from our end of a pseudo-terminal until the last process at the other end has gone."""
    with open(terminal, errors="replace", newline="\n") as stream:
        while True:
            try:
                line = stream.readline()
            except OSError:  # EIO: nobody is left at the other end
                return
            if not line:
                return
            yield line.rstrip("\r\n")


def digest(*parts: object) -> str:
    """SHA-256 over texts, and over the content of paths (not their names)."""
    state = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        state.update(len(content).to_bytes(8, "little") + content)
    return state.hexdigest()


def once(stamp: Path, key: str, outputs: Sequence[Path], make: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Figures of `make()`: those that `stamp` keeps if it has this `key` and all `outputs` are there, else new ones.

    However a run ends (no space, Ctrl-C), there is no stamp of outputs that are not complete.
    """
    if all(path.is_file() for path in outputs):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # no stamp, or a damaged one
            kept = json.loads(stamp.read_text())
            if kept["key"] == key:
                return kept["figures"]
    stamp.unlink(missing_ok=True)
    started = time.perf_counter()
    figures = make() | {"wall_seconds": round(time.perf_counter() - started, 1)}
    part = stamp.with_name(f"{stamp.name}.part")
    part.write_text(json.dumps({"key": key, "figures": figures}))
    part.replace(stamp)
    return figures
