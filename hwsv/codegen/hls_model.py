"""What the HLS templates print: the unit graph as structs, streams, processes and lengths with C++ names."""

import textwrap
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsv import bits, datatypes
from hwsv.codegen.identifiers import comment, identifier
from hwsv.errors import InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.base import HlsConstant, Memory, Stream, Unit
from hwsv.units.sliding_window import SlidingWindow

DEPTH_MARGIN = 8
"""Words that an HLS FIFO has beyond its RTL depth: Vitis' pipelines are deeper than the RTL's by a few stages."""

DEFAULT_DEPTH = 2
"""RTL depth of a stream in a graph whose FIFOs are not sized."""

LENGTH_DEPTH = 4
"""Utterances that may be in flight between the length port and the last process."""

UNUSED = Memory(np.zeros((1, 1), np.int64), "UINT1", "tables")
"""Stands for a memory that a template takes and a unit has not; every process has its own, since none may share."""


@dataclass(frozen=True)
class Rom:
    """A memory as an array of 64-bit limbs. limbs: uint64 [depth, limbs]."""

    name: str
    limbs: NDArray[np.uint64]
    note: str

    @property
    def rows(self) -> list[str]:
        """Lines of the initialiser, some rows of the memory a line."""
        cells = ["{" + ", ".join(f"0x{limb:x}u" for limb in row) + "}" for row in self.limbs.tolist()]
        per_line = max(1, 106 // (max(map(len, cells)) + 2))
        lines = [", ".join(cells[i : i + per_line]) + "," for i in range(0, len(cells), per_line)]
        return [part for line in lines for part in textwrap.wrap(line, 106)]


@dataclass(frozen=True)
class Port:
    """A stream: C++ name, tensor, what it carries, FIFO depth (0: a port of the top)."""

    name: str
    tensor: str
    stream: Stream
    depth: int = 0

    @property
    def bits(self) -> int:
        return self.stream.word_bits


@dataclass(frozen=True)
class Process:
    """A unit as a call of its template."""

    name: str
    kind: str
    note: str
    members: list[str]
    roms: list[Rom]
    arguments: list[str]
    """Names of its memories, then of its streams, in the order of the template's parameters."""
    streams: list[tuple[str, int]]
    """(name, bits) of its own data ports, for its own top; in the order of `arguments`."""
    unit: Unit

    @property
    def length(self) -> str:
        """The stream of its lengths."""
        return f"{self.name}_length"

    @property
    def call(self) -> str:
        """The statement that runs it in the whole network's top, where `config` is the namespace of structs."""
        return self._call("config", [self.length, *self.arguments])

    def own_call(self, namespace: str) -> str:
        """The statement that runs it in its own top, on that top's ports."""
        memories = self.arguments[: -len(self.streams)]
        return self._call(namespace, ["length", *memories, *(name for name, _ in self.streams)])

    def _call(self, namespace: str, arguments: list[str]) -> str:
        text = f"hwsv::{self.kind}<{namespace}::{self.name}>({', '.join(arguments)});"
        return textwrap.fill(text, 108, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class HlsModel:
    """A whole graph. `lengths`: (variable, C++ expression) in order; `length_of`: process -> variable."""

    name: str
    inputs: list[Port]
    outputs: list[Port]
    channels: list[Port]
    processes: list[Process]
    lengths: list[tuple[str, str]] = field(default_factory=list)
    length_of: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """Headers that the design needs."""
        return sorted({process.kind for process in self.processes})

    @property
    def max_word_bits(self) -> int:
        ports = [port.bits for port in (*self.inputs, *self.outputs, *self.channels)]
        memories = [m.word_bits for p in self.processes for m in p.unit.memories().values()]
        return max([*ports, *memories])


def build(graph: UnitGraph, name: str) -> HlsModel:
    """The model of `graph`; the length fork's work is done by a generated process. Raises InputError."""
    nodes = [node for node in graph if node.unit.kind != "length_fork"]
    ports = _ports(graph, nodes)
    consumed = {tensor for node in nodes for tensor in node.inputs}
    produced = {tensor for node in nodes for tensor in node.outputs}
    lengths, length_of = _lengths(nodes)
    return HlsModel(
        identifier(name),
        inputs=[port for tensor, port in ports.items() if tensor not in produced],
        outputs=[port for tensor, port in ports.items() if tensor not in consumed],
        channels=[port for tensor, port in ports.items() if tensor in produced & consumed],
        processes=[_process(node, ports) for node in nodes],
        lengths=lengths,
        length_of=length_of,
    )


def _ports(graph: UnitGraph, nodes: list[Node]) -> dict[str, Port]:
    """tensor -> stream, named after the unit that makes it (a tensor's own name may come from a model)."""
    consumers: dict[str, int] = {}
    for tensor in (tensor for node in nodes for tensor in node.inputs):
        consumers[tensor] = consumers.get(tensor, 0) + 1
    if several := [tensor for tensor, count in consumers.items() if count > 1]:
        raise InputError(f"tensor {several[0]!r} has {consumers[several[0]]} consumers; a stream needs a fork")
    streams = graph.streams()
    made = {tensor for node in nodes for tensor in node.outputs}
    ports = {}
    for node in nodes:
        for side, tensors in (("in", node.inputs), ("out", node.outputs)):
            for i, tensor in enumerate(tensors):
                if side == "in" and tensor in made:
                    continue
                number = str(i) if len(tensors) > 1 else ""
                known = {INPUT: INPUT, OUTPUT: OUTPUT}
                name = known.get(tensor) or identifier(f"{identifier(node.name)}_{side}{number}")
                depth = 0
                if tensor in made and tensor in consumers:
                    channel = graph.channels.get(tensor)
                    depth = (channel.depth if channel else DEFAULT_DEPTH) + DEPTH_MARGIN
                ports[tensor] = Port(name, tensor, streams[tensor], depth)
    return ports


def _process(node: Node, ports: dict[str, Port]) -> Process:
    unit, memories = node.unit, node.unit.memories()
    members = []
    for side, streams in (("in", unit.inputs()), ("out", unit.outputs())):
        for i, stream in enumerate(streams):
            members += _stream_members(f"{side}{i}" if len(streams) > 1 else side, stream)
    roms, arguments = [], []
    for name in unit.hls_memories():
        memory = memories.get(name, UNUSED)
        members += [_member(f"{name}_type", memory.dtype), _member(f"{name}_bits", memory.word_bits)]
        note = f"{memory.depth} words of {memory.word_bits} bits: {memory.data.shape[1]} x {memory.dtype}"
        note = "not used: this unit has none" if memory is UNUSED else note
        roms.append(Rom(f"{node.name}_{name}", bits.pack(memory.data, memory.dtype), note))
        arguments.append(roms[-1].name)
    members += [_member(name, value) for name, value in unit.hls_constants().items()]
    # the side that has one port comes first, so that the other can be a parameter pack
    sides = [[ports[t] for t in node.inputs], [ports[t] for t in node.outputs]]
    ordered = sides if len(node.inputs) == 1 else sides[::-1]
    own = [("in", unit.inputs()), ("out", unit.outputs())]
    names = [
        (f"{side}{i}" if len(streams) > 1 else side, stream.word_bits)
        for side, streams in (own if len(node.inputs) == 1 else own[::-1])
        for i, stream in enumerate(streams)
    ]
    arguments += [port.name for side in ordered for port in side]
    note = f"{unit.kind}, from {comment(node.source)}" if node.source else unit.kind
    return Process(identifier(node.name), unit.kind, note, members, roms, arguments, names, unit)


def _stream_members(name: str, stream: Stream) -> list[str]:
    return [
        _member(f"{name}_type", stream.dtype),
        _member(f"{name}_freq", stream.freq),
        _member(f"{name}_lanes", stream.lanes),
        _member(f"{name}_bits", stream.word_bits),
        _member(f"{name}_words", stream.words_per_pixel),
        _member(f"{name}_frame_words", stream.words_per_frame),
        _member(f"{name}_marks", stream.pad_mark),
    ]


def _member(name: str, value: HlsConstant) -> str:
    """A line of a configuration struct."""
    if isinstance(value, str):
        return f"using {name} = {_cpp_type(value)};"
    if isinstance(value, tuple):
        values = ", ".join(str(int(v)) for v in value)
        return f"static constexpr int {name}(int port) {{ constexpr int n[] = {{{values}}}; return n[port]; }}"
    if isinstance(value, (bool, np.bool_)):
        return f"static constexpr bool {name} = {str(bool(value)).lower()};"
    number = int(value)
    ctype = "int" if -(2**31) < number < 2**31 else "int64_t"
    return f"static constexpr {ctype} {name} = {number};"


def _cpp_type(dtype: str) -> str:
    width = datatypes.bits(dtype)
    if dtype == datatypes.BIPOLAR:
        return "hwsv::Bipolar"
    return f"hwsv::{'Int' if datatypes.is_signed(dtype) else 'UInt'}<{width}>"


def _lengths(nodes: list[Node]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """How many frames reach each process: C++ variables, each made from one before it, and each process's own."""
    variables = {"hwsv::length_t(1)": "one_frame"}
    at: dict[str, str] = {}
    length_of = {}
    for node in nodes:
        entering = at.get(node.inputs[0], "frames")
        length_of[node.name] = entering
        expression = _leaving(node.unit, entering)
        leaving = variables.setdefault(expression, f"frames_after_{node.name}") if expression else entering
        at.update(dict.fromkeys(node.outputs, leaving))
    used = set(length_of.values())
    needed = [(variable, expression) for expression, variable in variables.items()]
    for variable, expression in reversed(needed):  # a variable is needed by a process or by a later variable
        if variable in used:
            used |= {v for v, _ in needed if f"({v})" in expression}
    return [(variable, expression) for variable, expression in needed if variable in used], length_of


def _leaving(unit: Unit, entering: str) -> str:
    """C++ expression of the frames that leave a unit, "" where as many leave as enter."""
    if isinstance(unit, SlidingWindow):
        kernel, stride, padding = unit.kernel[0], unit.stride[0], unit.pads[0] + unit.pads[2]
        same = (kernel - padding, stride) == (1, 1)
        return "" if same else f"hwsv::windowed<{kernel}, {stride}, {padding}>({entering})"
    probes = [unit.min_frames() + extra for extra in (0, 1, 5)]
    leaving = [unit.out_frames(frames) for frames in probes]
    if leaving == probes:
        return ""
    if set(leaving) == {1}:
        return "hwsv::length_t(1)"
    raise InputError(f"HLS cannot tell how many frames leave a {unit.kind}")
