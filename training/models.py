"""The family of speaker networks: binary (Bi-Real-like, integer residual stream) and its float twin.

Input ``[N, 1, T, F]`` float32, values q/16 of int8 log-mel features; H = time, W = mel. Any T >= 1 works. Output
``[N, E]``, an embedding that is compared by cosine. Shapes and reasons: the training README.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsv.custom_ops import StatsPoolParams, stats_pool_int
from hwsv.host.features import FeatureSpec
from training.layers import FastLayers, Layers, MergeSpec, MidRise, weight_scale
from training.recipe import NetworkConfig

LEAK = 0.25
"""Slope of the leaky ReLU for negative values: a shift by two bits."""


class _PadEnd(torch.autograd.Function):
    """One zero row and column at the end, with constant pads in the export (torch's own computes them in the graph)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 1, 0, 1))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad[..., :-1, :-1]

    @staticmethod
    def symbolic(g: Any, x: Any) -> Any:
        return g.op("Pad", x, g.op("Constant", value_t=torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])))


def halve(x: Tensor) -> Tensor:
    """2x2 average with stride 2 where taps beyond the border count as 0: ``[N, C, ceil(H/2), ceil(W/2)]``.

    Padding by one and dropping an odd remainder needs no knowledge of H and W, so the exported graph holds neither.
    """
    return functional.avg_pool2d(_PadEnd.apply(x), 2, 2)


def pooled_width(config: NetworkConfig, n_mels: int) -> int:
    """Frequency positions after the last stage."""
    width = math.ceil(n_mels / 2)
    for _ in config.blocks[1:]:
        width = math.ceil(width / 2)
    return width


def pool_params(config: NetworkConfig) -> StatsPoolParams:
    """Uniform mid-tread thresholds as integer inequalities on the stream's integers (value = integer * step / 2)."""
    pool = config.pool
    unit = Fraction(config.residual_step) / 2
    half = 2 ** (pool.mean_bits - 1)
    means = [(k - Fraction(1, 2)) * Fraction(pool.mean_step) / unit for k in range(1 - half, half)]
    devs = [((k - Fraction(1, 2)) * Fraction(pool.dev_step) / unit) ** 2 for k in range(1, 2**pool.dev_bits)]
    mean_mult = math.lcm(*(value.denominator for value in means))
    dev_mult = math.lcm(*(value.denominator for value in devs))
    return StatsPoolParams(
        over=pool.over,
        scale=float(unit),
        mean_mult=mean_mult,
        mean_thresholds=tuple(int(value * mean_mult) for value in means),
        mean_offset=-half,
        dev_mult=dev_mult,
        dev_thresholds=tuple(int(value * dev_mult) for value in devs),
    )


class _StatsPoolExact(torch.autograd.Function):
    """Evaluation by the custom op's own definition, exported as the custom op."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, params: StatsPoolParams, out_shape: list[int]) -> Tensor:
        integers = torch.round(x / params.scale).to(torch.int64)
        return torch.from_numpy(stats_pool_int(integers.numpy(), params)).to(torch.float32)

    @staticmethod
    def symbolic(g: Any, x: Any, params: StatsPoolParams, out_shape: list[int]) -> Any:
        output = g.op(
            "hwsv::StatsPool",
            x,
            over_s=params.over,
            scale_f=params.scale,
            mean_mult_i=params.mean_mult,
            mean_thresholds_i=list(params.mean_thresholds),
            mean_offset_i=params.mean_offset,
            dev_mult_i=params.dev_mult,
            dev_thresholds_i=list(params.dev_thresholds),
        )
        output.setType(torch._C.TensorType.get().with_dtype(torch.float32).with_sizes([*out_shape]))
        return output


class StatsPool(nn.Module):
    """Quantised mean and deviation; training uses the float formula with straight-through rounding."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.params, self.config = pool_params(config), config.pool

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            n, channels, _, width = x.shape
            out_shape = [n, 2 * channels, 1, width if self.config.over == "time" else 1]
            return _StatsPoolExact.apply(x, self.params, out_shape)
        dims = (2,) if self.config.over == "time" else (2, 3)
        mean, dev = _moments(x.float(), dims)
        low, high = self.params.mean_range
        mean = _round_ste(mean / self.config.mean_step, low, high)
        dev = _round_ste(dev / self.config.dev_step, *self.params.dev_range)
        return torch.cat([mean, dev], 1)


def _moments(x: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    var, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    return mean, (var + 1e-5).sqrt()


def _round_ste(x: Tensor, low: int, high: int) -> Tensor:
    """Round and saturate; the gradient passes where nothing saturates."""
    x = x.clamp(low, high)
    return x + (x.round() - x).detach()


class BinaryUnit(nn.Module):
    """One binary 3x3 convolution and the shortcut around it, on the integer residual stream.

    ``r_new = Qr(shortcut(r) + Qb(leaky(BN(conv(sign(r + shift))))))``; the shortcut halves with stride 2 and
    duplicates the channels where they double.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, config: NetworkConfig, layers: Layers) -> None:
        super().__init__()
        self.stride, self.widen = stride, outputs != inputs
        self.shift = nn.Parameter(torch.zeros(1, inputs, 1, 1))
        self.sign = layers.sign()
        self.conv = layers.conv(inputs, outputs, stride, bits=1)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        if stride == 2:
            self.down = MidRise(layers, config.residual_bits, config.residual_step)
        self.merge = layers.merge(MergeSpec(config.branch_bits, config.residual_bits, config.residual_step, LEAK))

    def forward(self, r: Tensor) -> Tensor:
        y = self.norm(self.conv(self.sign(r, self.shift)))
        if self.stride == 2:
            r = self.down(halve(r))
        if self.widen:
            r = torch.cat([r, r], 1)
        return self.merge(r, y)


class FloatUnit(nn.Module):
    """The float twin of `BinaryUnit`: ``relu(shortcut(r) + BN(conv(r)))``."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.widen = stride, outputs != inputs
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, r: Tensor) -> Tensor:
        y = self.norm(self.conv(r))
        if self.stride == 2:
            r = halve(r)
        if self.widen:
            r = torch.cat([r, r], 1)
        return functional.relu(r + y)


def _plan(config: NetworkConfig) -> list[tuple[int, int, int]]:
    """(inputs, outputs, stride) of every convolution of the body."""
    widths = [config.channels] + [
        config.channels * 2**stage for stage, blocks in enumerate(config.blocks) for _ in range(2 * blocks)
    ]
    strides = [2 if stage and not i else 1 for stage, blocks in enumerate(config.blocks) for i in range(2 * blocks)]
    return [(a, b, stride) for (a, b), stride in zip(pairwise(widths), strides, strict=True)]


class SpeakerNet(nn.Module):
    """The binary network. ``layers`` chooses training or Brevitas layers; parameter names are the same in both."""

    def __init__(self, config: NetworkConfig, features: FeatureSpec, layers: Layers | None = None) -> None:
        super().__init__()
        layers = layers or FastLayers()
        plan = _plan(config)
        last = plan[-1][1]
        self.embedding = config.embedding
        self.input = layers.quantise(features.bits, features.scale)
        self.stem = layers.conv(1, config.channels, 2, config.stem_bits)
        self.stem_norm: nn.Module = nn.BatchNorm2d(config.channels)
        self.stem_residual = MidRise(layers, config.residual_bits, config.residual_step)
        self.body = nn.Sequential(*(BinaryUnit(*shape, config, layers) for shape in plan))
        self.pool = StatsPool(config)
        width = pooled_width(config, features.n_mels) if config.pool.over == "time" else 1
        self.fc = layers.linear(2 * last * width, config.embedding, config.fc_bits)
        self.fc_scale = weight_scale(config.fc_bits)
        # Wide enough that the few-bit weights use their range.
        nn.init.uniform_(self.fc.get_parameter("weight"), -0.75, 0.75)
        self.fc_norm: nn.Module = nn.BatchNorm1d(config.embedding)

    def features_map(self, x: Tensor) -> Tensor:
        """The residual stream before pooling, ``[N, C, ~T/16, ~F/16]`` for four stages."""
        return self.body(self.stem_residual(self.stem_norm(self.stem(self.input(x)))))

    def accumulate(self, x: Tensor) -> Tensor:
        """The last layer's outputs ``[N, E]``: in evaluation exact integers times the weight scale."""
        return self.fc(self.pool(self.features_map(x)).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc_norm(self.accumulate(x))


class FloatNet(nn.Module):
    """The float twin: same shape, ReLU, float weights, float pooling."""

    def __init__(self, config: NetworkConfig, features: FeatureSpec) -> None:
        super().__init__()
        plan = _plan(config)
        self.over = config.pool.over
        self.stem = nn.Conv2d(1, config.channels, 3, 2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(config.channels)
        self.body = nn.Sequential(*(FloatUnit(*shape) for shape in plan))
        width = pooled_width(config, features.n_mels) if self.over == "time" else 1
        self.fc = nn.Linear(2 * plan[-1][1] * width, config.embedding, bias=False)
        self.fc_norm = nn.BatchNorm1d(config.embedding)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(functional.relu(self.stem_norm(self.stem(x))))
        mean, dev = _moments(x.float(), (2,) if self.over == "time" else (2, 3))
        return self.fc_norm(self.fc(torch.cat([mean, dev], 1).flatten(1)))
