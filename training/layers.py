"""Two implementations of the same quantised layers: `FastLayers` for training, `BrevitasLayers` for export.

Both compute the same numbers in float32 evaluation (a test holds that). The fast ones cost few memory passes: signs
with a hard-tanh straight-through gradient, quantisers with a saturating one, constant power-of-two scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import brevitas.nn as qnn
import torch
from brevitas.quant import Int8ActPerTensorFixedPoint, Int8WeightPerTensorFixedPoint
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class MergeSpec:
    """How a branch joins the residual stream; ``step`` is a power of two."""

    branch_bits: int
    residual_bits: int
    step: float
    leak: float


class Layers(Protocol):
    """What a network is made of. Scales are values of one integer step."""

    def sign(self) -> nn.Module:
        """(r ``[N, C, H, W]``, shift ``[1, C, 1, 1]``) -> -1 where r + shift < 0, else +1 (also for both zeros)."""

    def quantise(self, bits: int, step: float, floor: bool = False) -> nn.Module:
        """Signed ``bits``-bit multiples of ``step``, saturating; rounds half to even, or down with ``floor``."""

    def merge(self, spec: MergeSpec) -> nn.Module:
        """(r, y) -> Qr(r + Qb(leaky_relu(y))) with a mid-rise Qr, for r on Qr's grid."""

    def conv(self, inputs: int, outputs: int, stride: int, bits: int) -> nn.Module:
        """3x3 convolution, zero padding 1, no bias; +-1 weights for one bit, else multiples of 2^(1-bits)."""

    def linear(self, inputs: int, outputs: int, bits: int) -> nn.Module:
        """Linear layer without bias, weights as in `conv`."""


class _ShiftedSign(torch.autograd.Function):
    """Sign of r + shift with the gradient of hard-tanh (https://arxiv.org/abs/1602.02830) or of ApproxSign, which is
    2 - 2|x| within +-1 (https://arxiv.org/abs/1808.00278).

    Works on rows ``[N*H, W*C]`` of the channels-last memory: broadcasting a long row is several times faster.
    """

    @staticmethod
    def forward(ctx: Any, r: Tensor, shift: Tensor, approx: bool) -> Tensor:
        n, c, h, w = r.shape
        # Adding +0 makes a shift of -0 impossible, so the sum is never -0 and copysign gives +1 for every zero.
        row = (shift.reshape(c) + 0.0).to(r.dtype).repeat(w)
        sums = r.permute(0, 2, 3, 1).reshape(n * h, w * c) + row
        ctx.save_for_backward(sums)
        ctx.shape, ctx.approx = (n, h, w, c), approx
        return torch.copysign(sums.new_ones(()), sums).view(n, h, w, c).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (sums,) = ctx.saved_tensors
        n, h, w, c = ctx.shape
        grad = grad.permute(0, 2, 3, 1).reshape(n * h, w * c)
        if ctx.approx:
            grad = grad * (2 - 2 * sums.abs()).clamp_(min=0)
        else:
            grad = torch.ops.aten.hardtanh_backward(grad, sums, -1.0, 1.0)
        of_shift = grad.sum(0, dtype=torch.float32).view(w, c).sum(0).view(1, c, 1, 1)
        return grad.view(n, h, w, c).permute(0, 3, 1, 2), of_shift, None


class _Quantise(torch.autograd.Function):
    """Round to a grid and saturate; the gradient passes where nothing saturates."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: int, high: int, step: float, floor: bool) -> Tensor:
        ctx.save_for_backward(x)
        ctx.limits = low * step, (high + 1) * step
        steps = x * (1 / step)
        return (steps.floor_() if floor else steps.round_()).clamp_(low, high).mul_(step)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(grad, x, *ctx.limits), None, None, None, None


class _Merge(torch.autograd.Function):
    """`Layers.merge` in few memory passes; the gradient ignores rounding and saturation, which is rare."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, y: Tensor, spec: MergeSpec) -> Tensor:
        ctx.save_for_backward(y)
        ctx.leak = spec.leak
        branch, residual = 2 ** (spec.branch_bits - 1), 2 ** (spec.residual_bits - 1)
        q = functional.leaky_relu(y, spec.leak).mul_(1 / spec.step).round_().clamp_(-branch, branch - 1)
        # r is an odd multiple of step / 2, so flooring the sum to steps and adding half a step only saturates.
        return q.mul_(spec.step).add_(r).clamp_((0.5 - residual) * spec.step, (residual - 0.5) * spec.step)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (y,) = ctx.saved_tensors
        return grad, torch.ops.aten.leaky_relu_backward(grad, y, ctx.leak, False), None


class FastSign(nn.Module):
    """`Layers.sign` for training; ``approx`` chooses the gradient of ApproxSign."""

    approx = False

    def forward(self, r: Tensor, shift: Tensor) -> Tensor:
        return _ShiftedSign.apply(r, shift, self.approx)


class _FastQuantise(nn.Module):
    def __init__(self, bits: int, step: float, floor: bool) -> None:
        super().__init__()
        self.low, self.high, self.step, self.floor = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, step, floor

    def forward(self, x: Tensor) -> Tensor:
        return _Quantise.apply(x, self.low, self.high, self.step, self.floor)


class _FastMerge(nn.Module):
    def __init__(self, spec: MergeSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, r: Tensor, y: Tensor) -> Tensor:
        return _Merge.apply(r, y, self.spec)


class _Straight(torch.autograd.Function):
    """The quantised weights; the gradient goes to the latent ones unchanged, so that none gets stuck outside +-1."""

    @staticmethod
    def forward(ctx: Any, latent: Tensor, quantised: Tensor) -> Tensor:
        return quantised

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def weight_scale(bits: int) -> float:
    """Value of one integer step of a weight."""
    return 1.0 if bits == 1 else 2.0 ** (1 - bits)


def quantise_weight(weight: Tensor, bits: int) -> Tensor:
    """+-1 for one bit, else multiples of 2^(1-bits), symmetric (no most negative value)."""
    latent = weight.detach()
    if bits == 1:
        return _Straight.apply(weight, torch.where(latent < 0, -1.0, 1.0))
    top, scale = 2 ** (bits - 1) - 1, weight_scale(bits)
    return _Straight.apply(weight, (latent / scale).round().clamp(-top, top) * scale)


class FastConv(nn.Conv2d):
    """`Layers.conv` for training; ``real`` uses the latent weights as they are."""

    real = False

    def __init__(self, inputs: int, outputs: int, stride: int, bits: int) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bits = bits

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight if self.real else quantise_weight(self.weight, self.bits)
        return functional.conv2d(x, weight, None, self.stride, self.padding)


class _FastLinear(nn.Linear):
    def __init__(self, inputs: int, outputs: int, bits: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.bits = bits

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, quantise_weight(self.weight, self.bits))


class FastLayers:
    """`Layers` for training."""

    def sign(self) -> nn.Module:
        return FastSign()

    def quantise(self, bits: int, step: float, floor: bool = False) -> nn.Module:
        return _FastQuantise(bits, step, floor)

    def merge(self, spec: MergeSpec) -> nn.Module:
        return _FastMerge(spec)

    def conv(self, inputs: int, outputs: int, stride: int, bits: int) -> nn.Module:
        return FastConv(inputs, outputs, stride, bits)

    def linear(self, inputs: int, outputs: int, bits: int) -> nn.Module:
        return _FastLinear(inputs, outputs, bits)


class MidRise(nn.Module):
    """Floor to ``step`` and add half a step: the sign survives, the stored integer is 2q + 1 with scale step / 2."""

    def __init__(self, layers: Layers, bits: int, step: float) -> None:
        super().__init__()
        self.quantise = layers.quantise(bits, step, floor=True)
        self.offset = step / 2

    def forward(self, x: Tensor) -> Tensor:
        return self.quantise(x) + self.offset


class _BrevitasSign(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sign = qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_const=1.0)

    def forward(self, r: Tensor, shift: Tensor) -> Tensor:
        return self.sign(r + shift)


class _BrevitasMerge(nn.Module):
    def __init__(self, spec: MergeSpec, layers: Layers) -> None:
        super().__init__()
        self.leak = spec.leak
        self.branch = layers.quantise(spec.branch_bits, spec.step)
        self.residual = MidRise(layers, spec.residual_bits, spec.step)

    def forward(self, r: Tensor, y: Tensor) -> Tensor:
        return self.residual(r + self.branch(functional.leaky_relu(y, self.leak)))


class BrevitasLayers:
    """`Layers` for QONNX export."""

    def sign(self) -> nn.Module:
        return _BrevitasSign()

    def quantise(self, bits: int, step: float, floor: bool = False) -> nn.Module:
        return qnn.QuantIdentity(
            act_quant=Int8ActPerTensorFixedPoint,
            bit_width=bits,
            scaling_impl_type="const",
            min_val=-step * 2 ** (bits - 1),
            max_val=step * 2 ** (bits - 1),
            float_to_int_impl_type="floor" if floor else "round",
        )

    def merge(self, spec: MergeSpec) -> nn.Module:
        return _BrevitasMerge(spec, self)

    def conv(self, inputs: int, outputs: int, stride: int, bits: int) -> nn.Module:
        return qnn.QuantConv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, **_weight_quantiser(bits))

    def linear(self, inputs: int, outputs: int, bits: int) -> nn.Module:
        return qnn.QuantLinear(inputs, outputs, bias=False, **_weight_quantiser(bits))


def _weight_quantiser(bits: int) -> dict[str, object]:
    if bits == 1:
        return {"weight_quant": SignedBinaryWeightPerTensorConst, "weight_scaling_const": 1.0}
    return {
        "weight_quant": Int8WeightPerTensorFixedPoint,
        "weight_bit_width": bits,
        "weight_scaling_impl_type": "const",
        "weight_scaling_const": 1.0,
    }
