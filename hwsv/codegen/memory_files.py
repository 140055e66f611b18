"""Memories as ``$readmemh`` files: ``<unit>_<memory>.mem``, one word a line, read by RTL and cycle simulator."""

from pathlib import Path

from hwsv import bits
from hwsv.codegen.identifiers import identifier
from hwsv.errors import InputError
from hwsv.graph import Node, UnitGraph
from hwsv.units.base import Memory, Tensor, read_words


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
            memory_path(folder, node, name).write_text("\n".join(lines) + "\n")


def memory_path(folder: Path, node: Node, name: str) -> Path:
    """File of memory `name` of unit `node` in `folder`."""
    return folder / f"{node.name}_{name}.mem"


def read_memories(folder: Path, node: Node) -> dict[str, Tensor]:
    """What the memory files of `node` in `folder` hold, decoded: `Memory.data` as written. Raises InputError."""
    return {name: _read(memory_path(folder, node, name), memory) for name, memory in node.unit.memories().items()}


def _read(path: Path, memory: Memory) -> Tensor:
    try:
        lines = [line.split("//")[0] for line in path.read_text().splitlines()]
        words = bits.from_hex([line for line in lines if line.strip()], memory.word_bits)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a memory file: {error}") from error
    if len(words) != memory.depth:
        raise InputError(f"{path}: {len(words)} words, {memory.depth} expected")
    return read_words(memory, words)
