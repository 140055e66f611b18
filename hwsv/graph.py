"""The unit graph: units, the tensors between them, and their channels.

The front-end makes it unfolded; `hwsv.folding` sets PE, SIMD and lanes; `hwsv.wiring` adds forks, width converters, the
length channels and the FIFO depths, after which every tensor has one producer and one consumer and *is* a channel.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

from hwsv.errors import HwsvError, InputError
from hwsv.units.base import Stream, Tensor, Unit

INPUT = "features"
OUTPUT = "embedding"
LENGTH = "length"


@dataclass(frozen=True)
class Channel:
    """A FIFO: `depth` words (credits), `latency` cycles until a pushed word is visible (1: LUT RAM, 2: block RAM)."""

    depth: int
    latency: int = 1


@dataclass(frozen=True)
class Node:
    """A unit in the graph.

    `name`: an identifier made by us, never copied from a model. `inputs`/`outputs`: tensor names in port order.
    `length`: the tensor of its length channel, for frame-aware units once wired. `source`: the model's node names, for
    comments and messages (untrusted text: quote it where it is written).
    """

    name: str
    unit: Unit
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    length: str = ""
    source: str = ""

    @property
    def all_inputs(self) -> tuple[str, ...]:
        """Data inputs, then the length channel where there is one: the port numbers of `Actor.inputs`."""
        return (*self.inputs, self.length) if self.length else self.inputs


@dataclass
class UnitGraph:
    """Nodes in topological order, from tensor `INPUT` to tensor `OUTPUT`; `channels` by tensor name once wired."""

    name: str
    nodes: list[Node] = field(default_factory=list)
    channels: dict[str, Channel] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def node(self, name: str) -> Node:
        """The node called `name`; raises InputError with the nearest names there are."""
        for node in self.nodes:
            if node.name == name:
                return node
        names = [n.name for n in self.nodes]
        near = difflib.get_close_matches(name, names, n=3) or names[:3]
        raise InputError(f"no unit {name!r} in design {self.name!r}; it has {', '.join(near)} … ('hwsv estimate')")

    def producers(self) -> dict[str, tuple[Node, int]]:
        """tensor -> (node, output port); the graph's inputs have none."""
        return {tensor: (node, port) for node in self.nodes for port, tensor in enumerate(node.outputs)}

    def consumers(self) -> dict[str, list[tuple[Node, int]]]:
        """tensor -> [(node, input port)], the length channel being the last input port."""
        found: dict[str, list[tuple[Node, int]]] = {}
        for node in self.nodes:
            for port, tensor in enumerate(node.all_inputs):
                found.setdefault(tensor, []).append((node, port))
        return found

    def stream(self, tensor: str) -> Stream:
        """What the tensor carries: its producer's output stream, for a graph input its consumer's."""
        if tensor in (producers := self.producers()):
            node, port = producers[tensor]
            return node.unit.outputs()[port]
        node, port = self.consumers()[tensor][0]
        return node.unit.inputs()[port]

    def streams(self) -> dict[str, Stream]:
        """All tensors' streams, the graph's inputs included."""
        found = {t: s for node in self.nodes for t, s in zip(node.outputs, node.unit.outputs(), strict=True)}
        for node in self.nodes:
            for tensor, stream in zip(node.inputs, node.unit.inputs(), strict=True):
                found.setdefault(tensor, stream)
        return found

    def frames(self, frames: int) -> dict[str, int]:
        """tensor -> its frames, for an utterance of `frames` frames at the input.

        Raises InputError when the utterance is too short for a unit.
        """
        found = {INPUT: frames}
        for node in self.nodes:
            if node.inputs and node.inputs[0] in found:
                entering = found[node.inputs[0]]
                if entering < node.unit.min_frames():
                    raise InputError(f"an utterance of {frames} frames is too short for unit {node.name!r}")
                found.update(dict.fromkeys(node.outputs, node.unit.out_frames(entering)))
        return found

    def golden(self, features: Tensor) -> dict[str, Tensor]:
        """All tensors ``[T, F, C]`` of one utterance by the units' golden models. features: int64 [T, F, C]."""
        self.frames(len(features))
        values = {INPUT: features}
        for node in self.nodes:
            if not node.inputs or node.inputs[0] not in values:
                continue  # the length channels carry no data
            try:
                results = node.unit.golden(*(values[t] for t in node.inputs))
            except HwsvError as error:
                raise type(error)(f"unit {node.name!r}: {error}") from error
            values.update(zip(node.outputs, results, strict=True))
        return values
