"""Pooling and shortcuts of the networks."""

import numpy as np
import pytest
import torch

from hwsv.custom_ops import stats_pool_int
from hwsv.host.features import FeatureSpec
from training.export import randomise
from training.models import FloatNet, SpeakerNet, StatsPool, halve, pool_params
from training.recipe import NetworkConfig, PoolConfig


@pytest.mark.parametrize("over", ["time", "time_freq"])
def test_torch_pooling_is_the_operator(over: str) -> None:
    config = NetworkConfig(channels=4, blocks=[1], pool=PoolConfig.model_validate({"over": over}))
    pool = StatsPool(config).eval()
    integers = np.random.default_rng(0).integers(-32, 32, (2, 3, 11, 5)) * 2 + 1
    x = torch.from_numpy(integers * pool.params.scale).float()
    assert np.array_equal(pool(x).numpy(), stats_pool_int(integers, pool.params))


@pytest.mark.parametrize("over", ["time", "time_freq"])
def test_training_and_evaluation_agree(over: str) -> None:
    """The float formula of training differs from the inequalities only where it is within rounding of a threshold."""
    config = NetworkConfig(channels=4, blocks=[1], pool=PoolConfig.model_validate({"over": over}))
    pool = StatsPool(config)
    x = (torch.randint(-12, 12, (8, 16, 37, 3), generator=torch.Generator().manual_seed(1)) * 2 + 1) * 0.25
    trained, evaluated = pool.train()(x), pool.eval()(x)
    assert trained.shape == evaluated.shape
    assert (trained != evaluated).float().mean() < 0.02


def test_thresholds_are_mid_tread() -> None:
    params = pool_params(NetworkConfig(residual_step=0.5, pool=PoolConfig(mean_bits=3, mean_step=0.5, dev_bits=2)))
    assert params.scale == 0.25 and params.mean_offset == -4
    # Thresholds -1.75, -1.25, ... in value are -7, -5, ... in integers of 0.25.
    assert [b / params.mean_mult for b in params.mean_thresholds] == [-7, -5, -3, -1, 1, 3, 5]
    # Deviations 0.125, 0.375, 0.625 in value are 0.5, 1.5, 2.5 in integers, squared here.
    assert [c / params.dev_mult for c in params.dev_thresholds] == [0.25, 2.25, 6.25]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 6), (5, 3), (2, 7)])
def test_halve_is_the_zero_padded_sum_over_four(height: int, width: int) -> None:
    x = torch.randn(1, 2, height, width)
    padded = torch.zeros(1, 2, height + height % 2, width + width % 2)
    padded[..., :height, :width] = x
    expected = sum(padded[..., i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    torch.testing.assert_close(halve(x), expected)


@pytest.mark.parametrize("over", ["time", "time_freq"])
def test_family(over: str) -> None:
    features = FeatureSpec(n_mels=24)
    config = NetworkConfig(channels=4, blocks=[1, 2, 1], embedding=16, pool=PoolConfig.model_validate({"over": over}))
    binary = SpeakerNet(config, features)
    randomise(binary, 1)
    for net in (binary.eval(), FloatNet(config, features).eval()):
        assert net(torch.zeros(2, 1, 30, 24)).shape == (2, 16)
