"""What is said where FINN, or a package that FINN needs, is missing."""

import importlib
import sys

import pytest

from hwsv.errors import InputError
from hwsv.finn.builder import build, import_finn


def test_without_finn(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "finn", None)
    for name in [name for name in sys.modules if name.startswith("finn.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError, match=r"not installed; run: pip install .* finn-plus"):
        build(tmp_path / "model.onnx", tmp_path)


def test_without_a_package_that_finn_needs(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'click'", name="click")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"needs the package 'click'.*hwsv\[finn\]"):
        import_finn("finn.builder")


def test_the_stand_in_for_vivado_says_so(monkeypatch):
    monkeypatch.delenv("XILINX_VIVADO", raising=False)
    monkeypatch.delitem(sys.modules, "finn.xsi", raising=False)
    with pytest.raises(InputError):
        import_finn("finn.no_such_module")
    with pytest.raises(InputError, match="Vivado"):
        sys.modules["finn.xsi"].SimEngine()
