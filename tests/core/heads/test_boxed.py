"""Box actions in units of their bounds: by hand, and against heads that are not scaled."""

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from gymnast.core import heads
from gymnast.core.heads import Boxed

LOW, HIGH = np.array([300, -1, 0], np.float32), np.array([500, 1, 1e-3], np.float32)
UNEVEN = spaces.Box(LOW, HIGH)


def units(space, scaled=True):
    made = Boxed(space, scaled)
    return made.shift.tolist(), made.scale.tolist()


def test_shift_and_scale_by_hand():
    assert units(UNEVEN) == ([400, 0, pytest.approx(5e-4)], [100, 1, pytest.approx(5e-4)])
    assert units(spaces.Box(0, 255, (2,), np.uint8)) == ([127.5] * 2, [127.5] * 2)
    assert units(spaces.Box(-1e4, 1e4, (1,))) == ([0], [1e4])
    assert units(spaces.Box(2.0, 6.0, ())) == ([4], [2])


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-1, 1, (2,)),
        spaces.Box(np.array([-np.inf, 0], np.float32), np.array([5, np.inf], np.float32)),
        spaces.Box(-np.inf, np.inf, (2,)),
        spaces.Box(3, 3, (2,)),
        spaces.Box(-np.finfo(np.float32).max, np.finfo(np.float32).max, (2,)),
        spaces.Box(-1e300, 1e300, (2,), np.float64),
    ],
    ids=["-1 to 1", "one bound", "no bounds", "fixed", "all of float32", "more than float32"],
)
def test_nothing_is_scaled_where_there_is_nothing_to_scale(space):
    assert units(space) == ([0, 0], [1, 1])
    assert Boxed(space).plain


def test_nothing_is_scaled_unless_asked():
    assert units(UNEVEN, scaled=False) == ([0] * 3, [1] * 3)


def test_numbers_of_actions_by_hand():
    # (450 - 400) / 100, (0.25 - 0) / 1, (0 - 0.0005) / 0.0005
    u = Boxed(UNEVEN).numbers(torch.tensor([[450.0, 0.25, 0.0]]))
    torch.testing.assert_close(u, torch.tensor([[0.5, 0.25, -1.0]]))


def by_hand(kind="plain", **config):
    """A head whose u has mean (0.5, -1, 0) whatever is seen, over `UNEVEN`."""
    head = heads.head(2, UNEVEN, kind=kind, **config)
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias.copy_(torch.tensor([0.5, -1.0, 0.0]))
    return head(torch.ones(4, 2))


def test_the_density_of_an_action_by_hand():
    # mean 400 + 100 / 2 = 450 and deviation 100 e^-1; -1 and e^-1; 0.0005 and 0.0005 e^-1
    pi = by_hand(log_std_init=-1.0)
    torch.testing.assert_close(pi.mode()[0], torch.tensor([450.0, -1.0, 5e-4]))
    volume = math.log(100) + math.log(5e-4)
    # one deviation above, at, and two below the mean: -(1 + 0 + 4) / 2, and -log std - log sqrt(2 pi) for each
    action = torch.tensor([[450 + 100 / math.e, -1.0, 5e-4 - 2 * 5e-4 / math.e]]).expand(4, 3)
    expected = -2.5 + 3 - 1.5 * math.log(2 * math.pi) - volume
    assert pi.log_prob(action)[0].item() == pytest.approx(expected, abs=1e-3)
    assert pi.entropy()[0].item() == pytest.approx(1.5 * math.log(2 * math.pi * math.e) - 3 + volume, abs=1e-5)


def test_samples_and_their_densities_are_those_of_u_at_the_same_noise():
    unscaled = heads.Gaussian(torch.tensor([[0.5, -1.0, 0.0]]).expand(4, 3), torch.full((3,), -1.0))
    volume = math.log(100) + math.log(5e-4)
    u, logp = unscaled.draw(torch.Generator().manual_seed(1))
    action, found = by_hand(log_std_init=-1.0).draw(torch.Generator().manual_seed(1))
    torch.testing.assert_close(action, torch.tensor([400, 0, 5e-4]) + torch.tensor([100, 1, 5e-4]) * u)
    torch.testing.assert_close(found, logp - volume, rtol=1e-4, atol=1e-4)


CASES = {"plain": {}, "state-dependent": {"sde": True}, "mixture": {"kind": "mixture"}}


def pair(name):
    """The same weights over `UNEVEN` and over [-1, 1]."""
    made = []
    for space in (UNEVEN, spaces.Box(-1, 1, (3,))):
        torch.manual_seed(0)
        made.append(heads.head(6, space, **CASES[name]))
    return made


@pytest.mark.parametrize("name", CASES)
def test_ratios_and_gradients_are_those_of_a_head_over_minus_1_to_1(name):
    features, draws = torch.randn(50, 6, generator=torch.Generator().manual_seed(2)), []
    gradients, ratios = [], []
    for head in pair(name):
        pi = head(features)
        action = pi.sample(torch.Generator().manual_seed(1)).detach()
        logp = pi.log_prob(action)
        draws.append(head.numbers(action))
        (logp.mean() + pi.entropy().mean()).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in head.parameters()]))
        with torch.no_grad():
            for p in head.parameters():
                p.add_(0.05)
        ratios.append((head(features).log_prob(action) - logp).exp().detach())
    torch.testing.assert_close(*draws, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(*ratios, rtol=1e-3, atol=1e-4)


def test_divergences_and_natural_gradients_are_those_of_a_head_over_minus_1_to_1():
    features = torch.randn(50, 6, generator=torch.Generator().manual_seed(2))
    found = []
    for head in pair("plain"):
        before = heads.Gaussian(*(x.detach().clone() for x in head(features)))
        with torch.no_grad():
            for p in head.parameters():
                p.add_(0.05)
        pi = head(features)
        metric = pi.fisher(tuple(head.scale * x for x in (torch.ones(50, 3), torch.zeros(50, 3))))[0] * head.scale
        found.append(torch.cat([before.kl(pi).detach(), metric.detach().flatten()]))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_state_dependent_noise_has_the_units_of_the_box():
    features = torch.randn(5, 6)
    one, other = (
        head.explore(features, head.draw(5, torch.Generator().manual_seed(0))) for head in pair("state-dependent")
    )
    torch.testing.assert_close(one, other * torch.tensor([100, 1, 5e-4]))


@pytest.mark.parametrize("kind", ["plain", "mixture"])
def test_unscaled_heads_are_the_same_whatever_the_box(kind):
    outputs = []
    for space in (UNEVEN, spaces.Box(-1, 1, (3,))):
        torch.manual_seed(0)
        outputs.append(heads.head(6, space, kind=kind, scaled=False)(torch.ones(2, 6)))
    for one, other in zip(*outputs, strict=True):
        assert torch.equal(one, other)


def test_the_units_are_no_part_of_the_weights():
    assert not {"shift", "scale"} & heads.head(6, UNEVEN).state_dict().keys()
