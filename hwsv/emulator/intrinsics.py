"""Operations that numba lacks or would widen to 64 bit, and the emulator's four inner loops as explicit vectors.

Why not numba loops: LLVM's vectoriser needs a run-time check for every pair of arrays that might overlap and gives up at a
few, works at half the register width, and cannot keep sums in registers over a second loop. Written with vector types,
the loops below do each of these things on any machine; registers shorter than `LANES` are LLVM's business.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

LANES = 16
"""Positions of a vector. Inputs are read up to the next multiple of it, results are written no further than asked."""

CONSTANTS = (
    "split", "mult0", "bias0", "mult1", "bias1", "shift", "low", "high", "log_step", "offset", "least", "most", "edge",
    "above", "below",
)  # fmt: skip
"""Constants of one channel for `residual`."""

intrinsic: Any = extending.intrinsic

_INT = ir.IntType(32)
_VECTOR = ir.VectorType(_INT, LANES)
_ZERO = ir.Constant(_VECTOR, [0] * LANES)
_ONE = ir.Constant(_VECTOR, [1] * LANES)

Store = Callable[[ir.Value, ir.Value, ir.Value], None]
"""``store(vector, data, byte offset)``"""

Row = tuple[ir.Value, ir.Value]
"""Byte offset of a vector in a row, and the vector."""


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

    ``acc[i] = valid[at + i] - 2 * popcount((windows[:, i] ^ weights[:, c]) & mask[:, at + i])`` for i < n. windows, mask:
    uint32 ``[words, P]``; weights: uint32 ``[words, channels]``; valid, acc: int32.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        windows, mask, valid, weights, acc, n, at, c, c_end, *program = _unpack(context, builder, signature, args)
        start = builder.mul(at, at.type(4))
        with _channels(builder, c, c_end) as channel:

            def term(k: ir.Value, offset: ir.Value) -> ir.Value:
                x = _load(builder, _row(builder, windows, k), offset)
                marks = _load(builder, _row(builder, mask, k), builder.add(start, offset))
                weight = _splat(builder, builder.load(builder.gep(_row(builder, weights, k), [channel])))
                return _call(builder, "ctpop", _VECTOR, builder.and_(builder.xor(x, weight), marks))

            def rows(first: ir.Value, count: int) -> Iterator[Row]:
                for offset, total in _sums(builder, _length(builder, weights), first, count, term):
                    known = _load(builder, valid.data, builder.add(start, offset))
                    yield offset, builder.sub(known, builder.shl(total, _ONE))

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
        windows, weights, acc, n, at, c, c_end, *program = _unpack(context, builder, signature, args)
        with _channels(builder, c, c_end) as channel:

            def term(k: ir.Value, offset: ir.Value) -> ir.Value:
                weight = _splat(builder, builder.load(builder.gep(_row(builder, weights, k), [channel])))
                return builder.mul(_load(builder, _row(builder, windows, k), offset), weight)

            def rows(first: ir.Value, count: int) -> list[Row]:
                return _sums(builder, _length(builder, weights), first, count, term)

            _run(builder, rows, acc, n, at, channel, *program)
        return context.get_dummy_value()

    return types.void(windows, weights, acc, n, at, c, c_end, span, programs, ports), emit


@intrinsic
def pool_rows(  # type: ignore[no-untyped-def]
    typing_context, x, index, neutral, maximum, acc, n, at, c, c_end, span, programs, ports
):
    """Poolings of channels c … c_end, each followed by the passes of `span`.

    ``acc[i]`` = the maximum or the sum over taps k of ``x[c, index[k, i]]``, `neutral` where that index is negative, for
    i < n. x: int32 ``[C, P]``; index: int32 ``[taps, Q]``; acc: int32.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        x, index, neutral, maximum, acc, n, at, c, c_end, *program = _unpack(context, builder, signature, args)
        missing = _splat(builder, builder.trunc(neutral, _INT))
        largest = builder.icmp_signed("!=", maximum, maximum.type(0))
        with _channels(builder, c, c_end) as channel:
            base = _row(builder, x, channel)

            def rows(first: ir.Value, count: int) -> Iterator[Row]:
                for offset in _offsets(builder, first, count):
                    total = cgutils.alloca_once(builder, _VECTOR)
                    where = _load(builder, _row(builder, index, n.type(0)), offset)
                    builder.store(_gather(builder, base, where, missing), total)
                    with cgutils.for_range(builder, builder.sub(_length(builder, index), n.type(1))) as loop:
                        tap = _row(builder, index, builder.add(loop.index, n.type(1)))
                        a, b = builder.load(total), _gather(builder, base, _load(builder, tap, offset), missing)
                        highest = builder.select(builder.icmp_signed(">", a, b), a, b)
                        builder.store(builder.select(largest, highest, builder.add(a, b)), total)
                    yield offset, builder.load(total)

            _run(builder, rows, acc, n, at, channel, *program)
        return context.get_dummy_value()

    return types.void(x, index, neutral, maximum, acc, n, at, c, c_end, span, programs, ports), emit


@intrinsic
def pass_rows(typing_context, acc, n, at, c, span, programs, ports):  # type: ignore[no-untyped-def]
    """Requantise, add, store and compare n accumulators of channel c, positions from `at` on: the passes of `span`.

    Row s of the program's code holds after its first column the first row in fused, and whether the pass adds, signs, stores.
    ``x = acc[i]``; piece p = ``x >= SPLIT``; ``y = clip((x * MULT[p] + BIAS[p]) >> SHIFT, LOW, HIGH) << LOG_STEP``;
    ``z = clip(y + OFFSET + other[c, at + i], LEAST, MOST)``; ``ints[c, at + i] = z``; and bit c % 32 of
    ``bits[c // 32, at + i] = z >= EDGE ? ABOVE : BELOW``, where c % 32 = 0 clears the other bits.
    Unless a pass adds, `zeros` are added; unless it signs, the bits go to `rubbish`; unless it stores, z goes back to acc.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        acc, n, at, c, *program = _unpack(context, builder, signature, args)
        _run(builder, partial(_loaded, builder, acc), acc, n, at, c, *program)
        return context.get_dummy_value()

    return types.void(acc, n, at, c, span, programs, ports), emit


def _run(
    builder: ir.IRBuilder, rows: Callable[[ir.Value, int], Iterable[Row]], acc: Any, n: ir.Value, at: ir.Value,
    channel: ir.Value, span: Any, programs: Any, ports: Any,
) -> None:  # fmt: skip
    """Instructions of `pass_rows` for what `rows` makes, the first pass on values in registers; without passes, to acc."""
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

            _over_positions(builder, n, tile)


def _loaded(builder: ir.IRBuilder, acc: Any, first: ir.Value, count: int) -> Iterator[Row]:
    """Vectors of acc."""
    for offset in _offsets(builder, first, count):
        yield offset, _load(builder, acc.data, offset)


def _pass(
    builder: ir.IRBuilder, rows: Callable[[ir.Value, int], Iterable[Row]], acc: Any, n: ir.Value, at: ir.Value,
    channel: ir.Value, number: ir.Value, programs: Any, ports: Any,
) -> None:  # fmt: skip
    """Instructions of one pass."""
    size = n.type
    row = builder.bitcast(_row(builder, programs.code, number), size.as_pointer())
    first, *flags = (builder.load(builder.gep(row, [size(i)])) for i in range(1, 5))
    adds, signs, stores = (builder.icmp_signed("!=", flag, size(0)) for flag in flags)
    c = _constants(builder, _row(builder, programs.fused, builder.add(first, channel)), channel)
    word = builder.lshr(channel, size(5))
    operand = builder.select(adds, builder.gep(_row(builder, ports.other, channel), [at]), ports.zeros.data)
    words = builder.select(signs, builder.gep(_row(builder, ports.bits, word), [at]), ports.rubbish.data)
    target = builder.select(stores, builder.gep(_row(builder, ports.ints, channel), [at]), acc.data)

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
            z = builder.add(builder.add(y, c["offset"]), _load(builder, operand, offset))
            z = clip(z, c["least"], c["most"])
            store(z, target, offset)
            bit = builder.select(builder.icmp_signed(">=", z, c["edge"]), c["above"], c["below"])
            store(builder.or_(builder.and_(_load(builder, words, offset), c["keep"]), bit), words, offset)

    _over_positions(builder, n, tile)


def _unpack(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> list[Any]:
    """Arguments as array structures, 64-bit integers, and name spaces of these for named tuples."""

    def value(kind: Any, arg: ir.Value) -> Any:
        if isinstance(kind, types.Array):
            return context.make_array(kind)(context, builder, arg)
        if isinstance(kind, types.BaseNamedTuple):
            parts = (value(t, builder.extract_value(arg, i)) for i, t in enumerate(kind.types))
            return SimpleNamespace(**dict(zip(kind.fields, parts, strict=True)))
        return context.cast(builder, arg, kind, types.intp)

    return [value(kind, arg) for kind, arg in zip(signature.args, args, strict=True)]


def _length(builder: ir.IRBuilder, array: Any) -> ir.Value:
    return cgutils.unpack_tuple(builder, array.shape)[0]


@contextmanager
def _channels(builder: ir.IRBuilder, first: ir.Value, end: ir.Value) -> Iterator[ir.Value]:
    """A loop over channels."""
    with cgutils.for_range_slice(builder, first, end, first.type(1), first.type) as (index, _):
        yield index


def _gather(builder: ir.IRBuilder, base: ir.Value, where: ir.Value, missing: ir.Value) -> ir.Value:
    """``base[where]``, `missing` where that index is negative."""
    longs = ir.VectorType(ir.IntType(64), LANES)
    byte = builder.shl(builder.sext(where, longs), ir.Constant(longs, [2] * LANES))
    address = builder.add(byte, _splat(builder, builder.ptrtoint(base, ir.IntType(64))))
    pointers = builder.inttoptr(address, ir.VectorType(_INT.as_pointer(), LANES))
    inside = builder.icmp_signed(">=", where, _ZERO)
    kind = ir.FunctionType(_VECTOR, [pointers.type, _INT, inside.type, _VECTOR])
    gather = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.gather.v{LANES}i32.v{LANES}p0")
    return builder.call(gather, [pointers, _INT(4), inside, missing])


def _bytes(builder: ir.IRBuilder, data: ir.Value, offset: ir.Value, kind: ir.Type) -> ir.Value:
    """Pointer to a `kind`, `offset` bytes behind `data`."""
    raw = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [offset])
    return builder.bitcast(raw, kind.as_pointer())


def _row(builder: ir.IRBuilder, array: Any, index: ir.Value) -> ir.Value:
    """Pointer to row `index` of a matrix."""
    stride = cgutils.unpack_tuple(builder, array.strides)[0]
    return _bytes(builder, array.data, builder.mul(index, stride), _INT)


def _load(builder: ir.IRBuilder, data: ir.Value, offset: ir.Value) -> ir.Value:
    return builder.load(_bytes(builder, data, offset, _VECTOR), align=4)


def _splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    vector = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, _INT(0))
    return builder.shuffle_vector(first, first, _ZERO)


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}i32"), args)


def _offsets(builder: ir.IRBuilder, first: ir.Value, count: int) -> list[ir.Value]:
    """Byte offsets of `count` vectors from vector `first` on."""
    size = first.type
    return [builder.mul(builder.add(first, size(j)), size(4 * LANES)) for j in range(count)]


def _over_positions(builder: ir.IRBuilder, n: ir.Value, tile: Callable[[ir.Value, int, Store], None]) -> None:
    """``tile(first vector, vectors, store)`` over n positions: four vectors at a time, then single ones, stores cut at n."""
    size = n.type

    def plain(value: ir.Value, data: ir.Value, offset: ir.Value) -> None:
        builder.store(value, _bytes(builder, data, offset, _VECTOR), align=4)

    wide = builder.udiv(n, size(4 * LANES))
    with cgutils.for_range(builder, wide) as loop:
        tile(builder.mul(loop.index, size(4)), 4, plain)
    done = builder.mul(wide, size(4))
    vectors = builder.udiv(builder.add(n, size(LANES - 1)), size(LANES))
    lanes = ir.Constant(_VECTOR, list(range(LANES)))
    with cgutils.for_range(builder, builder.sub(vectors, done)) as loop:
        first = builder.add(done, loop.index)
        left = builder.trunc(builder.sub(n, builder.mul(first, size(LANES))), _INT)
        inside = builder.icmp_signed("<", lanes, _splat(builder, left))

        def cut(value: ir.Value, data: ir.Value, offset: ir.Value) -> None:
            pointer = _bytes(builder, data, offset, _VECTOR)
            kind = ir.FunctionType(ir.VoidType(), [_VECTOR, pointer.type, _INT, inside.type])
            store = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{LANES}i32.p0")
            builder.call(store, [value, pointer, _INT(4), inside])

        tile(first, 1, cut)


def _sums(
    builder: ir.IRBuilder, words: ir.Value, first: ir.Value, count: int, term: Callable[[ir.Value, ir.Value], ir.Value]
) -> list[tuple[ir.Value, ir.Value]]:
    """(byte offset, sum over k < words of ``term(k, offset)``) of `count` vectors of positions, kept in registers."""
    at = _offsets(builder, first, count)
    totals = [cgutils.alloca_once(builder, _VECTOR) for _ in at]
    for total in totals:
        builder.store(_ZERO, total)
    with cgutils.for_range(builder, words) as loop:
        for offset, total in zip(at, totals, strict=True):
            builder.store(builder.add(builder.load(total), term(loop.index, offset)), total)
    return [(offset, builder.load(total)) for offset, total in zip(at, totals, strict=True)]


def _constants(builder: ir.IRBuilder, row: ir.Value, channel: ir.Value) -> dict[str, ir.Value]:
    """The constants of one channel as vectors, read before anything is stored; "keep": the bits before its own in a word."""
    size = channel.type
    c = {name: _splat(builder, builder.load(builder.gep(row, [size(i)]))) for i, name in enumerate(CONSTANTS)}
    lane = builder.trunc(builder.and_(channel, size(31)), _INT)
    c["keep"] = _splat(builder, builder.sub(builder.shl(_INT(1), lane), _INT(1)))
    return c
