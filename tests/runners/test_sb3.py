"""Weights between Stable-Baselines3 and gymnast, in both ways."""

import gymnasium as gym
import numpy as np
import pytest
from torch import nn

import gymnast
from gymnast.core.errors import UsageError

sb3 = pytest.importorskip("stable_baselines3")
DummyVecEnv, VecNormalize = sb3.common.vec_env.DummyVecEnv, sb3.common.vec_env.VecNormalize

SMALL = {"preset": "none", "num_envs": 2, "evals": 0, "hidden": (16, 8)}
REPLAY = SMALL | {"capacity": 200, "learning_starts": 20, "minibatch": 16}
OURS = {
    "PPO": ("CartPole-v1", SMALL | {"horizon": 16, "minibatch": 16}),
    "PPO, Box": ("Pendulum-v1", SMALL | {"horizon": 16, "minibatch": 16, "activation": "elu"}),
    "A2C": ("Acrobot-v1", SMALL | {"shared": True}),
    "DQN": ("CartPole-v1", REPLAY),
    "SAC": ("Pendulum-v1", REPLAY | {"critic_hidden": (8,), "critics": 3}),
    "TD3": ("Pendulum-v1", REPLAY | {"critic_hidden": (8,)}),
}
STEPS = {"n_steps": 16, "batch_size": 16}
BUFFER = {"buffer_size": 200, "learning_starts": 20, "batch_size": 16}
THEIRS = {
    "PPO": ("Acrobot-v1", STEPS, [16, 8]),
    "PPO, Box": ("Pendulum-v1", STEPS, {"pi": [8], "vf": [8]}),
    "A2C": ("CartPole-v1", {}, [8]),
    "DQN": ("CartPole-v1", BUFFER, [16]),
    "SAC": ("Pendulum-v1", BUFFER, {"pi": [8], "qf": [16]}),
    "TD3": ("Pendulum-v1", BUFFER, [16, 8]),
}


def assert_alike(learner, model, tolerance=1e-6):
    obs = np.random.default_rng(0).normal(size=(50, *model.observation_space.shape)).astype(np.float32)
    np.testing.assert_allclose(
        learner.predict(obs)[0], model.predict(obs, deterministic=True)[0], rtol=tolerance, atol=tolerance
    )


def model_of(kind, **changed):
    env, settings, arch = THEIRS[kind]
    how = {"policy_kwargs": {"net_arch": arch}, "device": "cpu", **settings, **changed}
    return getattr(sb3, kind.partition(",")[0])("MlpPolicy", env, **how).learn(64)


@pytest.mark.parametrize("kind", OURS)
def test_a_learner_becomes_a_model_that_acts_alike(kind, tmp_path):
    env, settings = OURS[kind]
    learner = getattr(gymnast, kind.partition(",")[0])(env, **settings).learn(64)
    model = gymnast.to_sb3(learner)
    assert_alike(learner, model)
    model.save(tmp_path / "model.zip")
    again = gymnast.from_sb3(tmp_path / "model.zip", env, trust=True, num_envs=2)
    assert_alike(again, model)
    model.set_env(gym.make(env))
    model.learn(64)


@pytest.mark.parametrize("kind", THEIRS)
def test_a_model_becomes_a_learner_that_acts_alike_and_learns_on(kind):
    model = model_of(kind)
    settings = {name: value for name, value in OURS[kind][1].items() if name in ("horizon", "minibatch", "capacity")}
    learner = gymnast.from_sb3(model, THEIRS[kind][0], num_envs=2, evals=0, **settings)
    assert_alike(learner, model)
    assert (learner.run.agent.gamma, learner.run.agent.lr) == (model.gamma, model.lr_schedule(1.0))
    assert learner.learn(128).steps == 128


def test_the_estimates_go_over_too():
    model = model_of("DQN")
    obs = np.ones((3, 4), np.float32)
    values = model.q_net(model.policy.obs_to_tensor(obs)[0]).detach().numpy()
    found = gymnast.from_sb3(model, "CartPole-v1").predict(obs)[1]["action value"]
    np.testing.assert_allclose(found, values, rtol=1e-5)
    model = model_of("PPO")
    obs = np.ones((3, 6), np.float32)
    value = model.policy.predict_values(model.policy.obs_to_tensor(obs)[0]).detach().numpy()[:, 0]
    np.testing.assert_allclose(gymnast.from_sb3(model, "Acrobot-v1").predict(obs)[1]["value"], value, rtol=1e-4)


@pytest.mark.parametrize("kind", ["PPO", "DQN", "SAC"])
def test_the_moments_of_a_vecnormalize_go_over(kind, tmp_path):
    name, settings, arch = THEIRS[kind]
    env = VecNormalize(DummyVecEnv([lambda: gym.make(name)]))
    model = getattr(sb3, kind)("MlpPolicy", env, policy_kwargs={"net_arch": arch}, device="cpu", **settings).learn(64)
    model.save(tmp_path / "model.zip")
    env.save(tmp_path / "vecnormalize.pkl")
    obs = np.random.default_rng(0).normal(size=(50, *env.observation_space.shape)).astype(np.float32)
    wanted = model.predict(env.normalize_obs(obs), deterministic=True)[0]
    few = {"minibatch": 16, "horizon": 16, "num_envs": 2, "evals": 0}
    for source in (model, tmp_path / "model.zip"):
        learner = gymnast.from_sb3(source, name, trust=True, **few)
        np.testing.assert_allclose(learner.predict(obs)[0], wanted, rtol=1e-5, atol=1e-5)
        assert learner.learn(64).steps == 64
    env.clip_obs = 5.0
    with pytest.raises(UsageError, match="clip_obs is 10"):
        gymnast.from_sb3(model, name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"policy_kwargs": {"net_arch": {"pi": [8], "vf": [4]}}},
            r"layers \[8\] and those of its values \[4\] must be",
        ),
        ({"policy_kwargs": {"activation_fn": nn.Hardtanh}}, "layers with Hardtanh do not go over"),
        ({"use_sde": True}, "use_sde"),
    ],
)
def test_a_model_with_no_counterpart_is_refused(change, told):
    with pytest.raises(UsageError, match=told):
        gymnast.from_sb3(sb3.PPO("MlpPolicy", "Pendulum-v1", device="cpu", **change), "Pendulum-v1")


def test_a_model_for_another_environment_is_refused(tmp_path):
    model = model_of("A2C")
    with pytest.raises(UsageError, match="the model is for Box"):
        gymnast.from_sb3(model, "Acrobot-v1")
    model.save(tmp_path / "model.zip")
    with pytest.raises(UsageError, match="say trust=True"):
        gymnast.from_sb3(tmp_path / "model.zip", "CartPole-v1")


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        (lambda: gymnast.TRPO("CartPole-v1"), "trpo cannot become a model of Stable-Baselines3"),
        (lambda: gymnast.PPO("CartPole-v1", normalize_obs=True), "PPO has no normalize_obs True, only False"),
        (lambda: gymnast.DQN("CartPole-v1", dueling=True), "DQN has no dueling True"),
        (lambda: gymnast.PPO("FrozenLake-v1"), "do not go over"),
    ],
)
def test_a_learner_with_no_counterpart_is_refused(learner, told):
    with pytest.raises(UsageError, match=told):
        gymnast.to_sb3(learner())
