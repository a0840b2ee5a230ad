"""What PPO learns: values and policies of small environments."""

from contextlib import closing
from functools import partial

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from small_ppo import COPIES, started, vector

from gymnast.agents import ppo
from gymnast.core.errors import TrainingError
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import make
from gymnast.runners.runs.run import Run
from gymnast.runners.training.train import train
from playing import act, collect, thoughts
from probes import SEED, Doors, Endless, Later, Match, One, Opposite, Poison, Seen, Slide

PROBE = {"lr": 0.01, "gamma": 0.5, "epochs": 10, "horizon": 32, "minibatch": 64, "hidden": (16,)}


def learned(make_env, updates=15, **config):
    agent, rollout = started(make_env, **PROBE | config)
    for k in range(updates):
        agent.update(collect(agent, rollout), k / updates)
    return agent


def value(agent, *obs):
    return thoughts(agent, np.array(obs, np.float32).reshape(-1, 1))["value"].tolist()


@pytest.mark.learns
def test_the_value_of_a_single_step_is_its_reward():
    assert value(learned(One), 0) == pytest.approx([1], abs=0.05)


@pytest.mark.learns
def test_the_value_depends_on_what_is_seen():
    assert value(learned(Seen), -1, 1) == pytest.approx([-1, 1], abs=0.05)


@pytest.mark.learns
def test_later_rewards_are_discounted():
    assert value(learned(Later), 0, 1) == pytest.approx([0.5, 1], abs=0.05)


@pytest.mark.learns
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_truncated_episodes_bootstrap(mode):
    env = vector(Endless, mode=mode)
    cfg = ppo.Config(**PROBE)
    agent = ppo.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
    rollout = Rollout(env, cfg.horizon, SEED)
    for k in range(15):
        agent.update(collect(agent, rollout), k / 15)
    # 1 + 1/2 + 1/4 + ... = 2; as terminations, episodes of five would be worth less than 1.94, and 1.6 on average
    assert value(agent, 0) == pytest.approx([2], abs=0.05)


@pytest.mark.learns
def test_values_in_units_of_scaled_rewards_have_the_same_shape():
    agent = learned(Later, normalize_return=True, updates=25)
    ratio = value(agent, 0)[0] / value(agent, 1)[0]
    assert ratio == pytest.approx(0.5, abs=0.05)


@pytest.mark.learns
def test_the_policy_depends_on_what_is_seen():
    agent = learned(Opposite, updates=40)
    seen = np.array([0, 1])
    assert act(agent, seen, "best")["action"].tolist() == [1, 0]
    assert (thoughts(agent, seen)["action probability"].max(-1) > 0.9).all()


@pytest.mark.learns
@pytest.mark.parametrize("kind", ["multidiscrete", "multibinary"])
def test_it_matches_several_choices_at_once(kind):
    agent = learned(partial(Match, kind), updates=15, gamma=0.0)
    nvec = [3, 2] if kind == "multidiscrete" else [2, 2, 2]
    every = np.stack(np.meshgrid(*map(np.arange, nvec)), -1).reshape(-1, len(nvec))
    every = every.astype(Match.SPACES[kind].dtype)
    assert act(agent, every, "best")["action"].tolist() == every.tolist()


@pytest.mark.learns
@pytest.mark.parametrize(
    "config",
    [{"log_std_init": -0.5}, {"sde": True, "sde_freq": 2, "log_std_init": -1.0}],
    ids=["plain", "sde"],
)
def test_it_pushes_a_mass_to_the_origin(config):
    agent, rollout = started(Slide, **PROBE | {"horizon": 64, "lr": 3e-3} | config)
    for k in range(20):
        agent.update(collect(agent, rollout), k / 20)
    rollout.reset(SEED + 1)
    episodes = collect(agent, rollout, "best").episodes
    # left alone, x stays where it started, uniform in [-1, 1]: 10 E[x^2] = 3.3
    assert episodes.returns.mean() > -0.33


@pytest.mark.learns
@pytest.mark.parametrize("observed", [False, True])
def test_masked_actions_are_never_chosen_and_the_rest_is_learned(observed):
    # a closed door raises, so collecting at all shows that none was opened
    with closing(make(Doors, COPIES, observed=observed)) as env:
        cfg = ppo.Config(**PROBE | {"gamma": 0.0})
        agent = ppo.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
        rollout = Rollout(env, cfg.horizon, SEED)
        shares = []
        for k in range(35):
            batch = collect(agent, rollout)
            shares.append(batch.reward.mean())
            agent.update(batch, k / 35)
        assert shares[0] < 0.8
        greedy = collect(agent, rollout, "best")
        assert greedy.reward.mean() > 0.95


def test_a_mask_leaves_no_probability_to_closed_doors():
    with closing(make(partial(Doors, observed=True), 32)) as env:
        cfg = ppo.Config(**PROBE)
        agent = ppo.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
        batch = collect(agent, Rollout(env, 4))
        mask = agent.net.encoder.mask(torch.as_tensor(batch.obs[0])).numpy()
        assert (thoughts(agent, batch.obs[0])["action probability"][mask == 0] == 0).all()


@pytest.mark.learns
def test_standardised_observations_do_not_change_what_is_learned():
    assert value(learned(Seen, normalize_obs=True), -1, 1) == pytest.approx([-1, 1], abs=0.05)


def test_a_poisoned_reward_stops_training_and_names_what_broke():
    cfg = ppo.Config(**PROBE)
    with pytest.raises(TrainingError, match=r"environment \d gave a reward of nan, which is not a number"):
        train(Run("ppo", Poison, cfg, steps=2048, num_envs=2, evals=0))


@pytest.mark.learns
def test_training_reaches_the_value_through_the_runner():
    result = train(
        Run("ppo", Later, ppo.Config(**PROBE), steps=4096, num_envs=COPIES, seed=SEED, evals=1, eval_episodes=4)
    )
    assert result.steps == 4096
    assert result.evaluation.returns == [1, 1, 1, 1]
    assert value(result.agent, 0, 1) == pytest.approx([0.5, 1], abs=0.05)
