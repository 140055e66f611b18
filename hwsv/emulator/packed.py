"""The packed network file: everything that the emulator needs, near its information content (``network.packed``).

Layout (little-endian): magic ``HWSVPACK``, uint16 version, uint32 CRC-32 of all that follows the CRC, uint32 length
of the header, header, parameters. The header is zlib-compressed JSON: ``{"name", "nodes": [[kind, name, inputs,
outputs, fields, arrays]]}`` with ``arrays: {field: [data type, shape]}`` in the order of the parameters, each of
which starts on a byte and takes exactly its data type's bits an element (`hwsv.bits` order). Folding, length channels
and the model's own node names are left out. The file is untrusted input: no pickle, and everything is checked before
it is used.
"""

import dataclasses
import json
import math
import struct
import typing
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from hwsv import bits, datatypes
from hwsv.errors import InputError
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.base import Unit, registry

MAGIC = b"HWSVPACK"
VERSION = 1
_HEAD = struct.Struct("<8sHI")
_SIZE = struct.Struct("<I")

MAX_HEADER = 2**24
"""Largest decompressed header; a network of 1000 units takes 0.2 MB."""

MAX_PIXEL = 2**20
"""Largest number of elements of a frame on any stream."""

FOLDING = ("lanes", "pe", "simd", "in_lanes", "out_lanes")
"""Fields that say how a unit is folded, not what it computes: 1 in a packed network."""

_NO_DATA = "length_fork"


def write_packed(graph: UnitGraph, path: Path | str) -> None:
    """Write `graph` (folded and wired or not) as one packed file."""
    nodes, blobs = [], []
    for node in graph:
        if node.unit.kind == _NO_DATA:
            continue
        fields: dict[str, Any] = {}
        arrays: dict[str, Any] = {}
        for field in dataclasses.fields(node.unit):  # type: ignore[arg-type]
            value = getattr(node.unit, field.name)
            if isinstance(value, np.ndarray):
                dtype = _narrowest(value)
                arrays[field.name] = [dtype, list(value.shape)]
                blobs.append(_pack(value, dtype))
            elif field.name not in FOLDING and value != field.default:
                fields[field.name] = value.item() if isinstance(value, np.generic) else value
        nodes.append([node.unit.kind, node.name, node.inputs, node.outputs, fields, arrays])
    text = json.dumps({"name": graph.name, "nodes": nodes}, separators=(",", ":"))
    header = zlib.compress(text.encode(), 9)
    body = _SIZE.pack(len(header)) + header + b"".join(blobs)
    Path(path).write_bytes(_HEAD.pack(MAGIC, VERSION, zlib.crc32(body)) + body)


def read_packed(path: Path | str) -> UnitGraph:
    """The unit graph of a packed file, unfolded. Raises InputError for anything that `write_packed` does not write."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return _parse(raw)
    except InputError as error:
        raise InputError(f"{path}: not a packed network of this version: {error}; compile again") from error


def _parse(raw: bytes) -> UnitGraph:
    if not raw.startswith(MAGIC):
        raise InputError(f"it does not start with {MAGIC.decode()}")
    start = _HEAD.size + _SIZE.size
    if len(raw) < start:
        raise InputError("truncated")
    _, version, checksum = _HEAD.unpack_from(raw)
    if version != VERSION:
        raise InputError(f"its version is {version}, not {VERSION}")
    if zlib.crc32(raw[_HEAD.size :]) != checksum:
        raise InputError("truncated or damaged (checksum differs)")
    (size,) = _SIZE.unpack_from(raw, _HEAD.size)
    if size > len(raw) - start:
        raise InputError("the header is longer than the file")
    header = _header(raw[start : start + size])
    reader = _Parameters(raw, start + size)
    graph = UnitGraph(header.name)
    for entry in header.nodes:
        kind, name, inputs, outputs, fields, arrays = entry
        try:
            unit = _unit(kind, fields, {field: reader.take(*spec) for field, spec in arrays.items()})
        except InputError as error:
            raise InputError(f"unit {name!r}: {error}") from error
        graph.nodes.append(Node(name, unit, inputs, outputs))
    if reader.at != len(raw):
        raise InputError(f"{len(raw) - reader.at} bytes are left over")
    check_streams(graph)
    return graph


_Identifier = typing.Annotated[str, pydantic.Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Header(pydantic.BaseModel, extra="forbid"):
    """The header's JSON."""

    name: str
    nodes: list[
        tuple[
            str,
            _Identifier,
            tuple[_Identifier, ...],
            tuple[_Identifier, ...],
            dict[str, Any],
            dict[str, tuple[str, tuple[pydantic.NonNegativeInt, ...]]],
        ]
    ]


def _header(packed: bytes) -> _Header:
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(packed, MAX_HEADER)
        if not inflate.eof:
            raise InputError("oversized or truncated header")
        return _Header.model_validate_json(text)
    except zlib.error as error:
        raise InputError("the header is damaged") from error
    except pydantic.ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "JSON"
        raise InputError(f"header: {where}: {error.errors()[0]['msg']}") from error


def _unit(kind: str, fields: dict[str, Any], arrays: dict[str, NDArray[np.int64]]) -> Unit:
    """A unit from its fields, each validated against its annotation."""
    cls = registry().get(kind)
    if cls is None or kind == _NO_DATA:
        raise InputError(f"{kind!r} is not a unit kind")
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        is_array = typing.get_origin(hints[field.name]) is np.ndarray
        if field.name in FOLDING:
            values[field.name] = 1
        elif field.name in (arrays if is_array else fields):
            value = (arrays if is_array else fields)[field.name]
            values[field.name] = value if is_array else _validated(field.name, hints[field.name], value)
        elif field.default is dataclasses.MISSING:
            raise InputError(f"{kind}: {field.name} is missing")
    unknown = sorted((fields.keys() | arrays.keys()) - values.keys())
    if unknown:
        raise InputError(f"{kind} has no field {unknown[0]!r}")
    try:
        return cls(**values)
    except (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"{kind}: parameters do not fit together ({type(error).__name__})") from error


def _validated(name: str, hint: Any, value: Any) -> Any:
    try:
        checked = pydantic.TypeAdapter(hint).validate_python(value)
    except pydantic.ValidationError as error:
        raise InputError(f"{name}: {error.errors()[0]['msg']}") from error
    numbers = checked if isinstance(checked, tuple) else (checked,)
    if any(isinstance(n, int) and abs(n) >= 2**62 for n in numbers):
        raise InputError(f"{name}: {value} is out of range")
    return checked


def check_streams(graph: UnitGraph) -> None:
    """Refuse a graph whose units do not fit together; the emulator's kernels rely on it."""
    found: dict[str, tuple[int, int, str]] = {}
    for node in graph:
        if node.unit.kind == _NO_DATA:
            continue
        inputs, outputs = node.unit.inputs(), node.unit.outputs()
        if (len(node.inputs), len(node.outputs)) != (len(inputs), len(outputs)):
            raise InputError(f"unit {node.name!r}: wrong number of inputs or outputs")
        for tensor, stream in zip(node.inputs, inputs, strict=True):
            shape = (stream.freq, stream.channels, stream.dtype)
            if tensor == INPUT:
                found.setdefault(INPUT, shape)
            if found.get(tensor) != shape:
                raise InputError(f"unit {node.name!r}: input {tensor!r} is {found.get(tensor)}, {shape} expected")
        for tensor, stream in zip(node.outputs, outputs, strict=True):
            if tensor in found or tensor == INPUT:
                raise InputError(f"unit {node.name!r}: tensor {tensor!r} is made twice")
            if min(stream.freq, stream.channels) < 1 or stream.freq * stream.channels > MAX_PIXEL:
                raise InputError(f"unit {node.name!r}: {stream.freq} x {stream.channels} elements a frame")
            found[tensor] = (stream.freq, stream.channels, stream.dtype)
    if OUTPUT not in found:
        raise InputError(f"there is no tensor {OUTPUT!r}")


def _narrowest(values: NDArray[np.int64]) -> str:
    """The data type that stores `values` in the fewest bits."""
    if values.size and bool((np.abs(values) == 1).all()):
        return datatypes.BIPOLAR
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return datatypes.smallest(low, high)


def _pack(values: NDArray[np.int64], dtype: str) -> bytes:
    words = bits.pack(values.reshape(1, -1), dtype)
    return words.astype("<u8").tobytes()[: -(-values.size * datatypes.bits(dtype) // 8)]


class _Parameters:
    """Reads arrays one after the other."""

    def __init__(self, raw: bytes, at: int) -> None:
        self.raw, self.at = raw, at

    def take(self, dtype: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
        size = math.prod(shape)
        length = -(-size * datatypes.bits(dtype) // 8)
        if length > len(self.raw) - self.at:
            raise InputError(f"parameters of shape {list(shape)} are not in the file")
        chunk = self.raw[self.at : self.at + length]
        self.at += length
        if size == 0:
            return np.zeros(shape, np.int64)
        words = np.frombuffer(chunk.ljust(-(-length // 8) * 8, b"\0"), "<u8")
        return bits.unpack(words[None], size, dtype).reshape(shape)
