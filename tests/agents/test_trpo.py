"""TRPO piece by piece, and on environments whose values and best actions are known."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import distributions as reference

from gymnast.agents import trpo
from gymnast.core.errors import UsageError
from gymnast.core.heads.modules import Categorical
from gymnast.core.learn.natural import conjugate_gradient, fisher, gradient
from gymnast.core.rollout.engine import Rollout
from gymnast.core.rollout.fused import FusedActor
from gymnast.envs import make
from playing import act, acting, collect, thoughts
from probes import SEED, Doors, Endless, Later, Match, Opposite, Slide

COPIES = 8


def vector(make_env, mode=AutoresetMode.SAME_STEP):
    return SyncVectorEnv([make_env] * COPIES, autoreset_mode=mode)


def started(env, **config):
    """An agent and a rollout of its environments."""
    cfg = trpo.Config(**{"horizon": 32, "hidden": (16,), "critic_minibatch": 64, **config})
    agent = trpo.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
    return agent, Rollout(env, cfg.horizon, SEED)


def learned(env, updates, **config):
    agent, rollout = started(env, **config)
    for k in range(updates):
        agent.update(collect(agent, rollout), k / updates)
    return agent


def value(agent, *obs):
    return thoughts(agent, np.array(obs, np.float32).reshape(-1, 1))["value"].tolist()


def parts(agent):
    """Copies of the parameters of the policy, encoder and all, and of the value function."""
    named = [(name, p.detach().clone()) for name, p in agent.net.named_parameters()]
    return [p for name, p in named if "value" not in name], [p for name, p in named if "value" in name]


def same(before, after):
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


# A softmax policy over 3 actions of 4 states with 2 features, in float64: large enough for differences to be exact.


def problem():
    generator = torch.Generator().manual_seed(0)
    obs, adv = (torch.randn(*size, dtype=torch.float64, generator=generator) for size in ((4, 2), (4,)))
    theta = torch.randn(6, dtype=torch.float64, generator=generator, requires_grad=True)
    return theta, {"obs": obs, "adv": adv, "action": torch.tensor([0, 1, 2, 1])}


def softmax(theta):
    """A network whose weights are `theta`."""
    return SimpleNamespace(policy=lambda obs: (Categorical((obs @ theta.view(2, 3)).log_softmax(-1)), None))


def surrogate(theta, data, old):
    return -trpo.loss(softmax(theta), data, old)[0]


def test_the_surrogate_by_hand():
    # ratios 0.9 / 0.5 and 0.1 / 0.5, advantages 2 and -1: (3.6 - 0.2) / 2
    pi = Categorical(torch.tensor([[0.9, 0.1], [0.9, 0.1]]).log())
    old = Categorical(torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log())
    data = {"obs": torch.zeros(2, 1), "action": torch.tensor([0, 1]), "adv": torch.tensor([2.0, -1.0])}
    total, logs = trpo.loss(SimpleNamespace(policy=lambda obs: (pi, None)), data, old)
    assert total.item() == pytest.approx(-1.7)
    # KL(old || new) = log(0.5 / 0.9) / 2 + log(0.5 / 0.1) / 2, not KL(new || old)
    assert logs["policy/kl"].item() == pytest.approx(0.5108, abs=1e-4)


def test_the_gradient_of_the_surrogate_is_its_finite_difference():
    theta, data = problem()
    old = softmax(theta.detach() + 0.1).policy(data["obs"])[0]
    differences = [
        (surrogate(theta + e, data, old) - surrogate(theta - e, data, old)) / 2e-6
        for e in 1e-6 * torch.eye(6, dtype=torch.float64)
    ]
    torch.testing.assert_close(gradient(surrogate(theta, data, old), [theta]), torch.stack(differences))


def test_the_natural_gradient_does_not_depend_on_the_parameterisation_but_the_plain_one_does():
    theta, data = problem()
    old = softmax(theta.detach()).policy(data["obs"])[0]
    mix = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    phi = torch.linalg.solve(mix, theta.detach()).requires_grad_()

    def directions(parameter, to_theta):
        """The plain and the natural gradient in `parameter`."""
        g = gradient(surrogate(to_theta(parameter), data, old), [parameter])
        pi, _ = softmax(to_theta(parameter)).policy(data["obs"])
        return g, conjugate_gradient(fisher(pi, [parameter]), g, 30)[0]

    def effect(parameter, to_theta, direction):
        """What moving along it does to the log-probabilities."""
        before, after = (softmax(to_theta(parameter + x * direction)).policy(data["obs"])[0] for x in (-1e-6, 1e-6))
        return ((after.logp - before.logp) / 2e-6).detach()

    plain, natural = directions(theta, lambda x: x)
    plain_mixed, natural_mixed = directions(phi, lambda x: mix @ x)
    one, other = effect(theta, lambda x: x, natural), effect(phi, lambda x: mix @ x, natural_mixed)
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    one, other = effect(theta, lambda x: x, plain), effect(phi, lambda x: mix @ x, plain_mixed)
    assert not torch.allclose(one / one.norm(), other / other.norm(), atol=0.1)


@pytest.mark.learns
@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_no_update_leaves_the_trust_region(name):
    env = make(name, 4)
    agent, rollout = started(env, horizon=128, delta=0.02)
    accepted = 0
    for k in range(15):
        batch = collect(agent, rollout)
        obs = torch.as_tensor(batch.obs[:-1]).flatten(0, 1).clone()
        old = distribution(agent, obs)
        metrics = agent.update(batch, k / 15)
        new = distribution(agent, obs)
        kl = reference.kl_divergence(old, new).mean().item()
        assert kl <= 0.02 * (1 + 1e-3)
        assert metrics["policy/kl"] == pytest.approx(kl, abs=1e-5)
        accepted += metrics["policy/step_accepted"]
    assert accepted >= 12


@torch.no_grad()
def distribution(agent, obs):
    pi, _ = agent.net.policy(obs)
    if isinstance(pi, Categorical):
        return reference.Categorical(logits=pi.logp)
    return reference.Independent(reference.Normal(pi.mean, pi.log_std.exp().clone()), 1)


def wrong_way(times, b, iterations):
    return -b, b @ b


@pytest.mark.learns
@pytest.mark.parametrize("how", ["wrong way", "too small"])
def test_a_failed_search_changes_no_bit_of_the_policy(monkeypatch, how):
    env = vector(Match)
    if how == "wrong way":
        monkeypatch.setattr(trpo, "conjugate_gradient", wrong_way)
    agent, rollout = started(env, delta=1e-2 if how == "wrong way" else 1e-30)
    policy, critic = parts(agent)
    metrics = agent.update(collect(agent, rollout), 0.0)
    assert same(policy, parts(agent)[0])
    assert not same(critic, parts(agent)[1])
    assert (metrics["policy/step_accepted"], metrics["policy/backtracks"]) == (0, 10)
    assert (metrics["policy/kl"], metrics["loss/policy"]) == (0, 0)


@pytest.mark.learns
def test_without_a_search_the_step_is_taken_unseen(monkeypatch):
    monkeypatch.setattr(trpo, "conjugate_gradient", wrong_way)
    agent, rollout = started(vector(Match), line_search_steps=0)
    policy, _ = parts(agent)
    metrics = agent.update(collect(agent, rollout), 0.0)
    assert not same(policy, parts(agent)[0])
    assert (metrics["policy/step_accepted"], metrics["policy/backtracks"]) == (1, 0)
    assert metrics["loss/policy"] > 0


@pytest.mark.learns
def test_a_short_step_has_the_divergence_it_was_made_for():
    agent, rollout = started(vector(Match), delta=1e-4, damping=1e-5, line_search_steps=0, cg_iterations=30)
    metrics = agent.update(collect(agent, rollout), 0.0)
    assert metrics["policy/kl"] == pytest.approx(1e-4, rel=0.1)
    assert metrics["loss/policy"] < 0


def test_a_vanished_gradient_moves_nothing():
    agent, rollout = started(vector(Later))  # which has one action
    policy, _ = parts(agent)
    metrics = agent.update(collect(agent, rollout), 0.0)
    assert same(policy, parts(agent)[0])
    assert np.isfinite(list(metrics.values())).all()


def test_the_encoder_of_images_moves_with_the_policy_alone(monkeypatch):
    class Picture(Opposite):
        observation_space = spaces.Box(0, 255, (8, 8, 1), np.uint8)

        def reset(self, **kwargs):
            super().reset(**kwargs)
            return np.full((8, 8, 1), 255 * self.seen, np.uint8), {}

        def step(self, action):
            _, *rest = super().step(action)
            return np.full((8, 8, 1), 255 * self.seen, np.uint8), *rest

    agent, rollout = started(vector(Picture), horizon=8, critic_epochs=1)
    encoder = [p.detach().clone() for p in agent.net.encoder.parameters()]
    agent.update(collect(agent, rollout), 0.0)
    assert not same(encoder, agent.net.encoder.parameters())
    monkeypatch.setattr(trpo, "conjugate_gradient", wrong_way)
    encoder = [p.detach().clone() for p in agent.net.encoder.parameters()]
    agent.update(collect(agent, rollout), 0.5)
    assert same(encoder, agent.net.encoder.parameters())


def test_the_fused_loop_sees_the_weights_after_an_update():
    env = make("CartPole-v1", 4)
    agent, _ = started(env)
    assert isinstance(acting(agent, 4).twin, FusedActor)
    rollout = Rollout(env, 32, SEED)
    for _ in range(3):
        batch = collect(agent, rollout)
        pi, seen = agent.net(torch.as_tensor(batch.obs[:-1]).flatten(0, 1))
        logp = pi.log_prob(torch.as_tensor(batch.action).flatten())
        np.testing.assert_allclose(batch.extras["logp"].ravel(), logp.detach(), atol=1e-5)
        np.testing.assert_allclose(batch.extras["value"].ravel(), seen.detach(), atol=1e-4)
        agent.update(batch, 0.0)


@pytest.mark.learns
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_truncated_episodes_bootstrap(mode):
    # 1 + 1/2 + 1/4 + ... = 2
    agent = learned(vector(Endless, mode), 20, gamma=0.5, critic_lr=1e-2)
    assert value(agent, 0) == pytest.approx([2], abs=0.05)


@pytest.mark.learns
def test_later_rewards_are_discounted():
    agent = learned(vector(Later), 20, gamma=0.5, critic_lr=1e-2)
    assert value(agent, 0, 1) == pytest.approx([0.5, 1], abs=0.05)


@pytest.mark.learns
@pytest.mark.parametrize("config", [{}, {"line_search_steps": 0, "damping": 0.1}, {"fisher_fraction": 0.25}], ids=str)
def test_the_policy_depends_on_what_is_seen(config):
    agent = learned(vector(Opposite), 30, **{"damping": 1e-3, "delta": 0.05} | config)
    seen = np.array([0, 1])
    assert act(agent, seen, "best")["action"].tolist() == [1, 0]
    assert (thoughts(agent, seen)["action probability"].max(-1) > 0.9).all()


@pytest.mark.learns
@pytest.mark.parametrize("kind", ["multidiscrete", "multibinary"])
def test_it_matches_several_choices_at_once(kind):
    agent = learned(vector(partial(Match, kind)), 50, gamma=0.0, damping=1e-3, delta=0.03, lam=0.0)
    nvec = [3, 2] if kind == "multidiscrete" else [2, 2, 2]
    every = np.stack(np.meshgrid(*map(np.arange, nvec)), -1).reshape(-1, len(nvec))
    every = every.astype(Match.SPACES[kind].dtype)
    assert act(agent, every, "best")["action"].tolist() == every.tolist()


@pytest.mark.learns
@pytest.mark.parametrize(("sde", "log_std_init"), [(False, -0.5), (True, -2.2)])
def test_it_pushes_a_mass_to_the_origin(sde, log_std_init):
    agent = learned(
        vector(Slide), 30, horizon=64, gamma=0.5, delta=0.05, damping=1e-2,
        critic_lr=1e-2, sde=sde, sde_freq=4, log_std_init=log_std_init,
    )  # fmt: skip
    action = act(agent, np.array([[-0.8], [0.8]], np.float32), "best")["action"]
    # the best action is -2x
    assert action.ravel().tolist() == pytest.approx([1.6, -1.6], abs=0.5)


@pytest.mark.learns
def test_masked_actions_are_never_chosen_and_the_rest_is_learned():
    env = vector(partial(Doors, observed=True))
    agent, rollout = started(env, gamma=0.0, damping=1e-3, delta=0.05)
    rewards = []
    for k in range(30):
        batch = collect(agent, rollout)
        assert np.isfinite(list(agent.update(batch, k / 30).values())).all()
        rewards.append(batch.reward.mean())
    assert rewards[-1] > 0.9 > rewards[0]


@pytest.mark.parametrize("field", [{"delta": 0.0}, {"damping": -0.1}, {"fisher_fraction": 1.5}, {"backtrack": 2.0}])
def test_values_that_make_no_sense_are_refused(field):
    with pytest.raises(UsageError, match=next(iter(field))):
        trpo.Config(**field)
