import math

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.agents import discrete_sac
from gymnast.agents.discrete_sac import Agent, Config, backed_up, critic_loss, policy_loss
from gymnast.core.errors import UsageError
from gymnast.core.heads import Categorical
from gymnast.core.rollout.engine import Rollout
from gymnast.core.spaces.layout import Layout
from playing import act, collect, thoughts
from probes import SEED, Doors, Later

OBS, ACTIONS = spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(4)
MASKED = spaces.Dict(action_mask=spaces.MultiBinary(4), doors=OBS)
SMALL = {"hidden": (16,), "critic_hidden": (16,), "minibatch": 32, "learning_starts": 64}


def masked(mask, count):
    """Stored observations of one mask."""
    layout = Layout(MASKED)
    rows, seen = layout.empty(count), np.zeros((count, 3), np.float32)
    layout.write(rows, {"action_mask": np.tile(np.array(mask, np.int8), (count, 1)), "doors": seen})
    return rows


def made(obs=OBS, **options):
    return Agent(obs, ACTIONS, Config(**{**SMALL, **options}), seed=SEED)


def minibatch(size=6):
    random = torch.Generator().manual_seed(1)
    return {
        "obs": torch.randn(size, 3, generator=random),
        "next_obs": torch.randn(size, 3, generator=random),
        "action": torch.arange(size) % 4,
        "reward": torch.randn(size, generator=random),
        "discount": torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99])[:size],
        "weights": torch.linspace(0.5, 1, size),
    }


def test_targets_are_the_sums_over_all_actions():
    """r + gamma^k sum_a pi(a) (min Q(a) - alpha log pi(a)), and the reward alone after a termination."""
    mb, alpha, cfg = minibatch(), torch.tensor([0.3]), Config(critics=3)
    random = torch.Generator().manual_seed(2)
    following, pi = torch.randn(3, 6, 4, generator=random), torch.rand(6, 4, generator=random)
    pi = pi / pi.sum(-1, keepdim=True)
    found = backed_up(following, Categorical(pi.log()), mb, cfg, alpha, random)
    for b in range(6):
        value = sum(
            p * (min(float(following[c, b, a]) for c in range(3)) - 0.3 * math.log(p))
            for a, p in enumerate(pi[b].tolist())
        )
        expected = float(mb["reward"][b]) + float(mb["discount"][b]) * value
        assert found[b].item() == pytest.approx(expected, abs=1e-5)
    assert found[1].item() == mb["reward"][1].item()


def test_the_critics_regress_on_them_at_the_action_that_was_taken():
    agent, mb, alpha = made(critics=3), minibatch(), torch.tensor([0.2])
    total, value, error = critic_loss(agent.net, agent.critics, agent.slow, mb, agent.cfg, alpha, agent.generator)
    with torch.no_grad():
        q, pi = agent.critics(mb["obs"]), agent.net(mb["next_obs"])
        target = backed_up(agent.slow(mb["next_obs"]), pi, mb, agent.cfg, alpha, agent.generator)[:, 0]
    chosen = torch.stack([q[:, b, a] for b, a in enumerate(mb["action"].tolist())], 1)
    torch.testing.assert_close(total.detach(), (mb["weights"] * (chosen - target).square() / 2).mean(1).sum())
    torch.testing.assert_close(value, chosen.mean())
    torch.testing.assert_close(error, (chosen - target).abs().mean(0))


def test_a_subset_of_the_critics_makes_the_target():
    mb, alpha, pi = minibatch(), torch.zeros(1), Categorical(torch.full((6, 4), 0.25).log())
    following = torch.arange(3.0).view(3, 1, 1).expand(3, 6, 4)
    generator = torch.Generator().manual_seed(0)
    drawn = [backed_up(following, pi, mb, Config(critics=3, subset=2), alpha, generator) for _ in range(60)]
    least = {round(float((x[0, 0] - mb["reward"][0]) / mb["discount"][0])) for x in drawn}
    assert least == {0, 1}


class Known(torch.nn.Module):
    """Critics of a single state that give the rewards of a bandit."""

    def __init__(self, reward):
        super().__init__()
        self.reward = reward

    def forward(self, obs):
        return self.reward.expand(2, len(obs), -1)


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_the_policy_becomes_the_soft_optimal_one(alpha):
    """pi(a) = exp(r(a) / alpha) / Z, exactly."""
    agent, reward, obs = made(), torch.tensor([0.5, -0.2, 0.0, 0.9]), torch.ones(2, 3)
    for k in range(300):
        total, _ = policy_loss(agent.net, Known(reward), obs, agent.cfg, torch.tensor([alpha]))
        agent.optimizer.step(total, 2e-2 * (1 - k / 300))
    torch.testing.assert_close(agent.net(obs[:1]).logp.exp()[0], (reward / alpha).softmax(-1), atol=2e-3, rtol=0)


@pytest.mark.parametrize("reduce", ["min", "mean"])
def test_the_policys_gradient_is_that_of_finite_differences(reduce):
    agent, obs = made(reduce=reduce), minibatch()["obs"].double()
    net, critics = agent.net.double(), agent.critics.double()

    def loss():
        return policy_loss(net, critics, obs, agent.cfg, torch.tensor([0.2]))[0]

    net.zero_grad()
    loss().backward()
    for parameter in net.parameters():
        flat, slope = parameter.data.view(-1), parameter.grad.view(-1)
        before, ends = flat[0].item(), []
        for sign in (1, -1):
            flat[0] = before + sign * 1e-6
            ends.append(loss().item())
        flat[0] = before
        assert slope[0].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("mask", [(1, 1, 1, 1), (1, 0, 1, 1)])
def test_the_temperature_holds_the_entropy_at_its_share_of_what_the_mask_allows(mask):
    agent = made(MASKED, target_entropy=0.5, lr=5e-3)
    agent.critics = Known(torch.tensor([3.0, 9.0, 0.0, 0.0]))
    obs = torch.as_tensor(masked(mask, 8))
    entropies = [agent._improve(obs, agent._alpha(), 1.0)[1].item() for _ in range(800)]
    assert np.mean(entropies[-200:]) == pytest.approx(0.5 * math.log(sum(mask)), abs=0.05)


def test_a_fixed_temperature_stays():
    agent = made(alpha=0.2)
    agent._improve(torch.ones(8, 3), agent._alpha(), 1.0)
    assert agent._alpha().item() == pytest.approx(0.2)


def test_the_actor_leaves_the_critics_as_they_are():
    agent = made()
    before = agent.critic_optimizer.flat.detach().clone()
    agent._improve(minibatch()["obs"], agent._alpha(), 1.0)
    assert torch.equal(agent.critic_optimizer.flat.detach(), before)
    assert not agent.critic_optimizer.flat.grad.any()


def test_masked_actions_are_neither_tried_nor_counted():
    agent = made(MASKED, learning_starts=500)
    obs = masked((1, 0, 1, 1), 2000)
    for steps in (0, 500):  # at random, then by the policy
        agent.pace.steps = steps
        assert set(act(agent, obs)["action"].tolist()) == {0, 2, 3}
    mb = minibatch() | {"obs": torch.as_tensor(obs[:6]), "next_obs": torch.as_tensor(obs[:6])}
    total, *_ = critic_loss(agent.net, agent.critics, agent.slow, mb, agent.cfg, torch.tensor([2.0]), agent.generator)
    loss, _ = policy_loss(agent.net, agent.critics, mb["obs"], agent.cfg, torch.tensor([2.0]))
    for each in (total, loss):
        each.backward()
    assert all(p.grad.isfinite().all() for net in (agent.net, agent.critics) for p in net.parameters())
    assert (thoughts(agent, obs[:3])["action probability"][:, 1] == 0).all()


def test_the_first_actions_are_evenly_random():
    counts = np.bincount(act(made(), np.zeros((4000, 3), np.float32))["action"], minlength=4)
    assert (np.abs(counts - 1000) < 150).all()  # five deviations


def test_a_box_is_refused():
    with pytest.raises(UsageError, match="need a Discrete action space, not Box"):
        Agent(OBS, spaces.Box(-1, 1), Config())


def trained(env, steps, **options):
    env = SyncVectorEnv([env] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    space = env.single_observation_space, env.single_action_space
    sizes = {
        "hidden": (32,),
        "critic_hidden": (32,),
        "minibatch": 32,
        "learning_starts": 200,
        "horizon": 8,
        "replay_ratio": 0.5,
    }
    rates = {"lr": 3e-3, "critic_lr": 3e-3, "tau": 0.02}
    agent = discrete_sac.Agent(*space, Config(**{**sizes, **rates, **options}), seed=SEED)
    rollout, taken = Rollout(env, agent.horizon, SEED), 0
    while taken < steps:
        batch = collect(agent, rollout)
        agent.update(batch, taken / steps)
        taken += batch.steps
    return agent


@pytest.mark.learns
def test_values_are_discounted():
    agent = trained(Later, 1200, gamma=0.5, alpha=0.0)
    value = thoughts(agent, np.array([[0], [1]], np.float32))["value"]
    np.testing.assert_allclose(value, [0.5, 1.0], atol=0.1)


@pytest.mark.learns
def test_it_opens_the_last_open_door():
    agent = trained(lambda: Doors(observed=True), 1600, gamma=0.0)
    masks = np.array([[bit == "1" for bit in f"{n:04b}"] for n in range(1, 16)], np.float32)
    layout = Layout(Doors(observed=True).observation_space)
    rows = layout.empty(15)
    layout.write(rows, {"action_mask": masks.astype(np.int8), "doors": masks})
    chosen = act(agent, rows, "best")["action"]
    assert chosen.tolist() == [int(np.flatnonzero(mask)[-1]) for mask in masks]
