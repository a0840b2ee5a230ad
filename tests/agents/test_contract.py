"""What every algorithm must do, whatever it is."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast import agents
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout, Whole
from gymnast.core.rollout.recording import Recorded
from playing import Both, act, collect, go_on, saved, thoughts
from probes import SEED, Anything, Match, recorded

GAMES = {"alphazero"}  # these play games for two alone, and have contracts of their own
pytestmark = pytest.mark.parametrize("algo", sorted(set(agents.names()) - GAMES))

COPIES = 4


def vector(make_env):
    return SyncVectorEnv([make_env] * COPIES, autoreset_mode=AutoresetMode.SAME_STEP)


EAGER = {"learning_starts": 8, "minibatch": 8}  # so that those who learn from a replay learn from the first rollout


def made(algo, env, seed=0, eager=False):
    """The agent; one that asks an expert asks what solves `Match`, or elsewhere what does the same all the time."""
    module = agents.load(algo)
    known = module.Config.__dataclass_fields__
    config = module.Config(**{k: v for k, v in EAGER.items() if eager and "learning_starts" in known})
    agent = module.Agent(env.single_observation_space, env.single_action_space, config, seed=seed)
    if hasattr(agent, "expert"):
        action = env.single_action_space
        still = np.zeros(action.shape, np.float32 if isinstance(action, spaces.Box) else np.int64)
        solves = env.single_observation_space == action
        agent.expert = lambda obs: {"action": obs if solves else np.broadcast_to(still, (len(obs), *still.shape))}
    return agent


def started(agent, env, seed=0):
    """What the agent learns from: short rollouts, whole episodes, or demonstrations of what solves `Match`."""
    if isinstance(agent.horizon, Recorded):
        return recorded(env, lambda obs: {"action": obs}, episodes=32, seed=seed)
    return Rollout(env, agent.horizon if isinstance(agent.horizon, Whole) else min(agent.horizon, 64), seed)


def learned(algo, updates=3, seed=0):
    """An agent that has learned for a few rollouts, the rollout that it learns from, and its metrics."""
    env = vector(Match)
    agent = made(algo, env, seed, eager=True)
    rollout = started(agent, env, seed)
    metrics = [agent.update(collect(agent, rollout), k / updates) for k in range(updates)]
    return agent, rollout, metrics


def weights(agent):
    return torch.cat([p.detach().flatten() for p in agent.net.parameters()])


@pytest.mark.learns
def test_it_solves_match_in_a_few_thousand_steps(algo):
    env = vector(Match)
    agent = made(algo, env, SEED)
    rollout = started(agent, env, SEED)
    steps = 0
    while steps < 8192:
        batch = collect(agent, rollout)
        agent.update(batch, steps / 8192)
        steps += batch.steps
    every = np.arange(4)
    assert act(agent, every, "best")["action"].tolist() == every.tolist()


def test_a_greedy_act_repeats_itself_and_changes_nothing(algo):
    agent, *_ = learned(algo)
    obs = np.arange(4)
    state = deepcopy(saved(agent, 4))
    actions = [act(agent, obs, "best")["action"].tolist() for _ in range(5)]
    assert all(a == actions[0] for a in actions)
    assert same(state, saved(agent, 4))


def test_exploring_tries_every_action_at_the_start(algo):
    agent = made(algo, vector(Match))
    if hasattr(agent, "expert"):
        agent.expert = None  # the expert would try only the right one
    assert set(act(agent, np.zeros(400, np.int64))["action"].tolist()) == {0, 1, 2, 3}


def test_metrics_are_finite_and_named_by_group(algo):
    *_, metrics = learned(algo)
    for row in metrics:
        assert row, "each update says something"
        for name, value in row.items():
            assert np.isfinite(value), name
            assert name.count("/") == 1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(algo):
    one, again, other = (weights(learned(algo, seed=seed)[0]) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_making_and_training_an_agent_leave_the_global_generators_alone(algo):
    torch.manual_seed(0)
    expected = torch.get_rng_state()
    learned(algo, updates=1)
    assert torch.equal(torch.get_rng_state(), expected)


@pytest.mark.parametrize("updates", [0, 2])
def test_an_agent_restored_from_a_file_continues_bit_for_bit(algo, tmp_path, updates):
    first, rollout, _ = learned(algo, updates)
    checkpoint.save(tmp_path / "agent.safetensors", saved(first, COPIES))
    second = made(algo, vector(Match), seed=99, eager=True)
    go_on(second, COPIES, checkpoint.load(tmp_path / "agent.safetensors"))
    both = Both(first, second, COPIES)
    for k in range(2):
        batch = rollout.collect(both)
        assert first.update(batch, k / 2) == second.update(batch, k / 2)
        assert torch.equal(weights(first), weights(second))


def test_a_state_does_not_change_when_the_agent_learns_on(algo):
    agent, rollout, _ = learned(algo)
    parts = {name: part for name, part in agent.parts().items() if name != "replay"}  # which may be views
    state = checkpoint.state(parts)
    before = deepcopy(state)
    agent.update(collect(agent, rollout), 0.5)
    assert same(before, state)


def same(a, b):
    """Whether two trees of tensors and numbers are equal."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


VECTOR = spaces.Box(-2, 2, (3,), np.float32)
OBS = {
    "vector": VECTOR,
    "scalar": spaces.Box(-1, 1, (), np.float32),
    "discrete": spaces.Discrete(3, start=2),
    "multidiscrete": spaces.MultiDiscrete([2, 3]),
    "multibinary": spaces.MultiBinary(4),
    "dict": spaces.Dict(place=VECTOR, goal=spaces.Discrete(3)),
    "tuple": spaces.Tuple((VECTOR, spaces.MultiBinary(2))),
    "image": spaces.Box(0, 255, (8, 8, 1), np.uint8),
}
ACTIONS = {
    "discrete": spaces.Discrete(3, start=-1),
    "multidiscrete": spaces.MultiDiscrete([2, 3]),
    "multibinary": spaces.MultiBinary(3),
    "box": spaces.Box(-1, 1, (2,), np.float32),
    "matrix": spaces.Box(-1, 1, (2, 2), np.float64),
    "scalar": spaces.Box(-1, 1, (), np.float32),
}
NEED_DISCRETE = {"dqn", "tabular"}
PAIRS = [(OBS[name], ACTIONS["discrete"]) for name in OBS] + [(VECTOR, ACTIONS[name]) for name in ACTIONS]


@pytest.mark.parametrize(("obs", "action"), PAIRS, ids=str)
def test_every_supported_space_makes_an_agent_that_acts_and_learns(algo, obs, action):
    env = vector(partial(Anything, obs, action))
    try:
        agent = made(algo, env, eager=True)
    except UsageError as refusal:  # which says what it cannot take, and what it can
        if algo in NEED_DISCRETE and (f"not {action}" in str(refusal) or f"not {obs}" in str(refusal)):
            return
        raise
    before = weights(agent).clone()
    batch = collect(agent, Rollout(env, 6))
    metrics = agent.update(batch, 0.0)
    assert np.isfinite(list(metrics.values())).all()
    assert not torch.equal(weights(agent), before)
    assert batch.action.shape == (6, COPIES, *action.shape)
    thought = thoughts(agent, batch.obs[0])
    assert all(len(value) == COPIES for value in thought.values())
