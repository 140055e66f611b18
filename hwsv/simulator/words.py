"""Data: moves the folded words of every channel, from the *emitted* memory files, vectorised and apart from time."""

from collections.abc import Callable

from hwsv.errors import HwsvError
from hwsv.graph import INPUT, Node, UnitGraph
from hwsv.units.base import Tensor


def move(graph: UnitGraph, features: Tensor, memories: Callable[[Node], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Words ``[n, lanes]`` of every data channel for one utterance.

    features: int64 [T, F, C]; memories: what the emitted files of a unit hold (`hwsv.design.Design.memories`).
    """
    words = {INPUT: graph.stream(INPUT).words(features)}
    for node in graph:
        if any(t not in words for t in node.inputs):
            continue  # the length channels
        try:
            outputs = node.unit.from_words([words[t] for t in node.inputs], memories(node))
        except HwsvError as error:
            raise type(error)(f"unit {node.name!r}: {error}") from error
        words.update(zip(node.outputs, outputs, strict=True))
    return words
