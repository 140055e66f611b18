"""Memories as ``$readmemh`` files: ``<unit>_<memory>.mem``, one word a line, read by RTL and cycle simulator."""

from pathlib import Path

from hwsv import bits
from hwsv.codegen.identifiers import identifier
from hwsv.graph import UnitGraph


def write_memories(graph: UnitGraph, folder: Path) -> None:
    """Write every memory of `graph` into `folder` (``DIR/mem``), made if need be: the files of `Design.memory_path`."""
    folder.mkdir(parents=True, exist_ok=True)
    for node in graph:
        for name, memory in node.unit.memories().items():
            words = bits.pack(memory.data, memory.dtype)
            lines = [
                f"// {identifier(node.name)}: {name}, {memory.depth} words of {memory.word_bits} bits: "
                f"{memory.data.shape[1]} x {memory.dtype}, element 0 in the least significant bits",
                *bits.to_hex(words, memory.word_bits),
            ]
            (folder / f"{node.name}_{name}.mem").write_text("\n".join(lines) + "\n")
