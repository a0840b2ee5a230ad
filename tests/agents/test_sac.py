import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import sac
from gymnast.core.checkpoint import restore, state
from gymnast.core.errors import UsageError
from gymnast.core.heads.squashed import Squashed
from gymnast.core.nets import BoxPolicy, Critics, Policy
from gymnast.core.rollout.engine import Rollout
from gymnast.runners.runs.run import preset
from playing import act, acting, collect, gradient_step
from probes import SEED, Slide

OBS = spaces.Box(-1, 1, (3,), np.float32)
UNEVEN = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
SMALL = {"hidden": (16,), "critic_hidden": (16,), "minibatch": 32, "learning_starts": 64}


def made(action=UNEVEN, **options):
    return sac.Agent(OBS, action, sac.Config(**{**SMALL, **options}), seed=SEED)


def minibatch(action=UNEVEN, size=6):
    random = torch.Generator().manual_seed(1)
    share = torch.rand(size, *action.shape, generator=random)
    low, high = torch.as_tensor(action.low), torch.as_tensor(action.high)
    return {
        "obs": torch.randn(size, 3, generator=random),
        "next_obs": torch.randn(size, 3, generator=random),
        "action": low + share * (high - low),
        "reward": torch.randn(size, generator=random),
        "discount": torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99])[:size],
        "weights": torch.ones(size),
    }


def unit_logp(pi, action, scale):
    """Log-density in the box [-1, 1], by change of variables."""
    return pi.log_prob(action) + scale.log().sum()


def test_targets_by_hand():
    """r + gamma^k (min Q - alpha log pi), and the reward alone after a termination."""
    agent, mb, alpha = made(critics=3), minibatch(), torch.tensor([0.3])
    found = sac.targets(agent.net, agent.slow, mb, agent.cfg, alpha, torch.Generator().manual_seed(5))
    with torch.no_grad():
        pi = agent.net(mb["next_obs"])
        action, _ = pi.draw(torch.Generator().manual_seed(5))
        logp = unit_logp(pi, action, agent.critics.scale)
        q = agent.slow(mb["next_obs"], action).squeeze(-1).amin(0)
    expected = mb["reward"] + mb["discount"] * (q - 0.3 * logp)
    torch.testing.assert_close(found.squeeze(-1), expected, atol=1e-4, rtol=1e-4)
    assert found[1].item() == pytest.approx(mb["reward"][1].item())


def test_targets_of_quantiles_leave_out_the_largest():
    agent, mb = made(critics=2, quantiles=5, drop=2), minibatch()
    found = sac.targets(agent.net, agent.slow, mb, agent.cfg, torch.zeros(1), torch.Generator().manual_seed(5))
    with torch.no_grad():
        action, _ = agent.net(mb["next_obs"]).draw(torch.Generator().manual_seed(5))
        kept = agent.slow(mb["next_obs"], action).transpose(0, 1).flatten(1).sort(-1).values[:, :6]
    torch.testing.assert_close(found, mb["reward"][:, None] + mb["discount"][:, None] * kept)


@pytest.mark.parametrize("reduce", ["min", "mean"])
def test_the_policys_gradient_is_that_of_finite_differences(reduce):
    agent = made(reduce=reduce)
    net, critics, obs = agent.net.double(), agent.critics.double(), minibatch()["obs"].double()

    def loss():
        return sac.policy_loss(net, critics, obs, agent.cfg, torch.tensor([0.2]), torch.Generator().manual_seed(3))[0]

    net.zero_grad()
    loss().backward()
    for parameter in net.parameters():
        flat, slope = parameter.data.view(-1), parameter.grad.view(-1)
        for i in (0, len(flat) // 2, len(flat) - 1):
            before, step, ends = flat[i].item(), 1e-6, []
            for sign in (1, -1):
                flat[i] = before + sign * step
                ends.append(loss().item())
            flat[i] = before
            assert slope[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-7)


class Known(torch.nn.Module):
    """Critics of a single state whose worth of an action is `alpha` times a log-density in the box [-1, 1]."""

    def __init__(self, density, scale, alpha):
        super().__init__()
        self.density, self.scale, self.alpha = density, scale, alpha

    def forward(self, obs, action):
        count = len(action)
        same = Squashed(*(x.expand(count, -1) for x in self.density[:2]), *self.density[2:])
        return self.alpha * unit_logp(same, action, self.scale).view(1, count, 1)


def test_the_policy_becomes_the_soft_optimal_one():
    """pi(a) = exp(Q(a) / alpha) / Z (Haarnoja et al. 2018, equation 4): here a squashed Gaussian that is known."""
    agent, alpha = made(), torch.tensor([0.5])
    shift, scale = agent.critics.shift, agent.critics.scale
    best = Squashed(torch.tensor([[0.6, -0.3]]), torch.tensor([[-0.7, -0.2]]), shift, scale)
    critics, obs = Known(best, scale, 0.5), torch.ones(128, 3)
    for k in range(400):
        total, _ = sac.policy_loss(agent.net, critics, obs, agent.cfg, alpha, agent.generator)
        agent.optimizer.step(total, 1e-2 * (1 - k / 400))
    with torch.no_grad():
        pi = agent.net(obs[:1])
    torch.testing.assert_close(pi.mean, best.mean, atol=0.1, rtol=0)
    torch.testing.assert_close(pi.log_std, best.log_std, atol=0.1, rtol=0)


def test_the_temperature_holds_the_entropy_at_its_target():
    """Where actions near one point are worth more, a policy without it would end there."""
    agent = made(target_entropy=0.3, lr=5e-3)
    point = torch.tensor([[0.2, 0.0]]), torch.tensor([[-1.5, -1.5]])
    agent.critics = Known(Squashed(*point, agent.critics.shift, agent.critics.scale), agent.critics.scale, 1.0)
    entropies = [agent._improve(torch.ones(64, 3), agent._alpha(), 1.0)[1].item() for _ in range(800)]
    assert np.mean(entropies[-200:]) == pytest.approx(0.3, abs=0.1)


def test_a_fixed_temperature_stays():
    agent = made(alpha=0.2)
    agent._improve(torch.ones(64, 3), agent._alpha(), 1.0)
    assert agent._alpha().item() == pytest.approx(0.2)


def test_the_target_is_minus_one_nat_for_each_dimension():
    assert made().target_entropy == -2
    assert made(spaces.Box(-1, 1, (2, 3), np.float32)).target_entropy == -6
    assert made(target_entropy=-0.5).target_entropy == -0.5


def test_the_actor_leaves_the_critics_as_they_are():
    agent = made()
    before = [p.detach().clone() for p in agent.critics.parameters()]
    grads = [p.grad.clone() for p in agent.critics.parameters()]
    agent._improve(minibatch()["obs"], agent._alpha(), 1.0)
    assert all(torch.equal(p, q) for p, q in zip(agent.critics.parameters(), before, strict=True))
    assert all(torch.equal(p.grad, g) for p, g in zip(agent.critics.parameters(), grads, strict=True))
    assert all(p.requires_grad for p in agent.critics.parameters())


def slides(copies=4):
    return SyncVectorEnv([Slide] * copies, autoreset_mode=AutoresetMode.SAME_STEP)


def trained(steps, **options):
    env = slides()
    space = env.single_observation_space, env.single_action_space
    agent = sac.Agent(*space, sac.Config(**{**SMALL, "horizon": 2, **options}), seed=SEED)
    rollout = Rollout(env, agent.horizon, SEED)
    taken, metrics = 0, {}
    while taken < steps:
        batch = collect(agent, rollout)
        metrics |= agent.update(batch, taken / steps)
        taken += batch.steps
    return agent, metrics


def test_the_slow_critics_take_over_a_share_after_each_gradient_step():
    agent, _ = trained(64)
    for _ in range(3):
        before, slow = agent.critic_optimizer.flat.detach().clone(), agent._slow.clone()
        gradient_step(agent)
        after = agent.critic_optimizer.flat.detach()
        assert not torch.equal(before, after)
        torch.testing.assert_close(agent._slow, slow + 0.005 * (after - slow))
    theirs = torch.cat([p.flatten() for p in agent.slow.parameters()])
    assert torch.equal(theirs, agent._slow)


@pytest.mark.parametrize("delay", [1, 3])
def test_the_policy_moves_every_so_many_gradient_steps(delay):
    agent, _ = trained(64, policy_delay=delay)
    moved = []
    for _ in range(6):
        before = agent.optimizer.flat.detach().clone()
        gradient_step(agent)
        moved.append(not torch.equal(before, agent.optimizer.flat.detach()))
    assert moved == [(agent.pace.updates - 5 + k) % delay == 0 for k in range(6)]


def test_the_first_actions_are_uniform_in_the_box_and_the_later_ones_the_policys():
    agent = made(learning_starts=10)
    obs = np.zeros((4000, 3), np.float32)
    drawn = act(agent, obs)["action"]
    assert (drawn >= UNEVEN.low).all()
    assert (drawn <= UNEVEN.high).all()
    np.testing.assert_allclose(drawn.mean(0), [1.0, 0.25], rtol=0.1)
    np.testing.assert_allclose(drawn.std(0), np.array([4, 0.5]) / math.sqrt(12), rtol=0.05)
    agent.pace.steps = 10
    assert not np.allclose(act(agent, obs)["action"].std(0), drawn.std(0), rtol=0.02)


def test_state_dependent_noise_is_one_function_of_the_state_for_several_steps():
    agent, obs = made(sde=True, sde_freq=2, learning_starts=0), np.ones((5, 3), np.float32)
    acts, none = agent.acting(5), np.zeros(5, np.bool_)
    one, two, three = (acts(obs, none)["action"] for _ in range(3))
    np.testing.assert_array_equal(one, two)
    assert (two != three).all()
    assert len(np.unique(one)) == one.size, "each environment has a function of its own"


@pytest.mark.parametrize("options", [{"noise_color": "pink"}, {"sde": True}])
def test_correlated_noise_changes_no_best_action_and_has_no_jitted_loop(options):
    agent, obs = made(learning_starts=0, **options), np.ones((5, 3), np.float32)
    assert acting(agent, 5).twin is None
    assert made(learning_starts=0).acting(5).twin is not None
    drawn, best = act(agent, obs)["action"], act(agent, obs, "best")["action"]
    np.testing.assert_array_equal(best, np.broadcast_to(best[:1], best.shape))
    assert (drawn != best).any()


def test_coloured_noise_is_that_of_the_policys_deviation():
    agent, obs = made(noise_color="red", learning_starts=0), np.zeros((20_000, 3), np.float32)
    one, two = (act(agent, obs)["action"] for _ in range(2))
    with torch.no_grad():
        pi = agent.net(torch.zeros(1, 3))
    u, v = (np.arctanh((x - pi.shift.numpy()) / pi.scale.numpy()) - pi.mean.numpy() for x in (one, two))
    np.testing.assert_allclose(u.std(0), pi.log_std.exp().numpy()[0], rtol=0.03)
    np.testing.assert_allclose((u * v).mean(0) / (u.std(0) * v.std(0)), 0.85, atol=0.02)


def test_two_kinds_of_noise_at_once_are_refused():
    with pytest.raises(UsageError, match="leave noise_color"):
        made(sde=True, noise_color="pink")


def test_a_network_without_state_dependent_noise_is_refused_where_it_is_asked_for():
    with pytest.raises(UsageError, match=r"without .*explored.*StateNoisePolicy"):
        sac.Agent(OBS, UNEVEN, sac.Config(sde=True, **SMALL), net=BoxPolicy)


def test_a_clone_acts_from_the_first_step_on():
    agent, other = made(), made()
    torch.nn.init.normal_(other.net.policy_head.linear.weight)
    agent.adopt(other.net.state_dict())
    obs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(*(act(one, obs, "best")["action"] for one in (agent, other)))
    assert not agent.waits
    with pytest.raises(UsageError, match="another network"):
        agent.adopt(made(hidden=(8,)).net.state_dict())


def test_only_the_critics_learn_at_first_where_that_is_asked_for():
    agent, _ = trained(64, value_warmup=10**6)
    before = agent.optimizer.flat.detach().clone()
    critics = agent.critic_optimizer.flat.detach().clone()
    gradient_step(agent)
    assert torch.equal(before, agent.optimizer.flat.detach())
    assert not torch.equal(critics, agent.critic_optimizer.flat.detach())


def test_what_began_with_a_clone_goes_on_without_random_actions():
    agent, again = made(), made()
    agent.adopt(agent.net.state_dict())
    restore({"own": again.parts()["own"]}, state({"own": agent.parts()["own"]}))
    assert again.pace.waits
    assert not again.waits


@pytest.mark.learns
@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"alpha": 0.05, "lr_schedule": "linear"}, 4500),
        (
            {
                "alpha": 0.01,
                "critics": 3,
                "subset": 2,
                "reduce": "mean",
                "quantiles": 3,
                "drop": 1,
                "critic_norm": "layer",
            },
            3000,
        ),
    ],
    ids=str,
)
def test_it_pushes_a_mass_to_the_origin(options, steps):
    """The best action at x is -2x; episodes end by truncation alone, which must bootstrap."""
    sizes = {"hidden": (32,), "critic_hidden": (32,)}
    agent, _ = trained(steps, lr=3e-3, critic_lr=3e-3, replay_ratio=0.5, gamma=0.8, **sizes, **options)
    x = np.linspace(-0.9, 0.9, 19, dtype=np.float32)[:, None]
    chosen = act(agent, x, "best")["action"]
    assert np.abs(x + chosen / 2).mean() < 0.15  # 0.47 if it stays where it is


@pytest.mark.learns
def test_residual_blocks_push_a_mass_to_the_origin():
    given = asdict(preset("sac", "Pendulum-v1", "simba").agent)
    quick = {"horizon": 2, "replay_ratio": 0.5, "policy_delay": 1, "gamma": 0.8, "alpha": 0.01}
    sizes = {"hidden": (16,), "critic_hidden": (16,), "lr": 3e-3, "critic_lr": 3e-3}
    agent, _ = trained(2000, **{**given, **SMALL, **quick, **sizes})
    x = np.linspace(-0.9, 0.9, 19, dtype=np.float32)[:, None]
    assert np.abs(x + act(agent, x, "best")["action"] / 2).mean() < 0.15  # 0.47 if it stays where it is


def test_its_networks_are_those_that_the_config_describes():
    agent = made(critics=5, critic_hidden=(7, 9), quantiles=3)
    assert isinstance(agent.net, Policy)
    assert isinstance(agent.critics, Critics)
    assert [tuple(p.shape) for p in agent.critics.parameters()][-2:] == [(5, 3, 9), (5, 1, 3)]
