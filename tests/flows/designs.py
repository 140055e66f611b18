"""A small compiled design for the flow's tests."""

import json
from pathlib import Path

from hwsv import __version__, graph_onnx
from hwsv.boards import load_board
from hwsv.codegen.memory_files import write_memories
from hwsv.design import MANIFEST, Design, InputSpec, Manifest
from hwsv.folding import fold
from hwsv.wiring import wire
from tests.graphs import resnet

FRAMES = 10
OUTPUTS = 512
"""So many that the last layer's weights (2,048 words of 4 bits) are a ROM in block RAM."""


def make(folder: Path, board: str = "ulx3s-25f", **changes) -> Design:
    """Stem, one residual block of two channels on four mels, statistics pooling, last layer; RTL is not there yet.

    changes: fields of the board that differ from its file.
    """
    chosen = load_board(board).model_copy(update=changes)
    graph = wire(fold(resnet(freq=4, width=2, blocks=(1,), outputs=OUTPUTS), frames=FRAMES, cycles=1e6))
    folder.mkdir()
    graph_onnx.save(graph, folder / "unit_graph.onnx")
    write_memories(graph, folder / "mem")
    manifest = Manifest(
        name=graph.name, hwsv_version=__version__, hash="ab" * 32, board=chosen, target_fps=30, outputs=OUTPUTS,
        input=InputSpec(freq=4, channels=1, dtype="INT8", scale=1 / 16, frames_min=3, frames_example=FRAMES),
    )  # fmt: skip
    return rewrite(Design(folder, manifest))


def rewrite(design: Design, **changes) -> Design:
    """The design for a board whose fields `changes` differ."""
    board = design.manifest.board.model_copy(update=changes)
    manifest = design.manifest.model_copy(update={"board": board})
    (design.folder / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json")))
    return Design.open(design.folder)
