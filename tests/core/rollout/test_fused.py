"""The jitted loops against the network, the environment and the recorder that they stand in for."""

from contextlib import closing

import numpy as np
import pytest
import torch

from gymnast.agents import dqn, ppo
from gymnast.core import checkpoint
from gymnast.core.acting import Stateless
from gymnast.core.errors import TrainingError
from gymnast.core.jitted import activations, rng
from gymnast.core.rollout import policies
from gymnast.core.rollout.engine import Rollout
from gymnast.core.rollout.fused import FusedActor, fits, is_native
from gymnast.envs import make
from gymnast.envs.native.vector import NativeVectorEnv
from playing import act, acting, collect

ENVS = ["CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0", "FrozenLake-v1"]
COPIES, HORIZON = 3, 60

CONFIGS = {
    "tanh": ppo.Config(hidden=(8, 5), policy_gain=1.0),
    "relu": ppo.Config(hidden=(8, 5), policy_gain=1.0, activation="relu"),
    "shared": ppo.Config(hidden=(8,), policy_gain=1.0, shared=True),
    "standardised": ppo.Config(hidden=(8, 5), policy_gain=1.0, normalize_obs=True),
    "one wide layer": ppo.Config(hidden=(33,), policy_gain=1.0, log_std_init=-0.7),
    "no hidden layers": ppo.Config(hidden=(), policy_gain=1.0),
}


def started(env, config, seed=0):
    """An agent in `env` and the rollout in which the loop acts for it, with the standardisation fed if there is one."""
    agent = ppo.Agent(env.single_observation_space, env.single_action_space, config, seed=seed)
    if config.normalize_obs:
        obs, _ = make(env.spec.id, 64).reset(seed=9)
        agent.net.encoder.update(torch.as_tensor(obs))
    return agent, Rollout(env, HORIZON, seed)


def torch_path(agent, batch):
    """Log-probabilities and values of a batch as the network itself gives them, (T, N) each."""
    steps, n = batch.reward.shape
    with torch.no_grad():
        pi, value = agent.net(torch.as_tensor(batch.obs[:-1]).flatten(0, 1))
        logp = pi.log_prob(torch.as_tensor(batch.action).flatten(0, 1))
    return logp.view(steps, n).numpy(), value.view(steps, n).numpy()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("env_id", ENVS)
def test_log_probabilities_and_values_are_those_of_the_network(env_id, name):
    with closing(make(env_id, COPIES)) as env:
        agent, rollout = started(env, CONFIGS[name])
        batch = collect(agent, rollout)
        logp, value = torch_path(agent, batch)
        np.testing.assert_allclose(batch.extras["logp"], logp, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(batch.extras["value"], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "FrozenLake-v1"])
@pytest.mark.parametrize("hidden", [(8, 5), ()], ids=str)
def test_action_values_are_acted_on_as_the_network_does(env_id, hidden):
    with closing(make(env_id, COPIES)) as env:
        cfg = dqn.Config(hidden=hidden)
        agent = dqn.Agent(env.single_observation_space, env.single_action_space, cfg)
        assert isinstance(acting(agent, COPIES).twin, FusedActor)
        rollout = Rollout(env, HORIZON, 0)
        first = collect(agent, rollout)
        assert first.extras == {}
        counts = np.bincount(first.action.ravel(), minlength=env.single_action_space.n)
        assert counts.min() > 0.6 * counts.mean()  # epsilon is 1
        agent.net.epsilon.fill_(0.0)
        greedy = collect(agent, rollout)
        expected = [act(agent, obs, "best")["action"] for obs in greedy.obs[:-1]]
        np.testing.assert_array_equal(greedy.action, expected)


@pytest.mark.parametrize("config", [{"dueling": True}, {"noisy": True}, {"distribution": "quantile"}], ids=str)
def test_action_values_that_the_loops_do_not_know_are_left_to_the_network(config):
    with closing(make("CartPole-v1", 1)) as env:
        cfg = dqn.Config(**config)
        assert not fits(dqn.Agent(env.single_observation_space, env.single_action_space, cfg).net, 1)


def test_the_loop_reads_the_weights_as_they_are_after_learning():
    with closing(make("CartPole-v1", COPIES)) as env:
        agent, rollout = started(env, CONFIGS["standardised"])
        before = collect(agent, rollout)
        first = before.extras["value"].copy()
        agent.update(before, 0.0)
        batch = collect(agent, rollout)
        np.testing.assert_allclose(batch.extras["value"], torch_path(agent, batch)[1], rtol=1e-5, atol=1e-5)
        assert not np.allclose(batch.extras["value"], first)


@pytest.mark.parametrize("env_id", ENVS)
def test_a_batch_is_what_the_recorder_would_have_recorded_for_these_actions(env_id):
    with closing(make(env_id, COPIES)) as one, closing(make(env_id, COPIES)) as two:
        agent, rollout = started(one, CONFIGS["tanh"], seed=5)
        plain = Rollout(two, HORIZON, seed=5)
        for _ in range(5):  # long enough for episodes to end in all but MountainCarContinuous
            batch = collect(agent, rollout)
            script = iter(batch.action)
            expected = plain.collect(Stateless(lambda _, script=script: {"action": next(script)}))
            for name in set(batch.__slots__) - {"episodes", "extras"}:
                np.testing.assert_array_equal(getattr(batch, name), getattr(expected, name), err_msg=name)
                assert getattr(batch, name).dtype == getattr(expected, name).dtype, name
            for column, other in zip(batch.episodes, expected.episodes, strict=True):
                np.testing.assert_array_equal(column, other)


def collected(seed):
    """Observations and actions of three rollouts."""
    with closing(make("CartPole-v1", COPIES)) as env:
        agent, rollout = started(env, CONFIGS["tanh"], seed)
        batches = (collect(agent, rollout) for _ in range(3))
        return [x.tolist() for batch in batches for x in (batch.obs, batch.action)]


def test_the_same_seed_gives_the_same_batches_and_another_seed_others():
    one, again, other = (collected(seed) for seed in (1, 1, 2))
    assert one == again
    assert one[1] != other[1]


def test_the_stream_of_actions_is_part_of_the_actings_state():
    with closing(make("CartPole-v1", COPIES)) as env:
        agent, rollout = started(env, CONFIGS["tanh"])
        collect(agent, rollout)
        acts = acting(agent, COPIES)
        state, random = rollout.state(), checkpoint.state(acts.parts())
        expected = collect(agent, rollout).action.copy()
        assert not np.array_equal(checkpoint.state(acts.parts())["twin"]["random"], random["twin"]["random"])
        rollout.load_state(state)
        checkpoint.restore(acts.parts(), random)
        # the environment has gone on, but the first actions answer to the same observations with the same numbers
        np.testing.assert_array_equal(collect(agent, rollout).action[0], expected[0])


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 179, 180, 500])
def test_the_budget_is_exact(limit):
    with closing(make("CartPole-v1", COPIES)) as env:
        agent, rollout = started(env, CONFIGS["tanh"])
        batch = collect(agent, rollout, limit=limit)
        steps = min(limit, COPIES * HORIZON)
        assert batch.steps == steps
        assert len(batch.reward) == -(-steps // COPIES)
        assert batch.valid.ravel()[:steps].all()
        assert collect(agent, rollout).steps == COPIES * HORIZON


def test_discrete_actions_are_drawn_with_their_probabilities():
    logits, random = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32)), rng.stream(0)
    action, counts, logp = np.zeros(1, np.int64), np.zeros(4), np.zeros(4)
    for _ in range(50_000):
        logp_of_this = policies.draw_categorical(logits, np.zeros(0, np.float32), action, 4, random)
        counts[action[0]] += 1
        logp[action[0]] = logp_of_this
    # four standard errors: 4 sqrt(0.25 / 50 000) = 0.009
    np.testing.assert_allclose(counts / 50_000, [0.5, 0.3, 0.15, 0.05], atol=0.009)
    np.testing.assert_allclose(logp, logits, atol=1e-6)


def test_an_action_without_probability_is_never_drawn():
    logits, random = np.array([0.0, -1e4, 0.0], np.float32), rng.stream(0)
    action, seen = np.zeros(1, np.int64), set()
    for _ in range(5000):
        policies.draw_categorical(logits, np.zeros(0, np.float32), action, 3, random)
        seen.add(int(action[0]))
    assert seen == {0, 2}


def test_large_logits_do_not_overflow():
    logits = np.array([1e4, 1e4 - 1], np.float32)
    logp = policies.draw_categorical(logits, np.zeros(0, np.float32), np.zeros(1, np.int64), 2, rng.stream(0))
    # 1 / (1 + 1/e) or 1 / (1 + e)
    assert min(abs(logp + 0.3133), abs(logp + 1.3133)) < 1e-3


def test_continuous_actions_are_drawn_with_their_moments():
    mean, log_std, random = np.array([1.0, -2.0], np.float32), np.log(np.array([1.0, 3.0], np.float32)), rng.stream(0)
    box = np.array([0.0, 400.0], np.float32), np.array([1.0, 100.0], np.float32)
    actions = np.zeros((50_000, 2), np.float32)
    for action in actions:
        policies.draw_gaussian(mean, (log_std, *box), action, 2, random)
    u = (actions.astype(np.float64) - box[0]) / box[1]
    np.testing.assert_allclose(u.mean(0), mean, atol=0.055)  # four standard errors of 3 / sqrt(50 000)
    np.testing.assert_allclose(u.std(0), [1, 3], rtol=0.013)


def test_jitted_code_equals_the_python_it_was_made_from():
    generator = np.random.default_rng(0)
    weights = generator.normal(size=4 * 3 + 3 + 3 * 2 + 2).astype(np.float32)
    layers = np.array([(0, 12, 4, 3), (15, 21, 3, 2)])
    x = generator.normal(size=(5, 4)).astype(np.float32)
    outputs = []
    for forward, activate in (
        (policies.forward, activations.activate),
        (policies.forward.py_func, activations.activate.py_func),
    ):
        a, b = np.zeros((2, 5, 4), np.float32)
        rectified = weights.copy()
        activate(rectified, len(rectified), True)
        outputs.append((forward(weights, layers, False, x, a, b)[:, :2].copy(), rectified))
    np.testing.assert_allclose(outputs[0][0], outputs[1][0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(outputs[0][1], outputs[1][1])


def net_for(env, **config):
    return ppo.Agent(env.single_observation_space, env.single_action_space, ppo.Config(**config)).net


def test_it_fits_small_networks_in_any_environment_and_knows_the_native_ones():
    with closing(make("CartPole-v1", 2)) as native, closing(make("CartPole-v1", 2, backend="loop")) as loop:
        assert fits(net_for(native), native.num_envs)
        assert is_native(native)
        assert fits(net_for(loop), loop.num_envs)
        assert not is_native(loop)
        assert not fits(torch.nn.Linear(4, 2), 2)


def test_an_environment_that_steps_in_its_own_way_is_stepped_that_way(monkeypatch):
    class Halved(NativeVectorEnv):
        def step(self, actions):
            obs, reward, *rest = super().step(actions)
            return obs, reward / 2, *rest

    with closing(make("CartPole-v1", 2)) as env, closing(Halved(env.kernel, 2)) as halved:
        agent = ppo.Agent(env.single_observation_space, env.single_action_space, ppo.Config())
        acting, rollout = agent.acting(2), Rollout(env, 4)
        assert acting.twin is not None
        assert (Rollout(halved, 4).collect(acting).reward == 0.5).all()
        assert (rollout.collect(acting).reward == 1.0).all()
        monkeypatch.setattr(env, "step", halved.step)
        assert not is_native(env)


def test_it_does_not_fit_what_matrix_products_do_faster():
    with closing(make("CartPole-v1", 2)) as few, closing(make("CartPole-v1", 1024)) as many:
        assert not fits(net_for(few, hidden=(512, 512)), few.num_envs)
        assert not fits(net_for(many), many.num_envs)


def test_it_does_not_fit_state_dependent_noise():
    with closing(make("Pendulum-v1", 2)) as env:
        assert fits(net_for(env), env.num_envs)
        assert not fits(net_for(env, sde=True), env.num_envs)


def test_it_does_not_fit_masked_or_structured_observations():
    with closing(make("Taxi-v4", 2)) as masked, closing(make("Blackjack-v1", 2)) as structured:
        assert not fits(net_for(masked), masked.num_envs)
        assert not fits(net_for(structured), structured.num_envs)


@pytest.mark.parametrize("env_id", ENVS)
def test_one_seed_gives_one_run_whether_the_environment_is_native_or_not(env_id):
    batches = []
    for backend in ("native", "loop"):
        with closing(make(env_id, COPIES, backend=backend)) as env:
            agent, rollout = started(env, CONFIGS["tanh"], seed=3)
            batches.append(collect(agent, rollout))
            assert batches[-1].steps == COPIES * HORIZON
    native, loop = batches
    for name in ("obs", "action", "reward", "terminated", "truncated", "final_at", "final_obs"):
        np.testing.assert_array_equal(getattr(native, name), getattr(loop, name), err_msg=name)
    np.testing.assert_allclose(native.extras["logp"], loop.extras["logp"], rtol=1e-6)
    np.testing.assert_allclose(native.extras["value"], loop.extras["value"], rtol=1e-6)


def test_what_an_environment_gives_in_a_loop_is_looked_at_too():
    with closing(make("CartPole-v1", COPIES)) as env:
        agent, rollout = started(env, CONFIGS["tanh"])
        env.unwrapped.state[1] = np.nan
        with pytest.raises(TrainingError, match=r"^environment 1 gave nan, which is not a number"):
            collect(agent, rollout)
