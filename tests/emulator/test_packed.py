"""The packed file: what was written comes back, small; what was tampered with is refused in one line."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from hwsv import datatypes
from hwsv.emulator import Emulator, read_packed, write_packed
from hwsv.emulator.packed import MAGIC, VERSION
from hwsv.errors import InputError
from hwsv.graph import OUTPUT, Node, UnitGraph
from hwsv.units.lookup import Lookup
from hwsv.units.threshold import Threshold
from tests.graphs import resnet
from tests.units.catalogue import MAKERS


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "network.packed"
    write_packed(resnet(freq=8, width=8, blocks=(1, 1), outputs=5), path)
    return path


def parts(path: Path) -> tuple[dict, bytes]:
    """Header and parameters of a packed file."""
    raw = path.read_bytes()
    (size,) = struct.unpack_from("<I", raw, 14)
    return json.loads(zlib.decompress(raw[18 : 18 + size])), raw[18 + size :]


def assemble(path: Path, header: bytes, parameters: bytes, size: int | None = None, version: int = VERSION) -> Path:
    """A packed file with a right checksum, whatever it holds."""
    body = struct.pack("<I", len(header) if size is None else size) + header + parameters
    path.write_bytes(struct.pack("<8sHI", MAGIC, version, zlib.crc32(body)) + body)
    return path


def compressed(header: dict) -> bytes:
    return zlib.compress(json.dumps(header).encode())


def test_round_trip(packed: Path):
    graph = resnet(freq=8, width=8, blocks=(1, 1), outputs=5)
    again = read_packed(packed)
    x = np.random.default_rng(0).integers(-128, 128, (33, 8, 1))
    golden, same = graph.golden(x), again.golden(x)
    assert golden.keys() == same.keys()
    for name, expected in golden.items():
        np.testing.assert_array_equal(same[name], expected)
    np.testing.assert_array_equal(Emulator(packed).run(x), golden[OUTPUT].reshape(-1))


def test_a_packed_nano_is_little_more_than_its_parameters(tmp_path: Path):
    graph = resnet()
    write_packed(graph, tmp_path / "n")
    weights = sum(n.unit.weights.size * datatypes.bits(n.unit.weight_dtype) for n in graph if n.unit.kind == "mvtu")
    assert weights / 8 < (tmp_path / "n").stat().st_size < 1.1 * weights / 8


def test_folding_is_left_out(tmp_path: Path):
    graph = resnet(freq=8, width=8, blocks=(1,))
    write_packed(graph, tmp_path / "a")
    graph.nodes = [
        Node(n.name, n.unit.with_lanes(pe=4) if n.unit.kind == "mvtu" else n.unit, n.inputs, n.outputs) for n in graph
    ]
    write_packed(graph, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_truncation_and_every_kind_of_damage(packed: Path, tmp_path: Path):
    raw = packed.read_bytes()
    bad = tmp_path / "bad"
    for at in (0, 4, 11, 16, 40, len(raw) // 2, len(raw) - 1):
        bad.write_bytes(raw[:at])
        with pytest.raises(InputError, match="not a packed network"):
            read_packed(bad)
    for at in (0, 9, 12, 15, 30, len(raw) - 1):
        flipped = bytearray(raw)
        flipped[at] ^= 4
        bad.write_bytes(flipped)
        with pytest.raises(InputError, match="not a packed network"):
            read_packed(bad)
    bad.write_bytes(raw + b"x")
    with pytest.raises(InputError, match="checksum"):
        read_packed(bad)


def edit(kind: str, change):
    """A change of the first node of `kind` in a header."""

    def apply(header: dict) -> None:
        change(next(node for node in header["nodes"] if node[0] == kind))

    return apply


TAMPERED = {
    "no nodes": (lambda h: h.pop("nodes"), "nodes"),
    "no embedding": (lambda h: h["nodes"].pop(), "left over"),
    "unknown kind": (edit("mvtu", lambda n: n.__setitem__(0, "systolic")), "'systolic' is not a unit kind"),
    "hostile name": (edit("mvtu", lambda n: n.__setitem__(1, "../../y")), "nodes"),
    "hostile tensor": (edit("mvtu", lambda n: n[3].__setitem__(0, 'x"; system("')), "nodes"),
    "unknown field": (edit("mvtu", lambda n: n[4].__setitem__("speed", 3)), "no field 'speed'"),
    "missing field": (edit("mvtu", lambda n: n[4].pop("freq")), "freq is missing"),
    "field of a wrong type": (edit("mvtu", lambda n: n[4].__setitem__("freq", "many")), "freq"),
    "huge field": (edit("mvtu", lambda n: n[4].__setitem__("freq", 10**30)), "freq"),
    "shape of another network": (edit("mvtu", lambda n: n[4].__setitem__("channels", 18)), "columns"),
    "oversized array": (edit("mvtu", lambda n: n[5]["weights"].__setitem__(1, [2**40, 2**40])), "not in the file"),
    "negative shape": (edit("mvtu", lambda n: n[5]["weights"].__setitem__(1, [-1, 9])), "nodes"),
    "unknown data type": (edit("mvtu", lambda n: n[5]["weights"].__setitem__(0, "FLOAT32")), "FLOAT32"),
    "wide window": (edit("sliding_window", lambda n: n[4].__setitem__("freq", 2**21)), "elements a frame"),
    "other stream": (edit("add", lambda n: n[4].__setitem__("freq", 5)), "expected"),
    "dangling input": (edit("add", lambda n: n[2].__setitem__(0, "nowhere")), "nowhere"),
    "tensor made twice": (edit("add", lambda n: n[3].__setitem__(0, "stem_mvtu_out")), "made twice"),
    "too few inputs": (edit("add", lambda n: n[2].pop()), "wrong number"),
    "division by zero": (edit("sliding_window", lambda n: n[4].__setitem__("stride", [0, 1])), "sliding_window"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_headers_are_refused(case: str, packed: Path, tmp_path: Path):
    change, message = TAMPERED[case]
    header, parameters = parts(packed)
    change(header)
    bad = assemble(tmp_path / "bad", compressed(header), parameters)
    with pytest.raises(InputError, match=message) as error:
        Emulator(bad)
    assert "\n" not in str(error.value) and str(bad) in str(error.value)


def test_containers_are_checked(packed: Path, tmp_path: Path):
    header, parameters = parts(packed)
    text = compressed(header)
    bombs = {
        "longer than the file": assemble(tmp_path / "a", text, parameters, size=10**9),
        "version": assemble(tmp_path / "b", text, parameters, version=99),
        "damaged": assemble(tmp_path / "c", b"not zlib", parameters),
        "oversized": assemble(tmp_path / "d", zlib.compress(bytes(2**25)), parameters),
        "header": assemble(tmp_path / "e", zlib.compress(b"[1, 2"), parameters),
        "left over": assemble(tmp_path / "f", text, parameters + b"\0"),
        "parameters": assemble(tmp_path / "g", text, parameters[:-5]),
    }
    for message, path in bombs.items():
        with pytest.raises(InputError, match=message):
            read_packed(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_packed(tmp_path / "absent")


def test_every_unit_kind_survives(tmp_path: Path):
    """Parameters of all kinds and of extreme values."""
    from random import Random

    for kind, make in MAKERS.items():
        if kind == "length_fork":
            continue
        unit = make(Random(3))
        outputs = (OUTPUT, *(f"o{i}" for i in range(1, len(unit.outputs()))))
        inputs = ("features",) * len(unit.inputs())
        if len({(s.freq, s.channels, s.dtype) for s in unit.inputs()}) > 1:
            continue
        write_packed(UnitGraph("one", [Node("u", unit, inputs, outputs)]), tmp_path / kind)
        (node,) = read_packed(tmp_path / kind).nodes
        for field in unit.__dataclass_fields__:
            if field not in ("lanes", "pe", "simd", "in_lanes", "out_lanes"):
                np.testing.assert_array_equal(getattr(node.unit, field), getattr(unit, field))
    wide = np.array([[-(2**40), 2**40]])
    extremes = [
        Threshold(1, 1, "INT62", "INT3", wide, np.zeros(1, np.int64), -1, 1),
        Lookup(1, 1, "INT2", "UINT8", np.array([[0, 255, 1, 254]]), -2),
    ]
    for unit in extremes:
        write_packed(UnitGraph("one", [Node("u", unit, ("features",), (OUTPUT,))]), tmp_path / "x")
        (node,) = read_packed(tmp_path / "x").nodes
        for name in ("thresholds", "table"):
            np.testing.assert_array_equal(getattr(node.unit, name, 0), getattr(unit, name, 0))
