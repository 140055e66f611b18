"""32-bit operations that numba would widen to 64 bit (halving the vectors), and the population count."""

from numba import types
from numba.extending import intrinsic


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
def requantise32(typing_context, x, mult, bias, shift):  # type: ignore[no-untyped-def]
    """``(x * mult + bias) >> shift`` in int32, rounding down; the caller knows that nothing overflows."""

    def emit(context, builder, signature, args):  # type: ignore[no-untyped-def]
        a, m, b, s = (context.cast(builder, v, t, types.int32) for v, t in zip(args, signature.args, strict=True))
        return builder.ashr(builder.add(builder.mul(a, m), b), s)

    return types.int32(x, mult, bias, shift), emit


__all__ = ["popcount32", "requantise32", "shift_left32"]
