"""Learning on a table by hand and to the known optimum; planning against linear programming and enumeration."""

from contextlib import closing
from itertools import combinations, pairwise

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from scipy.optimize import linprog

from gymnast.agents import tabular
from gymnast.agents.tabular import Model, backup, evaluate, policy_iteration, value_iteration
from gymnast.core.acting import Stateless
from gymnast.core.batch import Batch, Episodes
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.envs import make
from gymnast.runners.runs.folder import describe
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training, resume, train
from playing import collect
from probes import SEED, Doors, Lucky

ONLINE = ["q", "double_q", "sarsa"]


def agent(states=4, actions=2, lr_decay=0.0, **config):
    cfg = tabular.Config(lr_decay=lr_decay, **config)
    return tabular.Agent(spaces.Discrete(states), spaces.Discrete(actions), cfg)


def batch(states, actions, rewards, ends="", final=()):
    """One environment's steps; `ends` has a letter per step: '|' terminated, '~' truncated, '.' neither."""
    steps = len(actions)
    ends = (ends or "." * steps).ljust(steps, ".")
    terminated, truncated = (np.array([[letter == kind] for letter in ends]) for kind in "|~")
    return Batch(
        obs=np.array(states)[:, None],
        action=np.array(actions)[:, None],
        reward=np.array(rewards, np.float32)[:, None],
        terminated=terminated,
        truncated=truncated,
        valid=np.ones((steps, 1), np.bool_),
        first=np.concatenate([[[True]], terminated | truncated]),
        final_at=np.argwhere(terminated | truncated),
        final_obs=np.array(final, np.int64),
        episodes=Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)),
        extras={},
    )


def random_model(seed, states=12, actions=3, outcomes=4):
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(outcomes), (states, actions))
    shape = states, actions, outcomes
    return Model(probability, rng.integers(states, size=shape), rng.normal(size=shape), rng.random(shape) < 0.1)


def test_q_learning_by_hand():
    made = agent(method="q", lr=0.5, gamma=0.9)
    made.q[0, 1] = [2.0, 4.0]
    # 0 + 0.5 (1 + 0.9 * 4 - 0) = 2.3; then in state 1, terminated: 4 + 0.5 (3 - 4) = 3.5
    made.update(batch([0, 1, 2], [0, 1], [1.0, 3.0], ".|", [3]), 0.0)
    np.testing.assert_allclose(made.q[0], [[2.3, 0], [2, 3.5], [0, 0], [0, 0]])


def test_a_truncated_episode_bootstraps_from_its_final_observation():
    made = agent(method="q", lr=1.0, gamma=0.5)
    made.q[0, 3] = [0.0, 8.0]
    made.update(batch([0, 1], [0], [1.0], "~", [3]), 0.0)
    assert made.q[0, 0, 0] == 1 + 0.5 * 8


def test_sarsa_waits_for_the_next_action_across_batches():
    made = agent(method="sarsa", lr=0.5, gamma=0.9)
    made.q[0, 1] = [2.0, 4.0]
    made.update(batch([0, 1], [0], [1.0]), 0.0)
    assert made.q[0, 0, 0] == 0
    made.update(batch([1, 2], [0], [3.0], "|", [2]), 0.0)
    # 0.5 (1 + 0.9 * Q(1, 0)) with the action that was taken, not the better one
    assert made.q[0, 0, 0] == pytest.approx(0.5 * (1 + 0.9 * 2))
    assert made.q[0, 1, 0] == pytest.approx(2 + 0.5 * (3 - 2))


def test_double_q_lets_one_table_choose_and_the_other_judge():
    made = agent(method="double_q", lr=1.0, gamma=1.0)
    made.q[:, 1] = [[5.0, 1.0], [2.0, 7.0]]
    made.update(batch([0, 1], [0], [0.0]), 0.0)
    changed = made.q[:, 0, 0]
    # table 0 would choose action 0, which table 1 says is worth 2; table 1 action 1, which table 0 says is worth 1
    assert changed.tolist() in ([2, 0], [0, 1])


def test_monte_carlo_learns_from_first_visits_and_averages_them():
    made = agent(method="monte_carlo", lr=1.0, lr_decay=1.0, gamma=0.5)
    # first visit of (0, 0): 1 + 0.5 * (2 + 0.5 * 4) = 3; the second, worth 4, does not count
    made.update(batch([0, 1, 0, 3], [0, 1, 0], [1.0, 2.0, 4.0], "..|", [3]), 0.0)
    np.testing.assert_allclose(made.q[0, :2], [[3, 0], [0, 4]])
    made.update(batch([0, 3], [0], [5.0], "|", [3]), 0.0)
    assert made.q[0, 0, 0] == (3 + 5) / 2


def test_the_step_size_falls_with_visits():
    made = agent(method="q", lr=1.0, lr_decay=0.5, gamma=0.0)
    for reward in (4.0, 0.0):
        made.update(batch([0, 1], [0], [reward]), 0.0)
    assert made.q[0, 0, 0] == pytest.approx(4 * (1 - 1 / np.sqrt(2)))


@pytest.mark.learns
@pytest.mark.parametrize("method", [*ONLINE, "monte_carlo"])
def test_every_method_finds_the_shortest_way(method):
    cfg = {"method": method, "gamma": 0.9, "epsilon": 0.05, "lr": 0.3, "lr_decay": 0.0}
    run = preset(
        "tabular",
        "gymnast/GridWorld-v0",
        "none",
        agent=cfg,
        steps=12_000,
        num_envs=2,
        seed=SEED,
        evals=1,
        env_args={"size": 4},
    )
    result = train(run)
    assert set(result.evaluation.lengths) == {6}


@pytest.mark.learns
def test_the_maximisation_bias_of_q_learning_is_gone_in_double_q_learning():
    # Sutton & Barto, example 6.7: -0.1 is the truth
    def estimate(method):
        with closing(SyncVectorEnv([Lucky] * 4, autoreset_mode=AutoresetMode.SAME_STEP)) as env:
            cfg = tabular.Config(method=method, lr=0.1, lr_decay=0.0, gamma=1.0, epsilon=1.0)
            made = tabular.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
            rollout = Rollout(env, 16, SEED)
            estimates = []
            for _ in range(200):
                made.update(collect(made, rollout), 0.0)
                estimates.append(made.q[:, 0].mean())
        return np.mean(estimates[100:])  # for the last one alone goes up and down with what was drawn last

    assert estimate("q") > 0.1
    assert estimate("double_q") < 0.0


@pytest.mark.learns
def test_masked_actions_are_neither_taken_nor_bootstrapped_from():
    class Numbered(Doors):
        """`Doors` that shows which ones are open as one number."""

        def __init__(self):
            super().__init__(observed=True)
            self.observation_space = spaces.Dict(action_mask=spaces.MultiBinary(4), doors=spaces.MultiBinary(4))

        def _draw(self):
            obs, info = super()._draw()
            return {"action_mask": obs["action_mask"], "doors": obs["action_mask"]}, info

    with closing(make(Numbered, 4)) as env:
        cfg = tabular.Config(gamma=0.0, epsilon=0.3)
        made = tabular.Agent(env.single_observation_space, env.single_action_space, cfg, seed=SEED)
        rollout = Rollout(env, 16, SEED)
        for k in range(60):
            made.update(collect(made, rollout), k / 60)
        assert collect(made, rollout, "best").reward.mean() > 0.95


def test_a_run_stopped_and_resumed_is_the_run_that_never_stopped(tmp_path):
    run = preset("tabular", "FrozenLake-v1", steps=2000, evals=0, agent={"method": "sarsa"})
    whole = train(run).agent
    describe(run, tmp_path, {})
    with Training(run, tmp_path) as training:
        while training.steps < 1000:
            training.iterate()
        training._save()
    np.testing.assert_array_equal(resume(tmp_path).agent.q, whole.q)


def test_what_has_no_table_is_refused_in_one_line():
    with pytest.raises(UsageError, match="one row per observation"):
        tabular.Agent(spaces.Box(-1, 1, (2,)), spaces.Discrete(2), tabular.Config())
    with pytest.raises(UsageError, match="too large; learn with dqn"):
        tabular.Agent(spaces.MultiDiscrete([1000] * 4), spaces.Discrete(2), tabular.Config())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gamma", [0.5, 0.95])
def test_both_iterations_reach_the_optimum_of_linear_programming(seed, gamma):
    # the least V with V(s) >= Q(s, a) for all a (Puterman 1994, section 6.9)
    model = random_model(seed)
    states, actions, _ = model.probability.shape
    rows = np.zeros((states * actions, states))
    for s in range(states):
        for a in range(actions):
            rows[s * actions + a, s] -= 1
            ahead = gamma * model.probability[s, a] * ~model.terminated[s, a]
            np.add.at(rows[s * actions + a], model.following[s, a], ahead)
    gain = (model.probability * model.reward).sum(-1).ravel()
    optimum = linprog(np.ones(states), rows, -gain, bounds=(None, None)).x
    by_value, by_policy = value_iteration(model, gamma), policy_iteration(model, gamma)
    np.testing.assert_allclose(by_value.value, optimum, atol=1e-6)
    np.testing.assert_allclose(by_policy.value, optimum, atol=1e-6)
    np.testing.assert_allclose(evaluate(model, by_value.policy, gamma), optimum, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_every_sweep_contracts_by_gamma_and_no_improvement_makes_any_state_worse(seed):
    model, gamma = random_model(seed), 0.9
    optimum = policy_iteration(model, gamma)
    errors = [np.abs(value - optimum.value).max() for value in value_iteration(model, gamma).history]
    for before, after in pairwise(errors[:80]):
        assert after <= gamma * before + 1e-12
    for before, after in pairwise(optimum.history):
        assert (after >= before - 1e-12).all()
        assert (after > before + 1e-9).any()
    assert len(optimum.history) < 10


def test_the_operator_contracts_any_two_functions():
    rng, model = np.random.default_rng(0), random_model(5)
    for _ in range(200):
        x, y = rng.normal(0, 10, (2, len(model.reward)))
        apart = np.abs(backup(model, x, 0.8).max(-1) - backup(model, y, 0.8).max(-1)).max()
        assert apart <= 0.8 * np.abs(x - y).max() + 1e-12


def test_the_maximum_is_inside_the_expectation():
    # one action leads to either of two states, in which the other's best action is worthless: E max = 1, max E = 0.5
    table = {
        0: {a: [(0.5, 1, 0.0, False), (0.5, 2, 0.0, False)] for a in range(2)},
        1: {0: [(1.0, 3, 1.0, True)], 1: [(1.0, 3, 0.0, True)]},
        2: {0: [(1.0, 3, 0.0, True)], 1: [(1.0, 3, 1.0, True)]},
        3: {a: [(1.0, 3, 0.0, True)] for a in range(2)},
    }
    assert value_iteration(tabular.model(table), 1.0).value[0] == 1.0


def test_an_acyclic_model_is_exact_after_finitely_many_sweeps_and_a_cycle_never():
    line = {s: {0: [(1.0, min(s + 1, 4), 1.0, s == 4)]} for s in range(5)}
    history = value_iteration(tabular.model(line), 0.9).history
    assert len(history) == 6
    assert (history[-1] == history[-2]).all()
    cycle = {s: {0: [(1.0, 1 - s, 1.0, False)]} for s in range(2)}
    errors = [abs(value[0] - 10) for value in value_iteration(tabular.model(cycle), 0.9).history]
    np.testing.assert_allclose(errors[:50], 10 * 0.9 ** np.arange(1, 51))


def test_planning_knapsack_is_dynamic_programming():
    weights, values, capacity = np.array([3, 4, 5, 9, 2]), np.array([3, 4, 4, 10, 3]), 11
    env = gym.make("gymnast/Knapsack-v0", weights=weights, values=values, capacity=capacity).unwrapped
    best = max(
        sum(values[list(chosen)])
        for k in range(6)
        for chosen in combinations(range(5), k)
        if sum(weights[list(chosen)]) <= capacity
    )
    plan = value_iteration(tabular.model(env.P), 1.0)
    assert plan.value[0] == best == 13
    packed = 0
    _, total, over = env.reset(), 0.0, False
    while not over:
        action = int(plan.policy[packed])
        _, reward, over, _, _ = env.step(action)
        packed, total = packed | 1 << action, total + reward
    assert total == best


@pytest.mark.learns
@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "Taxi-v4", "gymnast/GridWorld-v0"])
def test_a_plan_is_carried_out_as_promised(env_id):
    model = tabular.model(gym.make(env_id).unwrapped.P)
    plan = value_iteration(model, 0.99)
    np.testing.assert_allclose(policy_iteration(model, 0.99).value, plan.value, atol=1e-6)
    with closing(make(env_id, 200)) as env:
        layout = tabular.Table(env.single_observation_space, env.single_action_space, 1, 0.0)
        batch = Rollout(env, 100, SEED).collect(Stateless(lambda obs: {"action": plan.policy[layout.states(obs)]}))
        start = layout.states(batch.obs[0])
    discounted = np.zeros(200)
    running = np.ones(200, np.bool_)
    for t in range(100):
        discounted += running * 0.99**t * batch.reward[t]
        running &= ~batch.done[t]
    error = discounted.std() / np.sqrt(200) + 0.01
    assert discounted.mean() == pytest.approx(plan.value[start].mean(), abs=4 * error)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "optimum"),
    [("FrozenLake-v1", 0.72), ("FrozenLake8x8-v1", 0.83), ("CliffWalking-v1", -13), ("Taxi-v4", 7.7)],
)
def test_presets_reach_the_optimum(env_id, optimum):
    means = [train(preset("tabular", env_id, seed=s, evals=1, eval_episodes=1000)).evaluation.mean for s in range(3)]
    assert np.mean(means) >= optimum
