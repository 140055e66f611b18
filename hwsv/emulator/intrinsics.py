"""Operations that numba lacks or would widen to 64 bit, and the emulator's inner loops as explicit vectors.

Each loop goes through vectors of positions, gathers the windows of one, and for `vectors.GROUP` channels at a time
makes accumulators and runs the passes of its program on them while they are in registers; without passes they go to
``acc``, int32 ``[channels, positions]``. Weights are arranged accordingly: ``[groups, words * GROUP]``.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from hwsv.emulator import vectors
from hwsv.emulator.passes import passes

intrinsic: Any = extending.intrinsic

Prepare = Callable[[ir.Value], None]
"""``prepare(position)``: gather the windows of the vector that starts there."""

Sums = Callable[[ir.Value, ir.Value], list[ir.Value]]
"""``sums(position, channel)``: a vector of accumulators of each channel of the group."""


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
    typing_context, x, taps, windows, mask, weights, acc, n, channels, span, programs, ports
):
    """Bipolar products of all channels at n positions.

    ``valid[i] - 2 * popcount((windows[:, i] ^ weights[:, c]) & mask[:, i])``. x: uint32 ``[lanes, P]``; taps:
    `kernels.Taps`; windows: scratch, uint32 ``[words, LANES]``; mask: uint32 ``[words + 1, n]``, its last row is valid.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        x, taps, windows, mask, weights, acc, n, channels, *program = vectors.unpack(context, builder, signature, args)
        words = vectors.length(builder, windows)

        def word(k: ir.Value, position: ir.Value, group: ir.Value, totals: list[ir.Value]) -> list[ir.Value]:
            bits = vectors.load(builder, vectors.row(builder, windows, k), n.type(0))
            marks = vectors.load(builder, vectors.row(builder, mask, k), position)
            different = (builder.and_(builder.xor(bits, tap), marks) for tap in _weights(builder, group, k))
            return [builder.add(t, vectors.call(builder, "ctpop", d)) for t, d in zip(totals, different, strict=True)]

        def sums(position: ir.Value, channel: ir.Value) -> list[ir.Value]:
            group = vectors.row(builder, weights, builder.udiv(channel, n.type(vectors.GROUP)))
            zeros = [vectors.ZERO] * vectors.GROUP
            ones = vectors.carried(builder, n.type(0), words, zeros, lambda k, t: word(k, position, group, t))
            valid = vectors.load(builder, vectors.row(builder, mask, words), position)
            return [builder.sub(valid, builder.shl(one, vectors.ONE)) for one in ones]

        _run(builder, _bit_windows(builder, x, taps, windows), sums, acc, n, channels, *program)
        return context.get_dummy_value()

    return types.void(x, taps, windows, mask, weights, acc, n, channels, span, programs, ports), emit


def _weights(builder: ir.IRBuilder, group: ir.Value, k: ir.Value) -> list[ir.Value]:
    """Weights k of the channels of a group."""
    return vectors.elements(builder, group, builder.mul(k, k.type(vectors.GROUP)), vectors.GROUP)


def _bit_windows(builder: ir.IRBuilder, x: Any, taps: Any, windows: Any) -> Prepare:
    """Packed windows: one move after the other."""
    size = vectors.LONG
    none = size(0)

    def prepare(position: ir.Value) -> None:
        with vectors.span(builder, none, vectors.length(builder, taps.moves)) as number:
            move = vectors.row(builder, taps.moves, number)
            lane, tap, word, shift = (builder.load(builder.gep(move, [size(i)])) for i in range(4))
            bits = _tap_bits(builder, x, taps, lane, tap, position)
            bits = builder.shl(bits, vectors.splat(builder, builder.trunc(shift, vectors.INT)))
            target = vectors.row(builder, windows, word)
            before = builder.select(
                builder.icmp_signed("!=", shift, none), vectors.load(builder, target, none), vectors.ZERO
            )
            vectors.store(builder, builder.or_(before, bits), target, none)

    return prepare


def _tap_bits(builder: ir.IRBuilder, x: Any, taps: Any, lane: ir.Value, tap: ir.Value, position: ir.Value) -> ir.Value:
    """A tap's bits in a row of x: neighbours (what lies outside the row may be anything), or where the index says."""
    line = vectors.row(builder, x, lane)
    slot = cgutils.alloca_once(builder, vectors.VECTOR)
    with builder.if_else(builder.icmp_signed("!=", taps.runs, taps.runs.type(0))) as (then, otherwise):
        with then:
            start = builder.load(builder.gep(taps.starts.data, [tap]))
            (own,) = vectors.elements(builder, taps.lanes.data, lane, 1)
            builder.store(builder.and_(vectors.load(builder, line, builder.add(position, start)), own), slot)
        with otherwise:
            where = vectors.load(builder, vectors.row(builder, taps.places, tap), position)
            (missing,) = vectors.elements(builder, taps.missing.data, lane, 1)
            builder.store(vectors.gather(builder, line, where, missing), slot)
    return builder.load(slot)


@intrinsic
def integer_rows(  # type: ignore[no-untyped-def]
    typing_context, x, index, pad, windows, weights, acc, n, channels, span, programs, ports
):
    """Integer products of all channels at n positions.

    ``sum_k windows[k, i] * weights[k, c]``, in float64: exact, as sums fit 32 bits, and quicker than 32-bit products.
    x: int32 ``[C, P]``; index: int32 ``[taps, n]``, of `kernels.tap_index`; windows: scratch, float64 ``[taps * C,
    LANES]``.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        x, index, pad, windows, weights, acc, n, channels, *program = vectors.unpack(context, builder, signature, args)
        padded = vectors.splat(builder, builder.trunc(pad, vectors.INT))
        depth = vectors.length(builder, x)

        def prepare(position: ir.Value) -> None:
            with vectors.span(builder, n.type(0), vectors.length(builder, index)) as tap:
                where = vectors.load(builder, vectors.row(builder, index, tap), position)
                with vectors.span(builder, n.type(0), depth) as lane:
                    values = vectors.gather(builder, vectors.row(builder, x, lane), where, padded)
                    line = vectors.row(builder, windows, builder.add(builder.mul(tap, depth), lane))
                    vectors.store(builder, builder.sitofp(values, vectors.DOUBLES), line, n.type(0))

        def word(k: ir.Value, group: ir.Value, totals: list[ir.Value]) -> list[ir.Value]:
            value = vectors.load(builder, vectors.row(builder, windows, k), n.type(0))
            taps = _weights(builder, group, k)
            return [vectors.call(builder, "fmuladd", value, tap, t) for t, tap in zip(totals, taps, strict=True)]

        def sums(position: ir.Value, channel: ir.Value) -> list[ir.Value]:
            group = vectors.row(builder, weights, builder.udiv(channel, n.type(vectors.GROUP)))
            zeros = [ir.Constant(vectors.DOUBLES, [0.0] * vectors.LANES)] * vectors.GROUP
            words = vectors.length(builder, windows)
            totals = vectors.carried(builder, n.type(0), words, zeros, lambda k, t: word(k, group, t))
            return [builder.fptosi(total, vectors.VECTOR) for total in totals]

        _run(builder, prepare, sums, acc, n, channels, *program)
        return context.get_dummy_value()

    return types.void(x, index, pad, windows, weights, acc, n, channels, span, programs, ports), emit


@intrinsic
def pool_rows(  # type: ignore[no-untyped-def]
    typing_context, x, index, neutral, maximum, acc, n, channels, span, programs, ports
):
    """Poolings of all channels at n positions.

    The maximum or the sum over taps k of ``x[c, index[k, i]]``, `neutral` where that index is negative. x: int32
    ``[C, P]``; index: int32 ``[taps, n]``.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        x, index, neutral, maximum, acc, n, channels, *program = vectors.unpack(context, builder, signature, args)
        missing = vectors.splat(builder, builder.trunc(neutral, vectors.INT))
        largest = builder.icmp_signed("!=", maximum, maximum.type(0))

        def sums(position: ir.Value, channel: ir.Value) -> list[ir.Value]:
            lines = vectors.rows(builder, x, channel, vectors.GROUP)

            def taken(k: ir.Value) -> list[ir.Value]:
                where = vectors.load(builder, vectors.row(builder, index, k), position)
                return [vectors.gather(builder, line, where, missing) for line in lines]

            def tap(k: ir.Value, totals: list[ir.Value]) -> list[ir.Value]:
                pairs = list(zip(totals, taken(k), strict=True))
                highest = (builder.select(builder.icmp_signed(">", a, b), a, b) for a, b in pairs)
                added = (builder.add(a, b) for a, b in pairs)
                return [builder.select(largest, a, b) for a, b in zip(highest, added, strict=True)]

            return vectors.carried(builder, n.type(1), vectors.length(builder, index), taken(n.type(0)), tap)

        _run(builder, lambda position: None, sums, acc, n, channels, *program)
        return context.get_dummy_value()

    return types.void(x, index, neutral, maximum, acc, n, channels, span, programs, ports), emit


def _run(
    builder: ir.IRBuilder, prepare: Prepare, sums: Sums, acc: Any, n: ir.Value, channels: ir.Value, span: Any,
    programs: Any, ports: Any,
) -> None:  # fmt: skip
    """The passes of `span` on what `sums` makes; without any, the sums to acc."""
    zero = n.type(0)
    with vectors.span(builder, zero, n, vectors.LANES) as position:
        prepare(position)
        with vectors.span(builder, zero, channels, vectors.GROUP) as channel:
            values = sums(position, channel)
            with builder.if_else(builder.icmp_signed("<", span.first, span.end), likely=True) as (then, otherwise):
                with then:
                    passes(builder, values, position, channel, span, programs, ports)
                with otherwise:
                    for value, line in zip(values, vectors.rows(builder, acc, channel, len(values)), strict=True):
                        vectors.store(builder, value, line, position)
