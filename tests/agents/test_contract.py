"""What every algorithm must do, whatever it is."""

from copy import deepcopy
from functools import cache, partial

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

COPIES = 4


def vector(make_env):
    return SyncVectorEnv([make_env] * COPIES, autoreset_mode=AutoresetMode.SAME_STEP)


REPLAYS = ("sac", "discrete_sac", "td3", "ddpg")
EAGER = {
    "dqn": {"learning_starts": 8, "minibatch": 8},  # learns from the first rollout
    "ppo": {"epochs": 2, "minibatch": 16},
    "trpo": {"critic_epochs": 2, "critic_minibatch": 16},
    "dagger": {"epochs": 1},
    **{algo: {"learning_starts": 8, "minibatch": 8, "horizon": 4, "replay_ratio": 0.5} for algo in REPLAYS},
}
"""Options with which the algorithms learn a little of little, but in several steps."""


_SMALL = {"hidden": (32,), "critic_hidden": (32,), "minibatch": 64, "horizon": 8, "replay_ratio": 0.25, "gamma": 0.0}
QUICK = {
    "a2c": {"lr": 3e-3},
    "dqn": {"lr": 1e-3, "gamma": 0.0},
    "reinforce": {"lr": 0.02, "gamma": 0.0, "value_epochs": 4},
    **{algo: {**_SMALL, "lr": 3e-3, "critic_lr": 3e-3, "learning_starts": 256} for algo in REPLAYS},
}
"""Options with which algorithms whose steps take long learn `Match` in time."""
BUDGET = 4096
"""Steps in which all of them do."""


def made(algo, env, seed=0, eager=False, **options):
    """The agent; one that asks an expert asks what solves `Match`, or elsewhere what does the same all the time."""
    module = agents.load(algo)
    config = module.Config(**{**(EAGER.get(algo, {}) if eager else {}), **options})
    agent = module.Agent(env.single_observation_space, env.single_action_space, config, seed=seed)
    if hasattr(agent, "expert"):
        action = env.single_action_space
        still = np.zeros(action.shape, np.float32 if isinstance(action, spaces.Box) else np.int64)
        solves = env.single_observation_space == action
        agent.expert = lambda obs: {"action": obs if solves else np.broadcast_to(still, (len(obs), *still.shape))}
    return agent


def takes(algo, obs, action):
    """Whether the algorithm makes an agent for these spaces."""
    try:
        agents.load(algo).Agent(obs, action, agents.load(algo).Config())
    except UsageError:
        return False
    return True


# Those that play games for two alone, or write texts alone, have contracts of their own.
WRITERS = ("lm", "grpo", "reward_model", "dpo")
ALGOS = [algo for algo in agents.names() if algo not in WRITERS and not agents.plays_games(agents.load(algo))]
KINDS = {algo: [kind for kind, space in Match.SPACES.items() if takes(algo, space, space)] for algo in ALGOS}
"""The kinds of `Match` that each algorithm takes, of which the first is its own in what follows."""
each_algo = pytest.mark.parametrize("algo", ALGOS)
each_kind = pytest.mark.parametrize(("algo", "kind"), [(algo, kind) for algo in ALGOS for kind in KINDS[algo]])


def seen(kind, count=4):
    """Observations of a kind of `Match`."""
    space = deepcopy(Match.SPACES[kind])
    space.seed(SEED)
    return np.arange(4) if kind == "discrete" else np.stack([space.sample() for _ in range(count)])


def started(agent, env, seed=0, steps=16):
    """What the agent learns from: short rollouts, whole episodes, or demonstrations of what solves `Match`."""
    if isinstance(agent.horizon, Recorded):
        return recorded(env, lambda obs: {"action": obs}, episodes=32, seed=seed)
    return Rollout(env, agent.horizon if isinstance(agent.horizon, Whole) else min(agent.horizon, steps), seed)


def learned(algo, kind, updates=3, seed=0, **options):
    """An agent that has learned for a few rollouts, the rollout that it learns from, and its metrics."""
    env = vector(partial(Match, kind))
    agent = made(algo, env, seed, eager=True, **options)
    rollout = started(agent, env, seed)
    metrics = [agent.update(collect(agent, rollout), k / updates) for k in range(updates)]
    return agent, rollout, metrics


@cache
def once(algo, kind):
    """What `learned` gives, made once for all that look at it and leave it as it is."""
    return learned(algo, kind)


def weights(agent):
    return torch.cat([p.detach().flatten() for p in agent.net.parameters()])


@each_algo
def test_it_takes_some_kind_of_action(algo):
    assert KINDS[algo]


@pytest.mark.learns
@each_algo
def test_it_solves_match_in_a_few_thousand_steps(algo):
    kind = KINDS[algo][0]
    env = vector(partial(Match, kind))
    agent = made(algo, env, SEED, **QUICK.get(algo, {}))
    rollout = started(agent, env, SEED, 64)
    steps = 0
    while steps < BUDGET:
        batch = collect(agent, rollout)
        agent.update(batch, steps / BUDGET)
        steps += batch.steps
    chosen, wanted = act(agent, seen(kind, 100), "best")["action"], seen(kind, 100)
    if kind == "box":
        assert np.abs(chosen - wanted).mean() < 0.1  # 2/3 at random, 1/2 if all are 0
    else:
        assert chosen.tolist() == wanted.tolist()


@each_kind
def test_a_greedy_act_repeats_itself_and_changes_nothing(algo, kind):
    agent, *_ = once(algo, kind)
    state = deepcopy(saved(agent, 4))
    actions = [act(agent, seen(kind), "best")["action"].tolist() for _ in range(5)]
    assert all(a == actions[0] for a in actions)
    assert same(state, saved(agent, 4))


@each_kind
def test_exploring_tries_every_action_at_the_start(algo, kind):
    agent = made(algo, vector(partial(Match, kind)))
    if hasattr(agent, "expert"):
        agent.expert = None  # the expert would try only the right one
    drawn = act(agent, np.repeat(seen(kind)[:1], 400, 0))["action"].reshape(400, -1)
    if kind == "box":
        assert (drawn.std(0) > 0.1).all()
    else:
        assert len(np.unique(drawn, axis=0)) == {"discrete": 4, "multidiscrete": 6, "multibinary": 8}[kind]


@each_kind
def test_metrics_are_finite_and_named_by_group(algo, kind):
    *_, metrics = once(algo, kind)
    for row in metrics:
        assert row, "each update says something"
        for name, value in row.items():
            assert np.isfinite(value), name
            assert name.count("/") == 1


@each_kind
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(algo, kind):
    one = weights(once(algo, kind)[0])
    again, other = (weights(learned(algo, kind, seed=seed)[0]) for seed in (0, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@each_algo
def test_making_and_training_an_agent_leave_the_global_generators_alone(algo):
    torch.manual_seed(0)
    expected = torch.get_rng_state()
    learned(algo, KINDS[algo][0], updates=1)
    assert torch.equal(torch.get_rng_state(), expected)


def goes_on_alike(algo, kind, folder, updates, **options):
    """An agent that learned on, as one that was restored from a file did, bit for bit."""
    first, rollout, _ = learned(algo, kind, updates, **options)
    checkpoint.save(folder / "agent.safetensors", saved(first, COPIES))
    second = made(algo, vector(partial(Match, kind)), seed=99, eager=True, **options)
    go_on(second, COPIES, checkpoint.load(folder / "agent.safetensors"))
    both = Both(first, second, COPIES)
    for k in range(2):
        batch = rollout.collect(both)
        one, two = first.update(batch, k / 2), second.update(batch, k / 2)
        assert one == two
        assert np.isfinite(list(one.values())).all()
        assert torch.equal(weights(first), weights(second))
    return first


@each_kind
@pytest.mark.parametrize("updates", [0, 2])
def test_an_agent_restored_from_a_file_continues_bit_for_bit(algo, kind, tmp_path, updates):
    goes_on_alike(algo, kind, tmp_path, updates)


NETWORK = [{"activation": "gelu", "norm": "layer"}, {"normalize_obs": True}, {"twins": "none"}]
GRU, LSTM, MINGRU = ({"memory": kind, "memory_size": 8} for kind in ("gru", "lstm", "mingru"))
ATTENTION = {"memory": "attention", "memory_size": 8, "window": 3}
PIECES = {"sequence": 4, "burn_in": 2, "n_step": 2}
REMEMBER = [GRU | {"normalize_obs": True}, LSTM, MINGRU, ATTENTION]
BOX_HEADS = [{"head": "squashed"}, {"head": "mixture"}, {"head": "autoregressive"}]
SDE = [{"sde": True}, {"sde": True, "sde_freq": 2}, MINGRU | {"sde": True}]
CROSSQ = {"critic_norm": "batch", "norm": "batch", "target": "none", "adam_beta1": 0.5, "policy_delay": 2}
SIMBA = {"blocks": 1, "hidden": (8,), "critic_blocks": 2, "critic_hidden": (8,), "weight_decay": 0.01}
OPTIONS = {
    "ppo": [
        {"kl_penalty": 1.0},
        {"target_kl": 0.01, "value_clip": 0.2, "clip_schedule": "linear", "lr_schedule": "linear"},
        {"recompute_advantage": True, "normalize_return": True, "reward_sign": True, "epochs": 2},
        {"shared": True, "orthogonal_init": False, "entropy_coef": 0.01},
        {"value_warmup": 1},
        GRU | {"chunk": 3, "shared_memory": True, "recompute_advantage": True},
        MINGRU | {"shared": True},
        *REMEMBER,
        *NETWORK,
    ],
    "a2c": [
        {"control_variate": True},
        {"replay": 64, "replay_batch": 16, "replay_steps": 2},
        {"n_step": 3, "optimizer": "adam", "normalize_advantage": True},
        {"episodes": 1, "lam": 1.0},
        {"shared": True, "normalize_return": True, "entropy_coef": 0.01},
        MINGRU | {"shared_memory": True, "episodes": 1},
        GRU | {"control_variate": True},
        *NETWORK,
    ],
    "trpo": [
        {"line_search_steps": 0, "fisher_fraction": 0.5},
        {"normalize_return": True},
        GRU | {"fisher_fraction": 0.5},
        MINGRU | {"chunk": 3},
        *NETWORK,
    ],
    "reinforce": [
        *({"baseline": baseline} for baseline in ("none", "mean", "time", "leave_one_out", "linear", "optimal")),
        {"past_updates": 2, "reuse": "trajectory", "epochs": 2},
        {"weight": "discounted_to_go", "standardize_return": True, "entropy_coef": 0.01},
        GRU | {"past_updates": 1, "epochs": 2},
        MINGRU | {"baseline": "linear"},
        *NETWORK,
    ],
    "dqn": [
        {"double": True, "dueling": True, "noisy": True, "priority": 0.5, "n_step": 3, "distribution": "categorical"},
        {"distribution": "quantile", "atoms": 8},
        {"dueling": True, "value_warmup": 2, "reward_sign": True, "loss": "squared", "tau": 0.5},
        *(kind | PIECES | {"priority": 0.6} for kind in (LSTM, ATTENTION)),
        MINGRU | {"sequence": 3, "burn_in": 0, "double": True, "normalize_obs": True},
        *NETWORK,
    ],
    "bc": [{"balance": True}, {"patience": 2}, {"l2": 0.01, "entropy_coef": 0.01}, GRU, MINGRU, *NETWORK],
    "dagger": [
        {"retrain": "scratch", "validation": 0.2},
        {"ensemble": 2, "threshold": 0.1, "queries": 500},
        GRU | {"ensemble": 2, "threshold": 0.1, "queries": 500, "balance": True},
        MINGRU | {"retrain": "scratch"},
        {"beta": "exponential"},
        *NETWORK,
    ],
    "sac": [
        {"critics": 3, "subset": 2, "reduce": "mean", "quantiles": 3, "drop": 1},
        {"critic_norm": "layer", "dropout": 0.1, "policy_delay": 2, "alpha": 0.1},
        {"n_step": 3, "priority": 0.5, "reward_sign": True, "lr_schedule": "linear", "target_entropy": -1.0},
        CROSSQ,
        SIMBA,
        {"reset_interval": 5, "normalize_return": True},
        {"sde": True, "sde_freq": 2},
        {"noise_color": "pink"},
        GRU | PIECES | {"priority": 0.6},
        LSTM | PIECES | {"sde": True, "sde_freq": 2, "reset_interval": 5, "normalize_return": True},
        *NETWORK,
    ],
    "discrete_sac": [
        {"critics": 3, "subset": 2, "reduce": "mean", "critic_norm": "layer", "dropout": 0.1, "policy_delay": 2},
        {"n_step": 3, "priority": 0.5, "reward_sign": True, "target_entropy": 0.5, "value_warmup": 2},
        CROSSQ,
        SIMBA,
        {"reset_interval": 5, "normalize_return": True, "alpha": 0.1},
        MINGRU | PIECES,
        *NETWORK,
    ],
    "td3": [
        {"critics": 3, "subset": 2, "reduce": "mean", "quantiles": 3, "drop": 1},
        {"critic_norm": "layer", "dropout": 0.1, "n_step": 3, "priority": 0.5, "lr_schedule": "linear"},
        CROSSQ,
        SIMBA,
        {"reset_interval": 5},
        {"noise_color": "red"},
        ATTENTION | PIECES,
        *NETWORK,
    ],
    "tabular": [{"method": method} for method in ("double_q", "sarsa", "monte_carlo")],
}
FOR_BOX = {algo: BOX_HEADS for algo in ("ppo", "a2c", "reinforce", "bc", "dagger")}
FOR_BOX["bc"] = [*BOX_HEADS, {"noise": 0.1}]
FOR_BOX |= {algo: [*FOR_BOX.get(algo, []), *SDE] for algo in ("ppo", "a2c", "trpo")}
OPTED = [(algo, KINDS[algo][0], options) for algo in ALGOS for options in OPTIONS.get(algo, [])]
OPTED += [(algo, "box", options) for algo in ALGOS if "box" in KINDS[algo] for options in FOR_BOX.get(algo, [])]


@pytest.mark.parametrize(("algo", "kind", "options"), OPTED, ids=str)
def test_with_other_options_too_it_learns_and_continues_bit_for_bit(algo, kind, options, tmp_path):
    try:
        before = weights(made(algo, vector(partial(Match, kind)), eager=True, **options)).clone()
    except UsageError as refusal:
        pytest.fail(f"{options} is refused: {refusal}")
    agent = goes_on_alike(algo, kind, tmp_path, 2, **options)
    assert not torch.equal(weights(agent), before)


@each_algo
def test_a_state_does_not_change_when_the_agent_learns_on(algo):
    agent, rollout, _ = learned(algo, KINDS[algo][0])
    parts = {name: part for name, part in agent.parts().items() if name != "replay"}  # which may be views
    state = checkpoint.state(parts)
    before = deepcopy(state)
    agent.update(collect(agent, rollout), 0.5)
    assert same(before, state)


@each_algo
def test_what_acting_depends_on_is_named_and_enough(algo):
    """An agent with the parts of another that `policy` names acts as that one does."""
    kind = KINDS[algo][0]
    agent, *_ = once(algo, kind)
    other = made(algo, vector(partial(Match, kind)), seed=99, eager=True)
    parts, its = agent.parts(), other.parts()
    checkpoint.restore({n: its[n] for n in agent.policy}, checkpoint.state({n: parts[n] for n in agent.policy}))
    np.testing.assert_array_equal(*(act(one, seen(kind), "best")["action"] for one in (agent, other)))


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


def pairs(algo):
    """Every observation with an action that the algorithm takes, every action with an observation that it takes."""
    action = next(a for a in ACTIONS.values() for o in OBS.values() if takes(algo, o, a))
    obs = next(o for o in OBS.values() if takes(algo, o, action))
    return [(o, action) for o in OBS.values()] + [(obs, a) for a in ACTIONS.values()]


@pytest.mark.parametrize(
    ("algo", "obs", "action"), [(algo, obs, action) for algo in ALGOS for obs, action in pairs(algo)], ids=str
)
def test_every_supported_space_makes_an_agent_that_acts_and_learns(algo, obs, action):
    env = vector(partial(Anything, obs, action))
    try:
        agent = made(algo, env, eager=True)
    except UsageError as refusal:  # which says what it cannot take, and what it can
        if f"not {action}" in str(refusal) or f"not {obs}" in str(refusal):
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
