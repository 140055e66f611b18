"""What the RTL templates print: channels, units with their parameters, and the ports of the top."""

from dataclasses import dataclass, replace

from hwsv.boards import Board
from hwsv.codegen.identifiers import comment, identifier
from hwsv.estimate import estimate
from hwsv.graph import Node, UnitGraph
from hwsv.units.base import Stream
from hwsv.units.length_fork import LENGTH_DTYPE


@dataclass(frozen=True)
class RtlChannel:
    """A FIFO. `tensor`: of the unit graph; `bits`: of a word; `block`: 1 in block RAM."""

    name: str
    tensor: str
    bits: int
    depth: int
    latency: int
    block: int
    note: str

    @property
    def bus_bits(self) -> int:
        """AXI-Stream data are whole bytes."""
        return -(-self.bits // 8) * 8


@dataclass(frozen=True)
class RtlUnit:
    """An instance. `inputs`, `outputs`, `length`: names of its channels; `parameters`: (name, literal)."""

    name: str
    kind: str
    note: str
    parameters: list[tuple[str, str]]
    inputs: list[str]
    outputs: list[str]
    length: str


@dataclass(frozen=True)
class RtlModel:
    """A top: its channels in the order of their numbers, its units; `sources`, `sinks`: channels with AXI ports."""

    module: str
    note: str
    channels: list[RtlChannel]
    units: list[RtlUnit]
    sources: list[RtlChannel]
    sinks: list[RtlChannel]


def build(graph: UnitGraph, module: str, board: Board) -> RtlModel:
    """The whole network. Raises InputError for units without RTL."""
    homes = {
        (unit.node, memory.name): int(memory.home == "bram")
        for unit in estimate(graph, board).units
        for memory in unit.memories
    }
    streams = graph.streams()
    producers = graph.producers()
    channels = {}
    for tensor, channel in graph.channels.items():
        node, port = producers.get(tensor, (None, 0))
        block = homes[node.name, f"out{port}"] if node else int(channel.latency > 1)
        stream = streams.get(tensor, Stream(1, 1, LENGTH_DTYPE))
        channels[tensor] = RtlChannel(
            identifier(tensor) if tensor not in graph_ports(graph) else tensor, tensor, stream.word_bits,
            channel.depth, channel.latency, block, _describe(stream),
        )  # fmt: skip
    units = [_unit(node, channels, homes) for node in graph]
    consumed = {tensor for node in graph for tensor in node.all_inputs}
    return RtlModel(
        module,
        f"{module}: {len(units)} units, {len(channels)} channels",
        list(channels.values()),
        units,
        [c for t, c in channels.items() if t not in producers],
        [c for t, c in channels.items() if t not in consumed],
    )


def graph_ports(graph: UnitGraph) -> set[str]:
    """Tensors that are ports of the graph: their names are reserved for them."""
    made, used = set(graph.producers()), {t for node in graph for t in node.all_inputs}
    return (made | used) - (made & used)


def unit_model(model: RtlModel, unit: RtlUnit) -> RtlModel:
    """The top of one unit of `model`, with its own channels at its ports."""
    names = [*unit.inputs, *([unit.length] if unit.length else []), *unit.outputs]
    by_name = {channel.name: channel for channel in model.channels}
    found = [by_name[name] for name in names]
    sinks = [c for c in found if c.name in unit.outputs]
    return replace(
        model, module=f"{unit.name}_top", note=f"{unit.name} alone: {unit.note}", channels=found, units=[unit],
        sources=[c for c in found if c not in sinks], sinks=sinks,
    )  # fmt: skip


def _describe(stream: Stream) -> str:
    mark = ", padding mark above" if stream.pad_mark else ""
    return f"{stream.lanes} x {stream.dtype}{mark}"


def _unit(node: Node, channels: dict[str, RtlChannel], homes: dict[tuple[str, str], int]) -> RtlUnit:
    unit, name = node.unit, identifier(node.name)
    parameters = {key: _literal(value) for key, value in unit.rtl_parameters().items()}
    for memory, (_, depth, width) in unit.memory_shapes().items():
        key = memory.upper()
        parameters[f"{key}_FILE"] = f'"../mem/{identifier(f"{name}_{memory}")}.mem"'
        parameters[f"{key}_BITS"], parameters[f"{key}_DEPTH"] = str(width), str(depth)
        parameters[f"{key}_BLOCK"] = str(homes[node.name, memory])
    for ram in unit.cost().rams:
        parameters[f"{ram.upper()}_BLOCK"] = str(homes[node.name, ram])
    return RtlUnit(
        name, unit.kind, f"{unit.kind}, from {comment(node.source)}" if node.source else unit.kind,
        list(parameters.items()), [channels[t].name for t in node.inputs], [channels[t].name for t in node.outputs],
        channels[node.length].name if node.length else "",
    )  # fmt: skip


def _literal(value: int | tuple[int, ...]) -> str:
    """A number, or numbers as a packed vector of 32-bit words, the first one in the least significant bits."""
    if isinstance(value, tuple):
        return "{" + ", ".join(_sized(v, 32) for v in reversed(value)) + "}"
    return str(int(value)) if -(2**31) < value < 2**31 else _sized(value, 64)


def _sized(value: int, bits: int) -> str:
    return f"{'-' if value < 0 else ''}{bits}'sd{abs(value)}"
