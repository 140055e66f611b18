"""Passes: what happens to accumulators while they are in registers.

A pass requantises, adds, compares and stores, and leaves out what a program does not need; `encode.Pass` makes them.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from hwsv.emulator import vectors

intrinsic: Any = extending.intrinsic

CONSTANTS = (
    "split", "mult0", "bias0", "mult1", "bias1", "shift", "low", "high", "log_step", "offset", "least", "most", "edge",
    "bit", "falling", "fine0", "fine_bias0", "fine1", "fine_bias1", "cut",
)  # fmt: skip
"""Constants of one channel for a pass, see `pass_rows`."""


@intrinsic
def pass_rows(typing_context, acc, n, c, span, programs, ports):  # type: ignore[no-untyped-def]
    """Requantise, add, store and compare n accumulators of channel c: the passes of `span`.

    acc: int32 ``[n]``, changed in place; stores go up to whole vectors. Row s of the program's code holds after its
    first column the first row in fused, and whether the pass adds, signs, stores, and is wide. In each pass::

        p = x >= SPLIT
        y = clip((x * MULT[p] + BIAS[p] + fine) >> SHIFT, LOW, HIGH) << LOG_STEP
        z = clip(y + OFFSET + other[c, i], LEAST, MOST)
        ints[c, i] = z
        bit c % 32 of bits[c // 32, i] = (z >= EDGE) ^ falling

    and z is the next pass's x. Without adding, other is 0. fine is 0 or, if the pass is wide, ``(x * FINE[p] +
    FINE_BIAS[p]) >> CUT``: the lower halves of products beyond 32 bits. Channel c % 32 = 0 clears the other bits of
    its word; BIT is ``1 << c % 32``, FALLING holds the bits of falling channels from c to the end of its group.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        acc, n, c, *program = vectors.unpack(context, builder, signature, args)
        with vectors.span(builder, n.type(0), n, vectors.LANES) as position:
            values = [vectors.load(builder, acc.data, position)]
            (value,) = passes(builder, values, position, c, *program)
            vectors.store(builder, value, acc.data, position)
        return context.get_dummy_value()

    return types.void(acc, n, c, span, programs, ports), emit


def passes(
    builder: ir.IRBuilder, values: list[ir.Value], at: ir.Value, channel: ir.Value, span: Any, programs: Any,
    ports: Any,
) -> list[ir.Value]:  # fmt: skip
    """Instructions of `pass_rows` on a vector of each of some neighbouring channels; their bits share a word."""
    size = at.type
    count = len(values)

    def one_pass(number: ir.Value, values: list[ir.Value]) -> list[ir.Value]:
        code = vectors.row(builder, programs.code, number)
        first, *flags = (builder.load(builder.gep(code, [size(i)])) for i in range(1, 6))
        adds, signs, stores, wide = (builder.icmp_signed("!=", flag, size(0)) for flag in flags)
        constants = _constants(builder, programs.fused, builder.add(first, channel), count)
        biases = _biases(builder, values, constants, wide)
        results = []
        for x, bias, line, own in zip(
            values, biases, vectors.rows(builder, ports.other, channel, count), constants, strict=True
        ):
            operand = builder.select(adds, vectors.place(builder, line, at), _zeros(builder, ports, size))
            results.append(_residual(builder, x, bias, builder.load(operand, align=4), own))
        with builder.if_then(stores):
            for z, line in zip(results, vectors.rows(builder, ports.ints, channel, count), strict=True):
                vectors.store(builder, z, line, at)
        with builder.if_then(signs):
            line = vectors.row(builder, ports.bits, builder.lshr(channel, size(5)))
            _sign(builder, results, constants, line, at, channel)
        return results

    return vectors.carried(builder, span.first, span.end, values, one_pass)


def _zeros(builder: ir.IRBuilder, ports: Any, size: ir.Type) -> ir.Value:
    return vectors.place(builder, ports.zeros.data, size(0))


def _constants(builder: ir.IRBuilder, fused: Any, first: ir.Value, count: int) -> list[dict[str, ir.Value]]:
    """The constants of neighbouring channels as vectors."""
    width = len(CONSTANTS)
    values = vectors.elements(builder, fused.data, builder.mul(first, first.type(width)), count * width)
    return [dict(zip(CONSTANTS, values[i * width :], strict=False)) for i in range(count)]


def _piece(builder: ir.IRBuilder, x: ir.Value, c: dict[str, ir.Value], name: str) -> ir.Value:
    """The constant of the piece that x lies in."""
    return builder.select(builder.icmp_signed(">=", x, c["split"]), c[f"{name}1"], c[f"{name}0"])


def _biases(
    builder: ir.IRBuilder, values: list[ir.Value], constants: list[dict[str, ir.Value]], wide: ir.Value
) -> list[ir.Value]:
    """Bias + fine of `pass_rows`."""
    slots = [cgutils.alloca_once(builder, vectors.VECTOR) for _ in values]
    for slot, x, c in zip(slots, values, constants, strict=True):
        builder.store(_piece(builder, x, c, "bias"), slot)
    with builder.if_then(wide, likely=False):
        for slot, x, c in zip(slots, values, constants, strict=True):
            fine = builder.add(builder.mul(x, _piece(builder, x, c, "fine")), _piece(builder, x, c, "fine_bias"))
            builder.store(builder.add(builder.load(slot), builder.ashr(fine, c["cut"])), slot)
    return [builder.load(slot) for slot in slots]


def _residual(builder: ir.IRBuilder, x: ir.Value, bias: ir.Value, other: ir.Value, c: dict[str, ir.Value]) -> ir.Value:
    """z of `pass_rows`."""

    def clip(value: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
        value = builder.select(builder.icmp_signed("<", value, low), low, value)
        return builder.select(builder.icmp_signed(">", value, high), high, value)

    y = builder.ashr(builder.add(builder.mul(x, _piece(builder, x, c, "mult")), bias), c["shift"])
    y = builder.shl(clip(y, c["low"], c["high"]), c["log_step"])
    return clip(builder.add(builder.add(y, c["offset"]), other), c["least"], c["most"])


def _sign(
    builder: ir.IRBuilder, values: list[ir.Value], constants: list[dict[str, ir.Value]], line: ir.Value, at: ir.Value,
    channel: ir.Value,
) -> None:  # fmt: skip
    """Put the bits of neighbouring channels behind those of the channels before them in their word."""
    lane = builder.trunc(builder.and_(channel, channel.type(31)), vectors.INT)
    before = vectors.splat(builder, builder.sub(builder.shl(vectors.INT(1), lane), vectors.INT(1)))
    word = builder.and_(vectors.load(builder, line, at), before)
    word = builder.or_(word, constants[0]["falling"])
    for z, c in zip(values, constants, strict=True):
        word = builder.select(builder.icmp_signed(">=", z, c["edge"]), builder.xor(word, c["bit"]), word)
    vectors.store(builder, word, line, at)
