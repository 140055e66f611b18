"""Operations that numba lacks or would widen to 64 bit, and the emulator's inner loops as explicit vectors.

The loops run over channels: each makes a row of accumulators and at once runs the passes of its program on it, the
first one while the values are still in registers.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from hwsv.emulator import vectors
from hwsv.emulator.vectors import Row, Store

intrinsic: Any = extending.intrinsic

CONSTANTS = (
    "split", "mult0", "bias0", "mult1", "bias1", "shift", "low", "high", "log_step", "offset", "least", "most", "edge",
    "above", "below",
)  # fmt: skip
"""Constants of one channel for `residual`."""


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
        return builder.shl(
            *(context.cast(builder, a, t, types.uint32) for a, t in zip(args, signature.args, strict=True))
        )

    return types.uint32(value, amount), emit


@intrinsic
def xnor_rows(  # type: ignore[no-untyped-def]
    typing_context, windows, mask, valid, weights, acc, n, at, c, c_end, span, programs, ports
):
    """Bipolar products of channels c … c_end, each followed by the passes of `span`.

    ``acc[i] = valid[at + i] - 2 * popcount((windows[:, i] ^ weights[:, c]) & mask[:, at + i])`` for i < n. windows,
    mask: uint32 ``[words, P]``; weights: uint32 ``[words, channels]``; valid, acc: int32.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        windows, mask, valid, weights, acc, n, at, c, c_end, *program = vectors.unpack(
            context, builder, signature, args
        )
        start = builder.mul(at, at.type(4))
        with vectors.channels(builder, c, c_end) as channel:

            def term(k: ir.Value, offset: ir.Value) -> ir.Value:
                x = vectors.load(builder, vectors.row(builder, windows, k), offset)
                marks = vectors.load(builder, vectors.row(builder, mask, k), builder.add(start, offset))
                weight = vectors.element(builder, weights, k, channel)
                return vectors.call(builder, "ctpop", vectors.VECTOR, builder.and_(builder.xor(x, weight), marks))

            def rows(first: ir.Value, count: int) -> Iterator[Row]:
                for offset, total in vectors.sums(builder, vectors.length(builder, weights), first, count, term):
                    known = vectors.load(builder, valid.data, builder.add(start, offset))
                    yield offset, builder.sub(known, builder.shl(total, vectors.ONE))

            _run(builder, rows, acc, n, at, channel, *program)
        return context.get_dummy_value()

    return types.void(windows, mask, valid, weights, acc, n, at, c, c_end, span, programs, ports), emit


@intrinsic
def integer_rows(  # type: ignore[no-untyped-def]
    typing_context, windows, weights, acc, n, at, c, c_end, span, programs, ports
):
    """Integer products of channels c … c_end, each followed by the passes of `span`.

    ``acc[i] = sum_k windows[k, i] * weights[k, c]`` for i < n. windows: int32 ``[words, P]``; weights: int32
    ``[words, channels]``; acc: int32.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        windows, weights, acc, n, at, c, c_end, *program = vectors.unpack(context, builder, signature, args)
        with vectors.channels(builder, c, c_end) as channel:

            def term(k: ir.Value, offset: ir.Value) -> ir.Value:
                x = vectors.load(builder, vectors.row(builder, windows, k), offset)
                return builder.mul(x, vectors.element(builder, weights, k, channel))

            def rows(first: ir.Value, count: int) -> list[Row]:
                return vectors.sums(builder, vectors.length(builder, weights), first, count, term)

            _run(builder, rows, acc, n, at, channel, *program)
        return context.get_dummy_value()

    return types.void(windows, weights, acc, n, at, c, c_end, span, programs, ports), emit


@intrinsic
def pool_rows(  # type: ignore[no-untyped-def]
    typing_context, x, index, neutral, maximum, acc, n, at, c, c_end, span, programs, ports
):
    """Poolings of channels c … c_end, each followed by the passes of `span`.

    ``acc[i]`` = the maximum or the sum over taps k of ``x[c, index[k, i]]``, `neutral` where that index is negative,
    for i < n. x: int32 ``[C, P]``; index: int32 ``[taps, Q]``; acc: int32.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        x, index, neutral, maximum, acc, n, at, c, c_end, *program = vectors.unpack(context, builder, signature, args)
        missing = vectors.splat(builder, builder.trunc(neutral, vectors.INT))
        largest = builder.icmp_signed("!=", maximum, maximum.type(0))
        with vectors.channels(builder, c, c_end) as channel:
            base = vectors.row(builder, x, channel)

            def rows(first: ir.Value, count: int) -> Iterator[Row]:
                for offset in vectors.offsets(builder, first, count):
                    total = cgutils.alloca_once(builder, vectors.VECTOR)
                    where = vectors.load(builder, vectors.row(builder, index, n.type(0)), offset)
                    builder.store(vectors.gather(builder, base, where, missing), total)
                    with cgutils.for_range(builder, builder.sub(vectors.length(builder, index), n.type(1))) as loop:
                        tap = vectors.row(builder, index, builder.add(loop.index, n.type(1)))
                        a, b = (
                            builder.load(total),
                            vectors.gather(builder, base, vectors.load(builder, tap, offset), missing),
                        )
                        highest = builder.select(builder.icmp_signed(">", a, b), a, b)
                        builder.store(builder.select(largest, highest, builder.add(a, b)), total)
                    yield offset, builder.load(total)

            _run(builder, rows, acc, n, at, channel, *program)
        return context.get_dummy_value()

    return types.void(x, index, neutral, maximum, acc, n, at, c, c_end, span, programs, ports), emit


@intrinsic
def pass_rows(typing_context, acc, n, at, c, span, programs, ports):  # type: ignore[no-untyped-def]
    """Requantise, add, store and compare n accumulators of channel c, positions from `at` on: the passes of `span`.

    Row s of the program's code holds after its first column the first row in fused, and whether the pass adds, signs,
    stores. ``x = acc[i]``; piece p = ``x >= SPLIT``; ``y = clip((x * MULT[p] + BIAS[p]) >> SHIFT, LOW, HIGH) <<
    LOG_STEP``; ``z = clip(y + OFFSET + other[c, at + i], LEAST, MOST)``; ``ints[c, at + i] = z``; and bit c % 32 of
    ``bits[c // 32, at + i] = z >= EDGE ? ABOVE : BELOW``, where c % 32 = 0 clears the other bits. Unless a pass adds,
    `zeros` are added; unless it signs, the bits go to `rubbish`; unless it stores, z goes back to acc.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        acc, n, at, c, *program = vectors.unpack(context, builder, signature, args)
        _run(builder, partial(_loaded, builder, acc), acc, n, at, c, *program)
        return context.get_dummy_value()

    return types.void(acc, n, at, c, span, programs, ports), emit


def _run(
    builder: ir.IRBuilder, rows: Callable[[ir.Value, int], Iterable[Row]], acc: Any, n: ir.Value, at: ir.Value,
    channel: ir.Value, span: Any, programs: Any, ports: Any,
) -> None:  # fmt: skip
    """Instructions of `pass_rows` for what `rows` makes, the first pass on values in registers; without passes, to
    acc."""
    one = n.type(1)
    with builder.if_else(builder.icmp_signed("<", span.first, span.end)) as (then, otherwise):
        with then:
            _pass(builder, rows, acc, n, at, channel, span.first, programs, ports)
            later = builder.add(span.first, one)
            with cgutils.for_range_slice(builder, later, span.end, one, n.type) as (number, _):
                _pass(builder, partial(_loaded, builder, acc), acc, n, at, channel, number, programs, ports)
        with otherwise:

            def tile(first: ir.Value, count: int, store: Store) -> None:
                for offset, value in rows(first, count):
                    store(value, acc.data, offset)

            vectors.over_positions(builder, n, tile)


def _loaded(builder: ir.IRBuilder, acc: Any, first: ir.Value, count: int) -> Iterator[Row]:
    """Vectors of acc."""
    for offset in vectors.offsets(builder, first, count):
        yield offset, vectors.load(builder, acc.data, offset)


def _pass(
    builder: ir.IRBuilder, rows: Callable[[ir.Value, int], Iterable[Row]], acc: Any, n: ir.Value, at: ir.Value,
    channel: ir.Value, number: ir.Value, programs: Any, ports: Any,
) -> None:  # fmt: skip
    """Instructions of one pass."""
    size = n.type
    row = builder.bitcast(vectors.row(builder, programs.code, number), size.as_pointer())
    first, *flags = (builder.load(builder.gep(row, [size(i)])) for i in range(1, 5))
    adds, signs, stores = (builder.icmp_signed("!=", flag, size(0)) for flag in flags)
    c = _constants(builder, vectors.row(builder, programs.fused, builder.add(first, channel)), channel)
    word = builder.lshr(channel, size(5))
    operand = builder.select(adds, builder.gep(vectors.row(builder, ports.other, channel), [at]), ports.zeros.data)
    words = builder.select(signs, builder.gep(vectors.row(builder, ports.bits, word), [at]), ports.rubbish.data)
    target = builder.select(stores, builder.gep(vectors.row(builder, ports.ints, channel), [at]), acc.data)

    def clip(value: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
        value = builder.select(builder.icmp_signed("<", value, low), low, value)
        return builder.select(builder.icmp_signed(">", value, high), high, value)

    def tile(first: ir.Value, count: int, store: Store) -> None:
        for offset, x in rows(first, count):
            upper = builder.icmp_signed(">=", x, c["split"])
            mult = builder.select(upper, c["mult1"], c["mult0"])
            bias = builder.select(upper, c["bias1"], c["bias0"])
            y = builder.ashr(builder.add(builder.mul(x, mult), bias), c["shift"])
            y = builder.shl(clip(y, c["low"], c["high"]), c["log_step"])
            z = builder.add(builder.add(y, c["offset"]), vectors.load(builder, operand, offset))
            z = clip(z, c["least"], c["most"])
            store(z, target, offset)
            bit = builder.select(builder.icmp_signed(">=", z, c["edge"]), c["above"], c["below"])
            store(builder.or_(builder.and_(vectors.load(builder, words, offset), c["keep"]), bit), words, offset)

    vectors.over_positions(builder, n, tile)


def _constants(builder: ir.IRBuilder, row: ir.Value, channel: ir.Value) -> dict[str, ir.Value]:
    """The constants of one channel as vectors, read before anything is stored; "keep": the bits before its own in a
    word."""
    size = channel.type
    c = {name: vectors.splat(builder, builder.load(builder.gep(row, [size(i)]))) for i, name in enumerate(CONSTANTS)}
    lane = builder.trunc(builder.and_(channel, size(31)), vectors.INT)
    c["keep"] = vectors.splat(builder, builder.sub(builder.shl(vectors.INT(1), lane), vectors.INT(1)))
    return c
