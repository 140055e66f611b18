"""Loops over vectors of positions, as LLVM instructions: what `intrinsics` is written with.

Why not numba loops: LLVM's vectoriser checks at run time every pair of arrays that might overlap and gives up at a
few, works at half the register width, and cannot keep sums in registers over a second loop; and numba counts
references inside loops. Registers shorter than `LANES` are LLVM's business.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

LANES = 16
"""Positions of a vector. Rows are read and written up to the next multiple of it."""

GROUP = 4
"""Channels that are worked on at once, also where fewer are left: what they share is loaded once, and their sums do
not wait for each other."""

INT, LONG, DOUBLE = ir.IntType(32), ir.IntType(64), ir.DoubleType()
VECTOR, DOUBLES = ir.VectorType(INT, LANES), ir.VectorType(DOUBLE, LANES)
ZERO, ONE = (ir.Constant(VECTOR, [value] * LANES) for value in (0, 1))


def unpack(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> list[Any]:
    """Arguments as array structures, 64-bit integers, and name spaces of these for named tuples."""

    def value(kind: Any, arg: ir.Value) -> Any:
        if isinstance(kind, types.Array):
            return context.make_array(kind)(context, builder, arg)
        if isinstance(kind, types.NamedTuple | types.NamedUniTuple):
            parts = (value(t, builder.extract_value(arg, i)) for i, t in enumerate(kind.types))
            return SimpleNamespace(**dict(zip(kind.fields, parts, strict=True)))
        return context.cast(builder, arg, kind, types.intp)

    return [value(kind, arg) for kind, arg in zip(signature.args, args, strict=True)]


def length(builder: ir.IRBuilder, array: Any) -> ir.Value:
    return cgutils.unpack_tuple(builder, array.shape)[0]


def row(builder: ir.IRBuilder, array: Any, index: ir.Value) -> ir.Value:
    """Pointer to row `index` of a matrix."""
    stride = cgutils.unpack_tuple(builder, array.strides)[0]
    raw = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(raw, [builder.mul(index, stride)]), array.data.type)


def rows(builder: ir.IRBuilder, array: Any, first: ir.Value, count: int) -> list[ir.Value]:
    """Pointers to neighbouring rows."""
    stride = cgutils.unpack_tuple(builder, array.strides)[0]
    found = [row(builder, array, first)]
    for _ in range(1, count):
        raw = builder.bitcast(found[-1], ir.IntType(8).as_pointer())
        found.append(builder.bitcast(builder.gep(raw, [stride]), array.data.type))
    return found


def place(builder: ir.IRBuilder, line: ir.Value, column: ir.Value) -> ir.Value:
    """Pointer to the vector that starts at `column` of a row."""
    element = line.type.pointee
    return builder.bitcast(builder.gep(line, [column]), ir.VectorType(element, LANES).as_pointer())


def load(builder: ir.IRBuilder, line: ir.Value, column: ir.Value) -> ir.Value:
    return builder.load(place(builder, line, column), align=4)


def store(builder: ir.IRBuilder, value: ir.Value, line: ir.Value, column: ir.Value) -> None:
    builder.store(value, place(builder, line, column), align=4)


def splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    vector = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, INT(0))
    return builder.shuffle_vector(first, first, ZERO)


def elements(builder: ir.IRBuilder, line: ir.Value, first: ir.Value, count: int) -> list[ir.Value]:
    """`count` neighbours of a row, each in all lanes of a vector."""
    return [splat(builder, builder.load(builder.gep(line, [index]))) for index in following(builder, first, count)]


def following(builder: ir.IRBuilder, first: ir.Value, count: int) -> list[ir.Value]:
    """first, first + 1, …"""
    return [builder.add(first, first.type(i)) for i in range(count)]


def call(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    """LLVM's intrinsic ``llvm.NAME`` on vectors of one type."""
    kind = args[0].type
    suffix = f"v{LANES}{'f64' if kind == DOUBLES else 'i32'}"
    function = ir.FunctionType(kind, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.{suffix}"), args)


def gather(builder: ir.IRBuilder, line: ir.Value, where: ir.Value, missing: ir.Value) -> ir.Value:
    """``line[where]``, `missing` where that index is negative."""
    pointers = builder.gep(line, [where], source_etype=INT)
    pointers.type = ir.VectorType(INT.as_pointer(), LANES)  # llvmlite knows no address vectors
    inside = builder.icmp_signed(">=", where, ZERO)
    kind = ir.FunctionType(VECTOR, [pointers.type, INT, inside.type, VECTOR])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.gather.v{LANES}i32.v{LANES}p0")
    return builder.call(function, [pointers, INT(4), inside, missing])


def carried(
    builder: ir.IRBuilder,
    first: ir.Value,
    end: ir.Value,
    values: list[ir.Value],
    body: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
) -> list[ir.Value]:
    """``values = body(i, values)`` for i from `first` to below `end`; the values stay in registers."""
    slots = [cgutils.alloca_once(builder, value.type) for value in values]
    for slot, value in zip(slots, values, strict=True):
        builder.store(value, slot)
    with span(builder, first, end) as index:
        for slot, value in zip(slots, body(index, [builder.load(slot) for slot in slots]), strict=True):
            builder.store(value, slot)
    return [builder.load(slot) for slot in slots]


@contextmanager
def span(builder: ir.IRBuilder, first: ir.Value, end: ir.Value, step: int | ir.Value = 1) -> Iterator[ir.Value]:
    """A loop from `first` to below `end`."""
    step = first.type(step) if isinstance(step, int) else step
    with cgutils.for_range_slice(builder, first, end, step, first.type) as (index, _):
        yield index
