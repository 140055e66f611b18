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
"""Positions of a vector. Inputs are read up to the next multiple of it, results are written no further than asked."""

INT = ir.IntType(32)
VECTOR = ir.VectorType(INT, LANES)
ZERO = ir.Constant(VECTOR, [0] * LANES)
ONE = ir.Constant(VECTOR, [1] * LANES)

Store = Callable[[ir.Value, ir.Value, ir.Value], None]
"""``store(vector, data, byte offset)``"""

Row = tuple[ir.Value, ir.Value]
"""Byte offset of a vector in a row, and the vector."""


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


@contextmanager
def channels(builder: ir.IRBuilder, first: ir.Value, end: ir.Value) -> Iterator[ir.Value]:
    """A loop over channels."""
    with cgutils.for_range_slice(builder, first, end, first.type(1), first.type) as (index, _):
        yield index


def gather(builder: ir.IRBuilder, base: ir.Value, where: ir.Value, missing: ir.Value) -> ir.Value:
    """``base[where]``, `missing` where that index is negative."""
    longs = ir.VectorType(ir.IntType(64), LANES)
    byte = builder.shl(builder.sext(where, longs), ir.Constant(longs, [2] * LANES))
    address = builder.add(byte, splat(builder, builder.ptrtoint(base, ir.IntType(64))))
    pointers = builder.inttoptr(address, ir.VectorType(INT.as_pointer(), LANES))
    inside = builder.icmp_signed(">=", where, ZERO)
    kind = ir.FunctionType(VECTOR, [pointers.type, INT, inside.type, VECTOR])
    gather = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.gather.v{LANES}i32.v{LANES}p0")
    return builder.call(gather, [pointers, INT(4), inside, missing])


def pointer(builder: ir.IRBuilder, data: ir.Value, offset: ir.Value, kind: ir.Type) -> ir.Value:
    """Pointer to a `kind`, `offset` bytes behind `data`."""
    raw = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [offset])
    return builder.bitcast(raw, kind.as_pointer())


def row(builder: ir.IRBuilder, array: Any, index: ir.Value) -> ir.Value:
    """Pointer to row `index` of a matrix."""
    stride = cgutils.unpack_tuple(builder, array.strides)[0]
    return pointer(builder, array.data, builder.mul(index, stride), INT)


def load(builder: ir.IRBuilder, data: ir.Value, offset: ir.Value) -> ir.Value:
    return builder.load(pointer(builder, data, offset, VECTOR), align=4)


def splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    vector = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, INT(0))
    return builder.shuffle_vector(first, first, ZERO)


def element(builder: ir.IRBuilder, array: Any, index: ir.Value, column: ir.Value) -> ir.Value:
    """``array[index, column]`` in all lanes."""
    return splat(builder, builder.load(builder.gep(row(builder, array, index), [column])))


def call(builder: ir.IRBuilder, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}i32"), args)


def offsets(builder: ir.IRBuilder, first: ir.Value, count: int) -> list[ir.Value]:
    """Byte offsets of `count` vectors from vector `first` on."""
    size = first.type
    return [builder.mul(builder.add(first, size(j)), size(4 * LANES)) for j in range(count)]


def over_positions(builder: ir.IRBuilder, n: ir.Value, tile: Callable[[ir.Value, int, Store], None]) -> None:
    """``tile(first vector, vectors, store)`` over n positions: four vectors at a time, then single ones, stores cut
    at n."""
    size = n.type

    def plain(value: ir.Value, data: ir.Value, offset: ir.Value) -> None:
        builder.store(value, pointer(builder, data, offset, VECTOR), align=4)

    wide = builder.udiv(n, size(4 * LANES))
    with cgutils.for_range(builder, wide) as loop:
        tile(builder.mul(loop.index, size(4)), 4, plain)
    done = builder.mul(wide, size(4))
    vectors = builder.udiv(builder.add(n, size(LANES - 1)), size(LANES))
    lanes = ir.Constant(VECTOR, list(range(LANES)))
    with cgutils.for_range(builder, builder.sub(vectors, done)) as loop:
        first = builder.add(done, loop.index)
        left = builder.trunc(builder.sub(n, builder.mul(first, size(LANES))), INT)
        inside = builder.icmp_signed("<", lanes, splat(builder, left))

        def cut(value: ir.Value, data: ir.Value, offset: ir.Value) -> None:
            place = pointer(builder, data, offset, VECTOR)
            kind = ir.FunctionType(ir.VoidType(), [VECTOR, place.type, INT, inside.type])
            store = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{LANES}i32.p0")
            builder.call(store, [value, place, INT(4), inside])

        tile(first, 1, cut)


def sums(
    builder: ir.IRBuilder, words: ir.Value, first: ir.Value, count: int, term: Callable[[ir.Value, ir.Value], ir.Value]
) -> list[tuple[ir.Value, ir.Value]]:
    """(byte offset, sum over k < words of ``term(k, offset)``) of `count` vectors of positions, kept in registers."""
    at = offsets(builder, first, count)
    totals = [cgutils.alloca_once(builder, VECTOR) for _ in at]
    for total in totals:
        builder.store(ZERO, total)
    with cgutils.for_range(builder, words) as loop:
        for offset, total in zip(at, totals, strict=True):
            builder.store(builder.add(builder.load(total), term(loop.index, offset)), total)
    return [(offset, builder.load(total)) for offset, total in zip(at, totals, strict=True)]
