"""Agents with critics and a memory: the policy and its critics each remember what they saw, in one state."""

from functools import partial

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from memories import KINDS, MODES, Noise

import gymnast
from gymnast.agents import discrete_sac, sac, td3
from gymnast.core.acting import Memoryless
from gymnast.core.errors import UsageError
from gymnast.core.learn.pieces import in_sequence
from gymnast.core.rollout.engine import Rollout
from probes import SEED

NOTHING_YET = {"learning_starts": 10**6, "capacity": 3000, "minibatch": 24, "sequence": 6, "burn_in": 4, "horizon": 12}


class Reaching(Noise):
    """`Noise` with actions in a box."""

    action_space = spaces.Box(-2, 1, (2,), np.float32)


class Thinking(Memoryless):
    """An acting that writes down what the agent thought of each observation."""

    def __init__(self, acting):
        self.acting, self.told = acting, {}

    def __call__(self, obs, first):
        out = self.acting(obs, first)
        thoughts = self.acting.thoughts()
        for k, row in enumerate(obs):
            self.told[row.tobytes()] = {name: x[k] for name, x in thoughts.items()}
        return out


def made(algo, env, kind, **config):
    options = {"memory": kind, "memory_size": 8, "window": 3, "hidden": (8,), "critic_hidden": (8,)}
    return algo.Agent(env.observation_space, env.action_space, algo.Config(**options | NOTHING_YET | config), seed=1)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("algo", "env"), [(sac, Reaching), (td3, Reaching), (discrete_sac, Noise)])
def test_sequences_go_on_from_what_policy_and_critics_remembered(algo, env, kind, mode):
    agent = made(algo, env, kind)
    rollout = Rollout(SyncVectorEnv([env] * 3, autoreset_mode=mode), agent.horizon, seed=3)
    acting = Thinking(agent.acting(3, "learn", 5))
    for _ in range(3):
        agent.update(rollout.collect(acting), 0.0)
    drawn = {name: torch.as_tensor(x) for name, x in agent.replay.sample(8 * 6).items()}
    assert drawn["state"].abs().sum((0, 1)) > 0
    mb = in_sequence(agent.memories, drawn, agent.cfg.burn_in)
    with torch.no_grad():
        thoughts = agent.thoughts(mb["obs"])
    seen = mb["obs"].asked(mb["obs"].obs)
    assert len(seen) > 20
    for k, row in enumerate(seen.numpy()):
        for name, told in acting.told[row.tobytes()].items():
            np.testing.assert_allclose(thoughts[name][k], told, atol=1e-5, err_msg=name)


def test_the_parts_of_a_state_are_the_networks_own():
    agent = made(sac, Reaching, "lstm")
    policy, critics = agent.memories
    assert (policy.remembered, critics.remembered) == (32, 32)
    assert (policy.before, policy.beyond, critics.before, critics.beyond) == (0, 16, 16, 0)
    assert agent.slow.encoder.before == 16
    seen = policy.seen(torch.randn(2, 3), torch.zeros(2, dtype=torch.bool), torch.randn(2, 32))
    policy(seen)
    assert torch.equal(seen.after[:, 16:], seen.state[:, 16:])
    assert not torch.isclose(seen.after[:, :16], seen.state[:, :16]).any()
    taken, kept = seen.after, seen.after.clone()
    critics(seen)
    assert torch.equal(taken, kept)
    assert torch.equal(seen.after[:, :16], kept[:, :16])


@pytest.mark.parametrize("config", [{"target": "none"}, {"shift": 2}, {"hindsight": "future"}], ids=str)
def test_what_a_memory_of_critics_does_not_have_is_refused(config):
    with pytest.raises(UsageError, match="a memory learns"):
        made(sac, Reaching, "gru", **config)


@pytest.mark.parametrize("algo", ["SAC", "TD3"])
def test_predicting_hands_on_what_is_remembered_without_critics_in_the_way(algo):
    config = {"memory": "gru", "memory_size": 8, "hidden": (8,), "critic_hidden": (8,)}
    learner = getattr(gymnast, algo)(Reaching, preset="none", backend="loop", seed=SEED, agent=config)
    obs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    acting, state = learner.agent.acting(1, "best"), None
    for k, row in enumerate(obs):
        wanted = acting(row[None], np.array([k == 0]))["action"][0]
        action, thoughts = learner.predict(row, state=state, first=k == 0)
        state = thoughts["state"]
        np.testing.assert_array_equal(action, wanted)
    assert state.shape == (16,)


@pytest.mark.parametrize("algo", [sac, td3])
def test_no_twin_acts_or_learns_in_the_place_of_a_memory(algo):
    agent = made(algo, Reaching, "mingru", learning_starts=0)
    assert agent.paths == {"gradient": "autograd"}
    assert agent.acting(3).twin is None
    env = partial(Rollout, SyncVectorEnv([Reaching] * 3, autoreset_mode=AutoresetMode.SAME_STEP), 12)
    before, rollout = agent.optimizer.flat.detach().clone(), env(SEED)
    for _ in range(2):
        agent.update(rollout.collect(agent.acting(3)), 0.0)
    assert not torch.equal(agent.optimizer.flat, before)
