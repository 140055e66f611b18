"""Traces: complete, consistent with the timing report, stable."""

import gzip
import json
from pathlib import Path

import pytest

from hwsv.errors import InputError
from hwsv.folding import fold
from hwsv.simulator import trace
from hwsv.simulator.timing import run
from hwsv.wiring import wire
from tests.graphs import resnet

FRAMES = [9, 4]


@pytest.fixture(scope="module")
def graph():
    return wire(fold(resnet(freq=8, width=4, blocks=(1, 1), outputs=8), 9, 20_000))


def read(path: Path) -> list[dict]:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)["traceEvents"]


def test_slices_tile_each_track_and_their_stalls_are_those_of_the_report(graph, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    trace.write_trace(graph, FRAMES, 1e6, path)  # 1 MHz: a microsecond is a cycle
    events = read(path)
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    timing = run(graph, FRAMES)
    assert {f"{u.node} ({u.actor})" for u in timing.units} <= set(names.values())
    for tid, name in names.items():
        slices = [e for e in events if e["ph"] == "X" and e["tid"] == tid]
        at = 0
        for slice_ in slices:
            assert slice_["ts"] == at == slice_["args"]["cycle"] and slice_["dur"] > 0
            at += slice_["args"]["cycles"]
        found = sum(e["dur"] for e in slices if e["name"] != "busy")
        expected = [sum(u.stalls.values()) for u in timing.units if f"{u.node} ({u.actor})" == name]
        assert not expected or found == expected[0]


def test_many_stalls_are_merged_and_gzip_is_stable(graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trace.write_trace(graph, FRAMES, 1e6, tmp_path / "whole.json")
    monkeypatch.setattr(trace, "MAX_STALLS", 200)
    merged = trace.write_trace(graph, FRAMES, 1e6, tmp_path / "a.json.gz")
    assert merged < whole
    trace.write_trace(graph, FRAMES, 1e6, tmp_path / "b.json.gz")
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    assert len(read(tmp_path / "a.json.gz")) == merged


def test_another_file_type_is_refused(graph, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.json"):
        trace.write_trace(graph, FRAMES, 1e6, tmp_path / "t.vcd")
