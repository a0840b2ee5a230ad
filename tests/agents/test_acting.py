"""Acting apart from learning: looking at an agent changes nothing of what it learns."""

from contextlib import closing

import numpy as np
import pytest
import torch

import gymnast
from gymnast.agents import dagger
from gymnast.core.acting import Stateless
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import make
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from playing import acting, collect

SELF_PLAY = {"simulations": 8, "fast_simulations": 4, "minibatch": 32, "hidden": (16,), "horizon": 4, "window": 200}
EVERYTHING = {"resign": 0.2, "past_share": 0.5, "generation": 2, "random_plies": 2, "cached": 100}
OFF_POLICY = {"learning_starts": 8, "minibatch": 8, "horizon": 4, "hidden": (8,), "critic_hidden": (8,)}
CASES = {
    "ppo": ("ppo", "CartPole-v1", {"horizon": 32}),
    "ppo, as it reads": ("ppo", "CartPole-v1", {"horizon": 32, "twins": "none"}),
    "ppo, gSDE": ("ppo", "Pendulum-v1", {"horizon": 32, "sde": True, "sde_freq": 5}),
    "a2c": ("a2c", "CartPole-v1", {}),
    "a2c, replay": ("a2c", "CartPole-v1", {"replay": 500, "replay_batch": 32}),
    "trpo": ("trpo", "CartPole-v1", {"horizon": 32}),
    "reinforce": ("reinforce", "CartPole-v1", {}),
    "dqn": ("dqn", "CartPole-v1", {"learning_starts": 32, "minibatch": 16, "horizon": 4}),
    "dqn, noisy": ("dqn", "CartPole-v1", {"learning_starts": 32, "minibatch": 16, "horizon": 4, "noisy": True}),
    "sac, gSDE": ("sac", "Pendulum-v1", {**OFF_POLICY, "sde": True, "sde_freq": 3}),
    "td3, pink": ("td3", "Pendulum-v1", {**OFF_POLICY, "noise_color": "pink"}),
    "tabular": ("tabular", "FrozenLake-v1", {"method": "double_q"}),
    "alphazero": ("alphazero", "tictactoe", {**SELF_PLAY, **EVERYTHING}),
}


def weights(agent):
    return torch.cat([p.detach().flatten() for p in agent.net.parameters()])


def learned(case, looks):
    """The weights after six rollouts, between which the agent is looked at, or not."""
    algo, env, config = CASES[case]
    run = preset(algo, env, "none", agent=config, num_envs=4, steps=4_000, evals=0)
    with Training(run) as training:
        for _ in range(6):
            training.iterate()
            for mode in ("best", "sample", "learn") if looks else ():
                look(training, mode)
        return weights(training.agent).clone()


def look(training, mode):
    """Watch the agent for some steps in an environment of its own."""
    with closing(make(training.run.env, 2)) as env:
        acts = training.agent.acting(2, mode, seed=5)
        Rollout(env, 12, 3).collect(acts)
        acts.thoughts()


@pytest.mark.parametrize("case", CASES)
def test_looking_at_an_agent_leaves_what_it_learns_as_it_was(case):
    assert torch.equal(learned(case, looks=False), learned(case, looks=True))


def test_predictions_and_evaluations_between_two_calls_of_learn_change_nothing():
    nets = []
    for looks in (False, True):
        agent = gymnast.PPO("CartPole-v1", num_envs=4, agent={"horizon": 32, "hidden": (16,)})
        for _ in range(2):
            agent.learn(512)
            if looks:
                for deterministic in (True, False):
                    agent.predict(np.zeros((3, 4), np.float32), deterministic)
                agent.evaluate(4, stochastic=True)
                agent.evaluate(4)
        nets.append(weights(agent.agent).clone())
    assert torch.equal(*nets)


def asked_of(agent):
    agent.expert = lambda obs: {"action": np.zeros(len(obs), np.int64)}
    return agent


@pytest.mark.parametrize("mode", ["best", "sample"])
def test_an_evaluation_never_spends_labels(mode):
    env = make("CartPole-v1", 4)
    cfg = dagger.Config(hidden=(8,), queries=100, horizon=10)
    agent = asked_of(dagger.Agent(env.single_observation_space, env.single_action_space, cfg))
    agent.update(collect(agent, Rollout(env, 10)), 0.0)
    before = agent.asked
    assert before == 40
    batch = collect(agent, Rollout(env, 10), mode)
    assert agent.asked == before
    assert batch.extras == {}


def test_a_batch_has_the_columns_of_who_acted_and_no_others():
    env = make("CartPole-v1", 2)
    run = preset("ppo", env, "none", num_envs=2)
    with Training(run) as training:
        rollout = Rollout(make("CartPole-v1", 2), 5)
        assert set(collect(training.agent, rollout).extras) == {"logp", "value"}
        assert collect(training.agent, rollout, "best").extras == {}
        noted = Stateless(lambda obs: {"action": np.zeros(len(obs), np.int64), "note": obs[:, 0]})
        assert set(rollout.collect(noted).extras) == {"note"}


def test_two_actings_of_one_agent_have_random_numbers_of_their_own():
    env = make("CartPole-v1", 4)
    with Training(preset("ppo", env, "none", num_envs=4, agent={"twins": "none"})) as training:
        obs, first = np.zeros((4, 4), np.float32), np.ones(4, np.bool_)
        actions = [
            [training.agent.acting(4, "learn", seed)(obs, first)["action"].tolist() for seed in seeds]
            for seeds in ((1, 1), range(2, 12))
        ]
        assert actions[0][0] == actions[0][1]
        assert len({tuple(a) for a in actions[1]}) > 3


def test_an_acting_offers_its_twin_only_where_it_learns():
    env = make("CartPole-v1", 4)
    with Training(preset("ppo", env, "none", num_envs=4)) as training:
        assert acting(training.agent, 4).twin is not None
        assert acting(training.agent, 4, "best").twin is None
        assert acting(training.agent, 4, "sample").twin is None
