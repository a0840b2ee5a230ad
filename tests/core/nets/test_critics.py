import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core.errors import UsageError
from gymnast.core.nets import BoxCriticsConfig, Critics

OBS = spaces.Box(-1, 1, (3,), np.float32)
UNEVEN = spaces.Box(np.array([300.0, -1.0], np.float32), np.array([500.0, 3.0], np.float32))


def critics(action=UNEVEN, **options):
    torch.manual_seed(0)
    return Critics(OBS, action, BoxCriticsConfig(critic_hidden=(8, 8), **options))


def test_each_critic_is_a_perceptron_of_its_own():
    both = critics(critics=2)
    obs, action = torch.randn(5, 3), torch.tensor([[400.0, 1.0]]).expand(5, 2)
    out = both(obs, action)
    for k in range(2):
        x = torch.cat([obs, torch.zeros(5, 2)], -1)  # the middle of the box is 0 in its own units
        for layer in both.layers[::2]:
            x = torch.relu(x @ layer.weight[k].T + layer.bias[k])
        torch.testing.assert_close(out[k], x @ both.head.weight[k].T + both.head.bias[k])
    assert not torch.equal(out[0], out[1])


def test_a_critic_learns_from_its_own_loss_alone():
    three = critics(critics=3, critic_norm="layer")
    three(torch.randn(4, 3), torch.full((4, 2), 2.0))[1].sum().backward()
    for parameter in three.parameters():
        moved = parameter.grad.flatten(1).abs().sum(1) > 0
        assert moved.tolist() == [False, True, False]


def test_actions_are_seen_in_units_of_their_own_bounds():
    both = critics()
    corners = torch.tensor([[300.0, -1.0], [500.0, 3.0]])
    assert both.low.tolist() == corners[0].tolist()
    assert both.high.tolist() == corners[1].tolist()
    unit = critics(spaces.Box(-1, 1, (2,), np.float32))
    torch.testing.assert_close(
        both(torch.zeros(2, 3), corners), unit(torch.zeros(2, 3), torch.tensor([[-1.0, -1], [1, 1]]))
    )
    assert both.clipped(torch.tensor([[0.0, 9.0]])).tolist() == [[300.0, 3.0]]


def test_layer_norm_makes_features_of_mean_0_and_deviation_1():
    normed = critics(critic_norm="layer")
    x = normed.layers[1][0](torch.randn(2, 6, 8) * 7 + 3)
    torch.testing.assert_close(x.mean(-1), torch.zeros(2, 6), atol=1e-6, rtol=0)
    torch.testing.assert_close(x.std(-1, correction=0), torch.ones(2, 6), atol=1e-3, rtol=0)


def minibatch(size=5):
    random = torch.Generator().manual_seed(2)
    action = torch.tensor([300.0, -1.0]) + torch.rand(2, size, 2, generator=random) * torch.tensor([200.0, 4.0])
    obs = torch.randn(2, size, 3, generator=random) * 5 + torch.tensor([[[0.0]], [[20.0]]])
    return {"obs": obs[0], "action": action[0], "next_obs": obs[1]}, action[1]


def test_batch_norm_is_by_the_moments_of_what_is_and_what_follows():
    """By hand, for the second of two critics: one batch of both, each layer's inputs normalised, then cut in halves."""
    both, (mb, following) = critics(critic_norm="batch"), minibatch()
    now, then = both.together(mb, following, torch.Generator())
    x = torch.cat([torch.cat([mb["obs"], mb["next_obs"]]), both.numbers(torch.cat([mb["action"], following]))], -1)
    for k, layer in enumerate((both.layers[0], both.layers[2], both.head)):
        x = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-3).sqrt()
        x = x @ layer[1].weight[1].T + layer[1].bias[1]
        x = x if k == 2 else x.relu()
    torch.testing.assert_close(torch.cat([now[1], then[1]]), x, rtol=1e-4, atol=1e-5)
    assert now.requires_grad
    assert not then.requires_grad


def test_without_batch_norm_one_pass_is_two_passes():
    both, (mb, following) = critics(critic_norm="layer"), minibatch()
    now, then = both.together(mb, following, torch.Generator())
    torch.testing.assert_close(now, both(mb["obs"], mb["action"]))
    torch.testing.assert_close(then, both(mb["next_obs"], following))


def test_batch_norm_later_is_by_running_moments():
    """A row says the same alone and among others, and passes that are not learned from change nothing."""
    both, (mb, following) = critics(critic_norm="batch"), minibatch()
    both.together(mb, following, torch.Generator())
    before = {name: value.clone() for name, value in both.state_dict().items()}
    out = both(mb["obs"], mb["action"])
    torch.testing.assert_close(out[:, :1], both(mb["obs"][:1], mb["action"][:1]))
    assert all(torch.equal(value, before[name]) for name, value in both.state_dict().items())


def test_dropout_drops_the_share_that_was_asked_for_and_keeps_the_mean():
    dropping = critics(dropout=0.25)
    obs, action, generator = torch.randn(1, 3), torch.tensor([[400.0, 1.0]]), torch.Generator().manual_seed(0)
    sure = dropping(obs, action)
    assert torch.equal(sure, dropping(obs, action))
    first = dropping.layers[0](torch.cat([obs, torch.zeros(1, 2)], -1))
    seen = []
    dropping.layers[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for _ in range(400):
        dropping(obs, action, generator)
    kept = torch.stack(seen)
    assert (kept == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    torch.testing.assert_close(kept.mean(0), first, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("space", [spaces.Box(-np.inf, np.inf, (2,)), spaces.Discrete(3)], ids=str)
def test_other_actions_are_refused_in_one_line(space):
    with pytest.raises(UsageError, match="a Box with finite bounds, not"):
        critics(space)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"dropout": 1.0}, "below 1"),
        ({"critic_blocks": 1}, "one width"),
        ({"critic_blocks": 1, "critic_hidden": (8,), "critic_norm": "layer"}, "critic_norm none"),
        ({"critic_blocks": 1, "critic_hidden": (8,), "dropout": 0.1}, "dropout 0"),
        ({"blocks": 1}, "hidden must be one"),
        ({"blocks": 1, "hidden": (8,), "norm": "layer"}, "norm none"),
    ],
)
def test_impossible_options_are_refused(options, why):
    with pytest.raises(UsageError, match=why):
        BoxCriticsConfig(**options)
