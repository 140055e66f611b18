"""A small design folder made from a hand-made graph: every back-end, no front-end (so no qonnx levels)."""

import json
from pathlib import Path

from hwsv import __version__, graph_onnx
from hwsv.boards import load_board
from hwsv.codegen import hls, rtl
from hwsv.codegen.memory_files import write_memories
from hwsv.design import MANIFEST, Design, InputSpec, Manifest
from hwsv.emulator.packed import write_packed
from hwsv.folding import fold
from hwsv.host.features import FeatureSpec
from hwsv.wiring import wire
from tests.graphs import resnet

SPEC = FeatureSpec(n_mels=8)
OUTPUTS = 6


def make(folder: Path) -> Design:
    """A residual network of two stages, 8 mels, folded over several widths."""
    board = load_board("ulx3s-85f")
    graph = wire(fold(resnet(freq=8, width=4, blocks=(1, 1), outputs=OUTPUTS), frames=40, cycles=12_000))
    (folder / "stages").mkdir(parents=True)
    graph_onnx.save(graph, folder / "unit_graph.onnx")
    write_packed(graph, folder / "network.packed")
    write_memories(graph, folder / "mem")
    hls.generate(graph, graph.name, folder / "hls", board)
    rtl.generate(graph, graph.name, folder / "rtl", board)
    manifest = Manifest(
        name=graph.name,
        hwsv_version=__version__,
        hash="0" * 64,
        board=board,
        target_fps=30,
        input=InputSpec(freq=8, channels=1, dtype="INT8", scale=1 / 16, frames_example=40, features=SPEC),
        outputs=OUTPUTS,
    )
    (folder / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json")))
    return Design.open(folder)
