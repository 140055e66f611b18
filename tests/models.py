"""Brevitas networks for tests, seeded, with random statistics; each `write_*` exports QONNX to a path.

They are small on purpose and hold what the shipped network does not: scales that are no powers of two, max pooling,
Flatten + Linear, unsigned activations, constant padding, other kernels and strides.
"""

from pathlib import Path

import brevitas.nn as qnn
import torch
from brevitas.core.scaling import ScalingImplType
from brevitas.export import export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from brevitas.quant.binary import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
from torch import nn
from torch.nn import functional

from training.export import randomise as randomise_speaker_net
from training.export import write_qonnx
from training.models import SpeakerNet
from training.recipe import load_recipe


def _act(bits: int, largest: float) -> nn.Module:
    """A signed quantiser whose range ends at `largest`: its step is no power of two."""
    return qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFloat, bit_width=bits, scaling_impl_type=ScalingImplType.CONST,
        min_val=-largest, max_val=largest,
    )  # fmt: skip


def _relu(bits: int, largest: float) -> nn.Module:
    return qnn.QuantReLU(
        act_quant=Uint8ActPerTensorFloat, bit_width=bits, scaling_impl_type=ScalingImplType.CONST, max_val=largest
    )


def _sign(scale: float) -> nn.Module:
    return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, min_val=-scale, max_val=scale)


def _binary(scale: float) -> dict[str, object]:
    return {"weight_quant": SignedBinaryWeightPerTensorConst, "weight_scaling_const": scale}


def _few_bits(bits: int, per_channel: bool = False) -> dict[str, object]:
    quantiser = Int8WeightPerChannelFloat if per_channel else Int8WeightPerTensorFloat
    return {"weight_quant": quantiser, "weight_bit_width": bits}


class ConvNet(nn.Module):
    """(a) A plain 1-bit conv network with max pooling and a Linear; scales 0.3, 0.7 …"""

    shape = (1, 2, 12, 10)

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _act(5, 1.7),
            qnn.QuantConv2d(2, 6, 3, padding=1, bias=False, **_few_bits(4, per_channel=True)),
            nn.BatchNorm2d(6),
            _sign(0.3),
            qnn.QuantConv2d(6, 8, 3, padding=1, bias=False, **_binary(0.07)),
            nn.BatchNorm2d(8),
            _sign(0.7),
            nn.MaxPool2d(2),
            qnn.QuantConv2d(8, 10, 3, bias=True, **_binary(0.11)),
            nn.BatchNorm2d(10),
            _sign(1.3),
            nn.Flatten(),
            qnn.QuantLinear(10 * 4 * 3, 7, bias=True, **_few_bits(3)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Mlp(nn.Module):
    """(b) A 1-bit MLP on vectors."""

    shape = (1, 24)

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _sign(0.4),
            qnn.QuantLinear(24, 20, bias=False, **_binary(0.13)),
            nn.BatchNorm1d(20),
            _sign(0.9),
            qnn.QuantLinear(20, 16, bias=True, **_binary(0.21)),
            nn.BatchNorm1d(16),
            _sign(0.5),
            qnn.QuantLinear(16, 5, bias=False, **_binary(0.17)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class _PadValue(torch.autograd.Function):
    """Constant padding with a value, exported with constant pads (torch's export computes them in the graph)."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor, amount: int, value: float) -> torch.Tensor:
        return functional.pad(x, (amount,) * 4, value=value)

    @staticmethod
    def symbolic(g: torch._C.Graph, x: torch._C.Value, amount: int, value: float) -> torch._C.Value:
        pads = g.op("Constant", value_t=torch.tensor([0, 0, amount, amount] * 2))
        return g.op("Pad", x, pads, g.op("Constant", value_t=torch.tensor(value)))


class FewBits(nn.Module):
    """(d) Few-bit ReLU/PReLU/LeakyReLU activations, constant padding, kernels 1, 5, 7, strides; any T."""

    shape = (1, 1, 30, 16)

    def __init__(self) -> None:
        super().__init__()
        self.input = _act(6, 2.2)
        self.conv7 = qnn.QuantConv2d(1, 5, 7, stride=(2, 2), padding=3, bias=False, **_few_bits(8))
        self.norm7 = nn.BatchNorm2d(5)
        self.relu = _relu(3, 1.9)
        self.conv1 = qnn.QuantConv2d(5, 6, 1, bias=True, **_few_bits(2))
        self.norm1 = nn.BatchNorm2d(6)
        self.prelu, self.act1 = nn.PReLU(6), _act(4, 2.6)
        self.conv5 = qnn.QuantConv2d(6, 7, (5, 3), stride=(1, 2), bias=False, **_few_bits(4, per_channel=True))
        self.norm5 = nn.BatchNorm2d(7)
        self.act5 = _act(4, 3.1)
        self.sign = _sign(0.6)
        self.last = qnn.QuantConv2d(7, 4, 3, bias=False, **_binary(0.19))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm7(self.conv7(self.input(x))))
        x = self.act1(self.prelu(self.norm1(self.conv1(x))))
        x = functional.pad(x, (1, 1, 1, 1), value=2 * 2.6 / 8)  # torch exports the pads as a computation
        x = self.act5(functional.leaky_relu(self.norm5(self.conv5(x)), 0.1))
        x = self.sign(functional.max_pool2d(x, (2, 1), (1, 1)))
        return self.last(_PadValue.apply(x, 1, -0.6))


def randomise(net: nn.Module, seed: int) -> nn.Module:
    """Statistics, gains, slopes and weights as after training, seeded; in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, -1.5, 1.5),
                (module.bias.data, -0.5, 0.5),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.3, 3.0),
            ):
                tensor.uniform_(low, high, generator=generator)
        if isinstance(module, nn.PReLU):
            module.weight.data.uniform_(-0.5, 0.5, generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data.uniform_(-1, 1, generator=generator)
            if module.bias is not None:
                module.bias.data.uniform_(-1, 1, generator=generator)
    return net.eval()


KINDS: dict[str, type[nn.Module]] = {"conv_net": ConvNet, "mlp": Mlp, "few_bits": FewBits}


def write(kind: str, path: Path, seed: int = 0) -> Path:
    """Export a network of this kind (of `KINDS`, or ``residual``) as QONNX."""
    torch.manual_seed(seed)
    if kind == "residual":
        return write_residual(path, seed)
    net = randomise(KINDS[kind](), seed)
    with torch.no_grad():
        export_qonnx(
            net, args=torch.zeros(KINDS[kind].shape), export_path=str(path), dynamo=False, opset_version=13,
            keep_initializers_as_inputs=False, input_names=["input"], output_names=["output"],
        )  # fmt: skip
    return path


def write_residual(path: Path, seed: int = 0) -> Path:
    """(c) A small network of the shipped family: residual stream, average-pooled shortcut, StatsPool over time."""
    recipe = load_recipe("nano")
    pool = recipe.network.pool.model_copy(update={"over": "time"})
    network = recipe.network.model_copy(update={"channels": 6, "blocks": [1, 1], "embedding": 10, "pool": pool})
    features = recipe.features.model_copy(update={"n_mels": 12})
    recipe = recipe.model_copy(update={"network": network, "features": features, "name": "tiny"})
    net = SpeakerNet(recipe.network, recipe.features)
    randomise_speaker_net(net, seed)
    write_qonnx(net.eval(), recipe, path)
    return path
