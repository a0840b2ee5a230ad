import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gymnasium import spaces

from gymnast.core.nets import BoxCriticsConfig, BoxPolicy, Critics
from gymnast.core.nets.critics import LayerNorms, Linears

OBS = spaces.Box(-1, 1, (3,), np.float32)
ACTION = spaces.Box(-1, 1, (2,), np.float32)
SIMBA = BoxCriticsConfig(hidden=(8,), blocks=2, critic_hidden=(16,), critic_blocks=2, critics=3)


def made(kind):
    """A network whose every weight is somewhere else than where it began."""
    torch.manual_seed(0)
    net = kind(OBS, ACTION, SIMBA)
    for parameter in net.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)
    return net


def by_hand(x, weights):
    """SimBa (arXiv:2410.09754): a linear layer, x + W2 relu(W1 norm(x)) twice, a last norm, a linear layer."""
    weights = iter(weights)

    def linear(x):
        return x @ next(weights) + next(weights)

    def norm(x):
        return F.layer_norm(x, x.shape[-1:]) * next(weights) + next(weights)

    x = linear(x)
    for _ in range(2):
        x = x + linear(linear(norm(x)).relu())
    return linear(norm(x))


def weights(critics, k):
    """Those of critic k, inputs of linear layers first."""
    for module in critics.modules():
        if isinstance(module, Linears | LayerNorms):
            yield module.weight[k].T if isinstance(module, Linears) else module.weight[k]
            yield module.bias[k]


def test_a_critic_is_the_published_network():
    critics, obs, action = made(Critics), torch.randn(5, 3), torch.rand(5, 2)
    for k in range(3):
        expected = by_hand(torch.cat([obs, action], -1), weights(critics, k))
        torch.testing.assert_close(critics(obs, action)[k], expected, rtol=1e-4, atol=1e-5)


def test_the_policy_is_too():
    policy, obs = made(BoxPolicy), torch.randn(5, 3)
    mean = by_hand(obs, [p.T if p.ndim == 2 else p for p in policy.parameters()])[:, :2]
    torch.testing.assert_close(policy(obs).mode(), mean.tanh(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [Critics, BoxPolicy])
def test_hidden_layers_of_blocks_are_four_times_as_wide_and_begin_as_he_has_them(kind):
    torch.manual_seed(0)
    cfg = BoxCriticsConfig(hidden=(64,), blocks=1, critic_hidden=(64,), critic_blocks=1)
    pairs = [(name, p) for name, p in kind(OBS, ACTION, cfg).named_parameters() if ".layers." in name and p.ndim > 1]
    wide = [p for name, p in pairs if sorted(p.shape[-2:]) == [64, 256]]
    assert len(wide) == 2
    for weight, inputs in zip(wide, (64, 256), strict=True):
        assert weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.03)
