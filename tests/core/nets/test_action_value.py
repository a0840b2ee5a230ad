"""Action values: noise, streams, encoders."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.errors import UsageError
from gymnast.core.nets import ActionValue, ActionValueConfig, small_cnn
from gymnast.core.nets.noisy import NoisyLinear

BOX, ACTION = spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(4)


def test_noisy_weights_are_mean_and_factorised_noise():
    torch.manual_seed(0)
    layer = NoisyLinear(3, 2)
    layer.resample(torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    e_in, e_out = torch.randn(3, generator=generator), torch.randn(2, generator=generator)
    f_in, f_out = (e.sign() * e.abs().sqrt() for e in (e_in, e_out))
    sigma = 0.5 / 3**0.5
    x = torch.randn(5, 3)
    weight, bias = layer.weight + sigma * torch.outer(f_out, f_in), layer.bias + sigma * f_out
    torch.testing.assert_close(layer(x), x @ weight.T + bias)
    torch.testing.assert_close(layer.eval()(x), x @ layer.weight.T + layer.bias)


def test_noise_stays_until_it_is_drawn_anew():
    net = ActionValue(BOX, ACTION, ActionValueConfig(hidden=(8,), noisy=True))
    generator, x = torch.Generator().manual_seed(0), torch.randn(2, 3)
    net.resample(generator)
    first = net(x)
    assert torch.equal(first, net(x))
    net.resample(generator)
    assert not torch.equal(first, net(x))


@pytest.mark.parametrize("distribution", ["none", "categorical", "quantile"])
@pytest.mark.parametrize("dueling", [False, True])
def test_values_are_means_of_what_is_known(distribution, dueling):
    cfg = ActionValueConfig(hidden=(8,), dueling=dueling, distribution=distribution, atoms=5, limits=(0.0, 4.0))
    net = ActionValue(BOX, ACTION, cfg)
    out = net(torch.randn(2, 3))
    assert out.shape == (2, 4, 1 if distribution == "none" else 5)
    values = net.values(out)
    expected = {
        "none": out[..., 0],
        "categorical": (out.softmax(-1) * torch.arange(5.0)).sum(-1),
        "quantile": out.mean(-1),
    }
    torch.testing.assert_close(values, expected[distribution])


def test_the_encoder_of_2013_has_the_published_size():
    # 16 filters 8x8 on 4 frames, 32 filters 4x4, 256 units on 32 x 9 x 9 features
    assert sum(p.numel() for p in small_cnn(4, 84, 84).parameters()) == 4112 + 8224 + 663_808


def test_continuous_actions_are_refused():
    with pytest.raises(UsageError, match="not Box"):
        ActionValue(BOX, BOX, ActionValueConfig())


@pytest.mark.parametrize("other", [{"activation": "tanh"}, {"norm": "layer"}, {"normalize_obs": True}])
def test_only_relu_on_observations_as_they_are_is_plain(other):
    assert ActionValue(BOX, ACTION, ActionValueConfig()).plain
    assert not ActionValue(BOX, ACTION, ActionValueConfig(**other)).plain
