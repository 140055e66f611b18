"""The first step: which openFPGALoader is called, how, and what its failures are answered with."""

import pytest

from hwsv.bringup.hints import tries
from hwsv.bringup.program import bitstream, program
from hwsv.errors import CheckFailed, InputError
from hwsv.flows.build import FOLDER


@pytest.fixture
def loader(copy, tmp_path, monkeypatch):
    """An openFPGALoader on PATH that says `said` and ends with `code`; with a bitstream in the design."""

    def make(said: str, code: int):
        path = tmp_path / "bin" / "openFPGALoader"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\necho \"$@\" >'{tmp_path}/arguments'\necho '{said}' >&2\nexit {code}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=":")
        (copy.folder / FOLDER).mkdir()
        (copy.folder / FOLDER / "handmade_board.bit").write_bytes(b"bits")
        return copy

    return make


def test_the_bitstream_is_loaded(loader, tmp_path):
    design = loader("Loading: [====] 100 %", 0)
    assert program(design, "sim") == bitstream(design)
    assert (tmp_path / "arguments").read_text().split() == ["-b", "ulx3s", str(bitstream(design))]


@pytest.mark.parametrize(
    "said, advice",
    [
        ("unable to open ftdi device: -3 (device not found)", "lsusb"),
        ("unable to open ftdi device: -4 (usb_open() failed)", "udev rule"),
        (
            "openFPGALoader: error while loading shared libraries: libusb-1.0.so.0: cannot open shared object file",
            "apt-get",
        ),
    ],
)
def test_failures_come_with_advice(loader, said, advice):
    design = loader(said, 1)
    with pytest.raises(CheckFailed) as caught:
        program(design, "sim")
    assert said in str(caught.value)
    found = tries("program", str(caught.value), design.manifest.board, design.folder, "/dev/ttyUSB0")
    assert any(advice in line for line in found[:2]) and any("US1" in line for line in found)


def test_without_a_bitstream(design):
    with pytest.raises(CheckFailed, match="no bitstream") as caught:
        program(design, "sim")
    found = tries("program", str(caught.value), design.manifest.board, design.folder, "/dev/ttyUSB0")
    assert found[0].startswith("build it: make bitstream BOARD=ulx3s-85f")


def test_a_port_that_does_not_come_back(loader, tmp_path, monkeypatch):
    monkeypatch.setattr("hwsv.bringup.program.PORT_S", 0.1)
    with pytest.raises(CheckFailed, match="did not come back"):
        program(loader("done", 0), str(tmp_path / "ttyUSB0"))


def test_a_board_with_another_programmer(copy):
    from hwsv.boards import load_board
    from hwsv.bringup.program import loader

    with pytest.raises(InputError, match="'pynq-z2' is not loaded with openFPGALoader"):
        loader(load_board("pynq-z2"))
