"""A design with two matrix-vector units and a pool: built as a simulated board in seconds, run in milliseconds."""

import hashlib
import json
from pathlib import Path

from hwsv import __version__, graph_onnx
from hwsv.boards import load_board
from hwsv.codegen import rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.design import MANIFEST, Design, InputSpec, Manifest
from hwsv.folding import fold
from hwsv.host.features import FeatureSpec
from hwsv.wiring import wire
from tests.graphs import Builder

FREQ, OUTPUTS = 8, 8
SPEC = FeatureSpec(n_mels=FREQ)
DIVISOR = 4
"""Cycles a bit of its simulated board: the least that the shell takes."""


def make(folder: Path, seed: int = 0, board: str = "ulx3s-25f") -> Design:
    """The design, with other weights and another hash for each seed."""
    builder = Builder(FREQ, seed)
    builder.stem(2)
    on = load_board(board)
    graph = wire(fold(builder.head(OUTPUTS), frames=40, cycles=12_000))
    folder.mkdir(parents=True)
    graph_onnx.save(graph, folder / "unit_graph.onnx")
    write_memories(graph, folder / "mem")
    rtl.generate(graph, graph.name, folder / "rtl", on)
    manifest = Manifest(
        name=graph.name,
        hwsv_version=__version__,
        hash=hashlib.sha256(bytes([seed])).hexdigest(),
        board=on,
        target_fps=30,
        input=InputSpec(freq=FREQ, channels=1, dtype="INT8", scale=1 / 16, frames_example=40, features=SPEC),
        outputs=OUTPUTS,
    )
    (folder / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json")))
    return Design.open(folder)
