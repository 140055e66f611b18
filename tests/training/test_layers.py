"""Training layers and Brevitas layers compute the same numbers; signs and roundings are as documented."""

import pytest
import torch

from training.layers import BrevitasLayers, FastLayers, MergeSpec

FAST, BREVITAS = FastLayers(), BrevitasLayers()


def _values(count: int = 4000) -> torch.Tensor:
    """Random numbers, multiples of 1/8 among them (ties), and both zeros."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, generator=generator) * 10
    x[::2] = (x[::2] * 8).round() / 8
    x[:2] = torch.tensor([0.0, -0.0])
    return x


def test_sign_of_both_zeros_is_plus_one() -> None:
    zeros = torch.tensor([0.0, -0.0, 0.0, -0.0]).view(4, 1, 1, 1)
    for shift in (torch.zeros(1, 1, 1, 1), -torch.zeros(1, 1, 1, 1)):
        assert FAST.sign()(zeros, shift).flatten().tolist() == [1.0] * 4
        assert BREVITAS.sign()(zeros, shift).flatten().tolist() == [1.0] * 4


def test_sign() -> None:
    r, shift = _values(4000).view(2, 5, 20, 20), _values(5).view(1, 5, 1, 1)
    for layout in (torch.contiguous_format, torch.channels_last):
        entry = r.contiguous(memory_format=layout)
        got = FAST.sign()(entry, shift)
        assert torch.equal(got, BREVITAS.sign()(entry, shift))
        assert torch.equal(got, torch.where(r + shift < 0, -1.0, 1.0))


@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize(("bits", "step"), [(6, 0.5), (8, 1 / 16), (3, 2.0)])
def test_quantise(bits: int, step: float, floor: bool) -> None:
    got, expected = (layers.quantise(bits, step, floor)(_values()) for layers in (FAST, BREVITAS))
    assert torch.equal(got, expected)
    assert got.min() == -(2 ** (bits - 1)) * step and got.max() == (2 ** (bits - 1) - 1) * step


@pytest.mark.parametrize("spec", [MergeSpec(6, 6, 0.5, 0.25), MergeSpec(4, 5, 0.25, 0.25)])
def test_merge(spec: MergeSpec) -> None:
    y = _values()
    half = 2 ** (spec.residual_bits - 1)
    q = torch.randint(-half, half, y.shape, generator=torch.Generator().manual_seed(1))
    r = (2 * q + 1) * spec.step / 2
    got = FAST.merge(spec)(r, y)
    assert torch.equal(got, BREVITAS.merge(spec)(r, y))
    assert got.max() == r.max() and got.min() == r.min()  # saturates on its own grid


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_conv_and_linear(bits: int) -> None:
    x = torch.where(_values(4 * 81).reshape(1, 4, 9, 9) < 0, -1.0, 1.0)
    for name, args, entry in (("conv", (4, 8, 2, bits), x), ("linear", (9, 5, bits), x)):
        fast, brevitas = (getattr(layers, name)(*args) for layers in (FAST, BREVITAS))
        fast.weight.data.mul_(5)  # beyond the weights' range as well
        brevitas.load_state_dict(fast.state_dict())
        assert torch.equal(fast(entry), brevitas(entry))


def test_gradients() -> None:
    x = torch.tensor([[-3.0, -0.5, 0.5, 3.0], [1.0, 1.0, 1.0, 1.0]], requires_grad=True)
    shift = torch.tensor([0.0, 5.0], requires_grad=True)
    FAST.sign()(x.view(1, 2, 2, 2), shift.view(1, 2, 1, 1)).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[0.0, 1.0, 1.0, 0.0], [0.0] * 4]
    assert shift.grad is not None and shift.grad.tolist() == [2.0, 0.0]
    r, y = torch.tensor([0.25, 0.25], requires_grad=True), torch.tensor([-1.0, 1.0], requires_grad=True)
    FAST.merge(MergeSpec(6, 6, 0.5, 0.25))(r, y).sum().backward()
    assert r.grad is not None and y.grad is not None
    assert r.grad.tolist() == [1.0, 1.0] and y.grad.tolist() == [0.25, 1.0]


def test_gradient_of_approx_sign() -> None:
    sign = FAST.sign()
    sign.approx = True
    x = torch.tensor([-3.0, -0.25, 0.75, 3.0], requires_grad=True)
    sign(x.view(1, 1, 2, 2), torch.zeros(1, 1, 1, 1)).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 1.5, 0.5, 0.0]


def test_real_weights() -> None:
    conv = FAST.conv(2, 3, 1, bits=1)
    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    binary = conv(x)
    conv.real = True
    assert torch.equal(conv(x), torch.nn.functional.conv2d(x, conv.weight, padding=1))
    conv.real = False
    assert torch.equal(conv(x), binary)
