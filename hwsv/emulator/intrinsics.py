"""Operations that numba lacks or would widen to 64 bit: population counts, 32-bit shifts, and the XNOR dot product."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""Positions of a vector. LLVM splits such vectors on machines whose registers are shorter than 512 bits."""

_VECTOR = ir.VectorType(ir.IntType(32), LANES)


@intrinsic
def popcount32(typing_context, value):  # type: ignore[no-untyped-def]
    """Ones of a uint32, as int32 (``llvm.ctpop``)."""

    def emit(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.ctpop(context.cast(builder, args[0], value, types.uint32))

    return types.int32(value), emit


@intrinsic
def shift_left32(typing_context, value, amount):  # type: ignore[no-untyped-def]
    """``value << amount`` in uint32, amount < 32."""

    def emit(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.shl(*(context.cast(builder, a, t, types.uint32) for a, t in zip(args, signature.args, strict=True)))

    return types.uint32(value, amount), emit


@intrinsic
def multiply_add_shift32(typing_context, x, mult, bias, shift):  # type: ignore[no-untyped-def]
    """``(x * mult + bias) >> shift`` in int32, rounding down; the caller knows that nothing overflows."""

    def emit(context, builder, signature, args):  # type: ignore[no-untyped-def]
        a, m, b, s = (context.cast(builder, v, t, types.int32) for v, t in zip(args, signature.args, strict=True))
        return builder.ashr(builder.add(builder.mul(a, m), b), s)

    return types.int32(x, mult, bias, shift), emit


@intrinsic
def xnor_dots(typing_context, windows, mask, valid, weights, n, acc):  # type: ignore[no-untyped-def]
    """``acc[i] = valid[i] - 2 * popcount((windows[:, i] ^ weights) & mask[:, i])`` for i < n: bipolar dot products.

    windows, mask: uint32 ``[words, >= n]``, neighbours in i adjacent; weights: uint32 ``[words]``; valid, acc: int32.
    Arrays are read up to n rounded up to `LANES`. Sums stay in registers over all words, which numba's own loops do not do.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        windows, mask, valid, weights, n, acc = _unpack(context, builder, signature, args)

        def tile(first: ir.Value, count: int, store: Callable[[ir.Value, ir.Value, ir.Value], None]) -> None:
            for at, dot in _dots(builder, windows, mask, valid, weights, first, count):
                store(dot, acc.data, at)

        _over_positions(builder, n, tile)
        return context.get_dummy_value()

    return types.void(windows, mask, valid, weights, n, acc), emit


@intrinsic
def xnor_residual(typing_context, windows, mask, valid, weights, n, constants, operand, target, words):  # type: ignore[no-untyped-def]
    """`xnor_dots`, then `residual` on the sums while they are in registers."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        windows, mask, valid, weights, n, *rest = _unpack(context, builder, signature, args)

        def tile(first: ir.Value, count: int, store: Callable[[ir.Value, ir.Value, ir.Value], None]) -> None:
            for at, dot in _dots(builder, windows, mask, valid, weights, first, count):
                _residual(builder, dot, at, rest, store)

        _over_positions(builder, n, tile)
        return context.get_dummy_value()

    return types.void(windows, mask, valid, weights, n, constants, operand, target, words), emit


@intrinsic
def residual(typing_context, acc, n, constants, operand, target, words):  # type: ignore[no-untyped-def]
    """Requantise, add, store and compare a row of accumulators in one pass over i < n.

    ``x = acc[i]``; piece p = ``x >= SPLIT``; ``y = clip((x * MULT[p] + BIAS[p]) >> SHIFT, LOW, HIGH) << LOG_STEP``;
    ``z = clip(y + OFFSET + operand[i], LEAST, MOST)``; ``target[i] = z``; ``words[i] |= z >= EDGE ? ABOVE : BELOW``.
    constants: int32 in the order of `CONSTANTS`; acc, operand, target: int32, words: uint32. Reads up to n rounded up to
    `LANES`, writes no further than n.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        acc, n, *rest = _unpack(context, builder, signature, args)

        def tile(first: ir.Value, count: int, store: Callable[[ir.Value, ir.Value, ir.Value], None]) -> None:
            for at in _offsets(builder, first, count):
                _residual(builder, _load(builder, acc.data, at), at, rest, store)

        _over_positions(builder, n, tile)
        return context.get_dummy_value()

    return types.void(acc, n, constants, operand, target, words), emit


CONSTANTS = (
    "split", "mult0", "bias0", "mult1", "bias1", "shift", "low", "high", "log_step", "offset", "least", "most", "edge",
    "above", "below",
)  # fmt: skip
"""Constants of one channel for `residual`."""


def _unpack(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> list[Any]:
    return [
        context.make_array(t)(context, builder, a) if isinstance(t, types.Array) else context.cast(builder, a, t, types.intp)
        for t, a in zip(signature.args, args, strict=True)
    ]


def _address(builder: ir.IRBuilder, data: ir.Value, byte: ir.Value) -> ir.Value:
    raw = builder.bitcast(data, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(raw, [byte]), _VECTOR.as_pointer())


def _load(builder: ir.IRBuilder, data: ir.Value, byte: ir.Value) -> ir.Value:
    return builder.load(_address(builder, data, byte), align=4)


def _splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(_VECTOR, [0] * LANES))


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def _offsets(builder: ir.IRBuilder, first: ir.Value, count: int) -> list[ir.Value]:
    """Byte offsets of `count` vectors from vector `first` on."""
    size = first.type
    return [builder.mul(builder.add(first, size(j)), size(4 * LANES)) for j in range(count)]


def _over_positions(builder: ir.IRBuilder, n: ir.Value, tile: Callable[..., None]) -> None:
    """``tile(first vector, vectors, store)`` over n positions: four vectors at a time, then single ones, stores cut at n."""
    size = n.type

    def plain(value: ir.Value, data: ir.Value, byte: ir.Value) -> None:
        builder.store(value, _address(builder, data, byte), align=4)

    wide = builder.udiv(n, size(4 * LANES))
    with cgutils.for_range(builder, wide) as loop:
        tile(builder.mul(loop.index, size(4)), 4, plain)
    done = builder.mul(wide, size(4))
    vectors = builder.udiv(builder.add(n, size(LANES - 1)), size(LANES))
    lanes = ir.Constant(_VECTOR, list(range(LANES)))
    with cgutils.for_range(builder, builder.sub(vectors, done)) as loop:
        first = builder.add(done, loop.index)
        left = builder.trunc(builder.sub(n, builder.mul(first, size(LANES))), ir.IntType(32))
        inside = builder.icmp_signed("<", lanes, _splat(builder, left))

        def cut(value: ir.Value, data: ir.Value, byte: ir.Value) -> None:
            name = f"llvm.masked.store.v{LANES}i32.p0"
            args = (value, _address(builder, data, byte), ir.IntType(32)(4), inside)
            _call(builder, name, ir.VoidType(), *args)

        tile(first, 1, cut)


def _dots(
    builder: ir.IRBuilder, windows: Any, mask: Any, valid: Any, weights: Any, first: ir.Value, count: int
) -> list[tuple[ir.Value, ir.Value]]:
    """(byte offset, dot products) of `count` vectors of positions."""
    words = cgutils.unpack_tuple(builder, weights.shape)[0]
    strides = [cgutils.unpack_tuple(builder, a.strides)[0] for a in (windows, mask)]
    at = _offsets(builder, first, count)
    zero = ir.Constant(_VECTOR, [0] * LANES)
    sums = [cgutils.alloca_once(builder, _VECTOR) for _ in at]
    for total in sums:
        builder.store(zero, total)
    with cgutils.for_range(builder, words) as loop:
        weight = _splat(builder, builder.load(builder.gep(weights.data, [loop.index])))
        rows = [builder.mul(loop.index, stride) for stride in strides]
        for offset, total in zip(at, sums, strict=True):
            x, marks = (
                _load(builder, a.data, builder.add(row, offset)) for a, row in zip((windows, mask), rows, strict=True)
            )
            differ = builder.and_(builder.xor(x, weight), marks)
            ones = _call(builder, f"llvm.ctpop.v{LANES}i32", _VECTOR, differ)
            builder.store(builder.add(builder.load(total), ones), total)
    one = ir.Constant(_VECTOR, [1] * LANES)
    dots = []
    for offset, total in zip(at, sums, strict=True):
        double = builder.shl(builder.load(total), one)
        dots.append((offset, builder.sub(_load(builder, valid.data, offset), double)))
    return dots


def _residual(builder: ir.IRBuilder, x: ir.Value, at: ir.Value, arrays: list[Any], store: Callable[..., None]) -> None:
    """Instructions of `residual` for one vector at byte offset `at`."""
    constants, operand, target, words = arrays
    size = at.type
    c = {
        name: _splat(builder, builder.load(builder.gep(constants.data, [size(i)]))) for i, name in enumerate(CONSTANTS)
    }

    def clip(value: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
        value = builder.select(builder.icmp_signed("<", value, low), low, value)
        return builder.select(builder.icmp_signed(">", value, high), high, value)

    upper = builder.icmp_signed(">=", x, c["split"])
    mult = builder.select(upper, c["mult1"], c["mult0"])
    bias = builder.select(upper, c["bias1"], c["bias0"])
    y = builder.ashr(builder.add(builder.mul(x, mult), bias), c["shift"])
    y = builder.shl(clip(y, c["low"], c["high"]), c["log_step"])
    z = builder.add(builder.add(y, c["offset"]), _load(builder, operand.data, at))
    z = clip(z, c["least"], c["most"])
    store(z, target.data, at)
    bit = builder.select(builder.icmp_signed(">=", z, c["edge"]), c["above"], c["below"])
    store(builder.or_(_load(builder, words.data, at), bit), words.data, at)
