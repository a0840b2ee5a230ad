"""PPO by hand, piece by piece."""

from math import exp, log

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from small_ppo import COPIES, started, vector

from gymnast.agents import ppo
from gymnast.core.heads.modules import Categorical
from gymnast.core.rollout.engine import Rollout
from playing import act, collect, thoughts
from probes import SEED, Later, Match, One, Seen, Slide


class Fixed(torch.nn.Module):
    """A policy and values that do not depend on what is seen."""

    def __init__(self, logp, value):
        super().__init__()
        self.logp, self.fixed = torch.tensor(logp), torch.tensor(value)

    def forward(self, obs):
        return Categorical(self.logp), self.fixed


def minibatch(**replaced):
    """Two steps with action 0, whose policy gave it 1/2; their advantages are 2 and -1, their returns 1 and 3."""
    columns = {"logp": [log(0.5)] * 2, "value": [0.0, 0.0], "adv": [2.0, -1.0], "ret": [1.0, 3.0]} | replaced
    mb = {name: torch.tensor(x) for name, x in columns.items()}
    return mb | {"obs": torch.zeros(2, 1), "action": torch.zeros(2, dtype=torch.int64)}


HALVES, NINE_TENTHS = [[log(0.5)] * 2] * 2, [[log(0.9), log(0.1)]] * 2
RAW = ppo.Config(normalize_advantage=False)


def test_the_loss_by_hand():
    # ratio = 0.9 / 0.5 = 1.8, clipped 1.2
    # surrogate: min(1.8 x 2, 1.2 x 2) = 2.4 and min(1.8 x -1, 1.2 x -1) = -1.8, mean 0.3
    # value error: (2 - 1)^2 = 1 and (2 - 3)^2 = 1, mean 1;   entropy: -0.9 ln 0.9 - 0.1 ln 0.1 = 0.325083
    cfg = ppo.Config(normalize_advantage=False, value_coef=0.5, entropy_coef=0.01)
    total, logs = ppo.loss(Fixed(NINE_TENTHS, [2.0, 2.0]), minibatch(), cfg)
    assert logs["loss/policy"].item() == pytest.approx(-0.3)
    assert logs["loss/value"].item() == pytest.approx(1.0)
    assert logs["policy/entropy"].item() == pytest.approx(0.325083)
    # kl: ratio - 1 - log ratio = 0.8 - ln 1.8 = 0.212213
    assert logs["policy/kl"].item() == pytest.approx(0.212213, abs=1e-5)
    assert logs["policy/clipped"].item() == 1
    assert total.item() == pytest.approx(-0.3 + 0.5 * 1.0 - 0.01 * 0.325083)


def test_the_clip_lets_bad_news_through_and_holds_good_news_back():
    # ratio 0.2 / 0.5 = 0.4: min(0.4 x 2, 0.8 x 2) = 0.8 and min(0.4 x -1, 0.8 x -1) = -0.8
    _, logs = ppo.loss(Fixed([[log(0.2), log(0.8)]] * 2, [0.0, 0.0]), minibatch(), RAW)
    assert logs["loss/policy"].item() == pytest.approx(0.0, abs=1e-6)


def test_advantages_are_normalised_within_the_minibatch():
    # (2, -1): mean 0.5, standard deviation (with n - 1) 1.5 sqrt(2), so 1 / sqrt(2) and -1 / sqrt(2).
    # ratio 1.8 as above: min(1.8, 1.2) / sqrt(2) and -1.8 / sqrt(2), mean -0.3 / sqrt(2)
    _, logs = ppo.loss(Fixed(NINE_TENTHS, [0.0, 0.0]), minibatch(), ppo.Config())
    assert logs["loss/policy"].item() == pytest.approx(0.3 / 2**0.5, rel=1e-5)


def test_a_single_advantage_is_not_normalised():
    mb = {name: x[:1] for name, x in minibatch().items()}
    _, logs = ppo.loss(Fixed(HALVES[:1], [0.0]), mb, ppo.Config())
    assert logs["loss/policy"].item() == pytest.approx(-2)


def test_a_clipped_value_counts_with_the_larger_of_both_errors():
    # V was 0 and is 2, near = 0.5: max((2 - 1)^2, (0.5 - 1)^2) = 1 and max((2 - 3)^2, (0.5 - 3)^2) = 6.25
    cfg = ppo.Config(value_clip=0.5)
    _, logs = ppo.loss(Fixed(HALVES, [2.0, 2.0]), minibatch(), cfg)
    assert logs["loss/value"].item() == pytest.approx((1 + 6.25) / 2)


def test_nothing_is_clipped_in_the_first_gradient_step():
    agent, rollout = started(Match, epochs=1, minibatch=10_000, normalize_obs=True)
    for _ in range(3):
        batch = collect(agent, rollout)
        with torch.no_grad():
            pi, _ = agent.net(torch.as_tensor(batch.obs[:-1]).flatten(0, 1))
            logp = pi.log_prob(torch.as_tensor(batch.action).flatten())
        assert np.abs(np.exp(logp.numpy() - batch.extras["logp"].ravel()) - 1).max() < 1e-6
        metrics = agent.update(batch, 0.0)
        assert metrics["policy/clipped"] == 0
        assert metrics["policy/kl"] == pytest.approx(0, abs=1e-6)


def gradient_steps(agent):
    return int(agent.optimizer.state()["step"])


def test_every_epoch_visits_every_step():
    agent, rollout = started(Match, epochs=3, minibatch=100)
    agent.update(collect(agent, rollout), 0.0)
    # 32 x 8 = 256 steps are minibatches of 100, 100 and 56
    assert gradient_steps(agent) == 9


@pytest.mark.learns
def test_a_target_kl_stops_the_epochs_early():
    patient, rollout = started(Match, epochs=50, lr=0.01)
    patient.update(collect(patient, rollout), 0.0)
    hasty, rollout = started(Match, epochs=50, lr=0.01, target_kl=0.005)
    metrics = hasty.update(collect(hasty, rollout), 0.0)
    assert gradient_steps(patient) == 200
    assert 0 < gradient_steps(hasty) < 50
    assert metrics["policy/kl"] < 1.5 * 0.005


@pytest.mark.parametrize(("schedule", "expected"), [("constant", [0.01, 0.01, 0.01]), ("linear", [0.01, 0.0075, 0.0])])
def test_the_step_size_follows_its_schedule(schedule, expected):
    agent, rollout = started(Match, lr=0.01, lr_schedule=schedule, epochs=1)
    rates = [agent.update(collect(agent, rollout), progress)["policy/lr"] for progress in (0.0, 0.25, 1.0)]
    assert rates == pytest.approx(expected)


def test_a_step_size_of_zero_learns_nothing():
    agent, rollout = started(Match, lr_schedule="linear")
    before = agent.optimizer.flat.clone()
    agent.update(collect(agent, rollout), 1.0)
    assert torch.equal(agent.optimizer.flat, before)


@pytest.mark.parametrize(("schedule", "expected"), [("constant", [0.2, 0.2]), ("linear", [0.2, 0.05])])
def test_the_clip_range_follows_its_schedule(monkeypatch, schedule, expected):
    seen = []
    original = ppo.loss
    monkeypatch.setattr(ppo, "loss", lambda net, mb, cfg: seen.append(cfg.clip) or original(net, mb, cfg))
    agent, rollout = started(Match, clip_schedule=schedule, epochs=1, minibatch=10_000)
    for progress in (0.0, 0.75):
        agent.update(collect(agent, rollout), progress)
    assert seen == pytest.approx(expected)


def targets_of_each_epoch(monkeypatch, **config):
    """The value targets that each of three epochs over one minibatch learns from."""
    seen = []
    original = ppo.loss
    monkeypatch.setattr(ppo, "loss", lambda net, mb, cfg: seen.append(mb["ret"].clone()) or original(net, mb, cfg))
    agent, rollout = started(Later, epochs=3, minibatch=10_000, lr=0.01, **config)
    agent.update(collect(agent, rollout), 0.0)
    return seen


def test_advantages_are_recomputed_after_the_first_epoch_if_asked_to(monkeypatch):
    first, second, third = targets_of_each_epoch(monkeypatch, recompute_advantage=True)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_advantages_are_computed_once_otherwise(monkeypatch):
    first, second, third = targets_of_each_epoch(monkeypatch)
    assert torch.equal(first, second)
    assert torch.equal(second, third)


def test_recomputing_with_an_unchanged_network_changes_nothing(monkeypatch):
    seen = []
    original = ppo.loss
    monkeypatch.setattr(ppo, "loss", lambda net, mb, cfg: seen.append(mb["adv"].clone()) or original(net, mb, cfg))
    agent, rollout = started(Later, epochs=2, minibatch=10_000, lr=0.0, recompute_advantage=True)
    agent.update(collect(agent, rollout), 0.0)
    torch.testing.assert_close(seen[0], seen[1])


@pytest.mark.learns
def test_reward_sign_learns_from_the_sign_and_reports_the_reward():
    class Rich(One):
        def step(self, action):
            obs, reward, *rest = super().step(action)
            return obs, 50 * reward, *rest

    agent, rollout = started(Rich, reward_sign=True, epochs=1, gamma=0.0, lam=0.0)
    batch = collect(agent, rollout)
    # every target is the sign, 1: value errors of an untrained V = 0 (nothing is seen) are 1, not 2500
    assert agent.update(batch, 0.0)["loss/value"] == pytest.approx(1, abs=0.2)
    assert set(batch.episodes.returns.tolist()) == {50}


def test_steps_that_never_happened_are_not_learned_from(monkeypatch):
    sizes = []
    original = ppo.loss
    monkeypatch.setattr(ppo, "loss", lambda net, mb, cfg: sizes.append(len(mb["adv"])) or original(net, mb, cfg))
    env = vector(One, 2, AutoresetMode.NEXT_STEP)
    cfg = ppo.Config(epochs=1, minibatch=10_000, normalize_return=True, normalize_obs=True)
    agent = ppo.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
    agent.update(collect(agent, Rollout(env, 10), limit=9), 0.0)
    # episodes of one step: every other step only resets
    assert sizes == [9]
    assert agent.net.encoder.standardizers["obs"].count == 9
    assert agent.actor.rewards.scale.count == 9


def test_state_dependent_noise_is_kept_for_its_number_of_steps():
    agent, _ = started(Slide, sde=True, sde_freq=3)
    obs = np.full((COPIES, 1), 0.5, np.float32)
    actions = [act(agent, obs)["action"].ravel().tolist() for _ in range(9)]
    assert actions[0] == actions[1] == actions[2] != actions[3] == actions[4] == actions[5] != actions[6]


def test_state_dependent_noise_is_drawn_anew_after_an_update():
    agent, rollout = started(Slide, sde=True, lr=0.0)
    obs = np.full((COPIES, 1), 0.5, np.float32)
    before = act(agent, obs)["action"].tolist()
    assert act(agent, obs)["action"].tolist() == before
    agent.update(collect(agent, rollout), 0.0)
    assert act(agent, obs)["action"].tolist() != before


def test_state_dependent_noise_fits_any_number_of_environments():
    agent, _ = started(Slide, sde=True)
    for count in (COPIES, 1, 32, COPIES):
        assert act(agent, np.zeros((count, 1), np.float32))["action"].shape == (count, 1)


@pytest.mark.learns
def test_the_likelihood_of_a_continuous_action_is_that_of_what_was_chosen_not_of_what_was_clipped():
    agent, rollout = started(Slide, log_std_init=2.0, scale_actions=False)
    batch = collect(agent, rollout)
    assert np.abs(batch.action).max() > 2
    mean = thoughts(agent, batch.obs[0])["mean action"]
    z = (batch.action[0] - mean) / exp(2)
    expected = (-0.5 * z**2 - 2 - 0.5 * log(2 * np.pi)).ravel()
    np.testing.assert_allclose(batch.extras["logp"][0], expected, rtol=1e-5)


def test_spaces_are_what_the_agent_is_made_from():
    agent = ppo.Agent(spaces.Discrete(3), spaces.Box(-1, 1, (2, 2), np.float32), ppo.Config())
    assert act(agent, np.arange(3))["action"].shape == (3, 2, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of torch, inside its compiler
def test_the_compiled_loss_is_the_plain_one():
    agents = [started(Seen, compile=compiled, epochs=2, twins="none")[0] for compiled in (True, False)]
    for agent in agents:
        rollout = Rollout(vector(Seen, COPIES), 32, seed=0)
        agent.update(collect(agent, rollout), 0.0)
    compiled, plain = (agent.optimizer.flat.detach() for agent in agents)
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-6)
