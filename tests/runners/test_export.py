"""Exported policies act as `predict` does, without gymnast."""

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

import gymnast
from gymnast.core.errors import UsageError
from gymnast.runners import api, export

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated")

BOX = spaces.Box(-2, 3, (3,), np.float32)
IMAGE = spaces.Box(0, 255, (40, 40, 3), np.uint8)
PARTS = spaces.Dict(side=spaces.Discrete(3, start=1), place=BOX, image=spaces.Box(0, 255, (8, 8, 1), np.uint8))
MASKED = spaces.Dict(observation=spaces.MultiDiscrete([2, 3]), action_mask=spaces.MultiBinary(3))
DOUBLE = spaces.Box(-np.inf, np.inf, (2, 2), np.float64)
ACTIONS = {
    "Discrete": spaces.Discrete(3, start=2),
    "MultiDiscrete": spaces.MultiDiscrete([2, 3]),
    "MultiBinary": spaces.MultiBinary(3),
    "Box": spaces.Box(np.array([-1, 0], np.float32), np.array([5, 9], np.float32)),
    "open Box": spaces.Box(-np.inf, np.inf, (2,), np.float64),
    "whole Box": spaces.Box(0, 200, (1,), np.uint8),
}
SMALL = {"preset": "none", "num_envs": 4, "evals": 0, "horizon": 8, "minibatch": 16, "hidden": (8,)}
REPLAY = SMALL | {"learning_starts": 1000, "critic_hidden": (8,), "capacity": 100, "horizon": 1}
ALGORITHMS = {
    "PPO": SMALL | {"normalize_obs": True},
    "A2C": {name: value for name, value in SMALL.items() if name != "minibatch"}
    | {"activation": "gelu", "norm": "layer"},
    "DQN": SMALL | {"learning_starts": 1000, "dueling": True, "noisy": True, "normalize_obs": True, "capacity": 100},
    "SAC": REPLAY | {"normalize_obs": True},
    "TD3": REPLAY | {"hidden": (8, 8), "norm": "layer"},
}


def env_of(observation, action):
    """An environment that observes and takes anything in these spaces."""

    class Anything(gym.Env):
        observation_space, action_space = observation, action

        def _seen(self):
            obs = self.observation_space.sample()
            if isinstance(obs, dict) and "action_mask" in obs:
                obs["action_mask"][0] = 1
            return obs

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.observation_space.seed(seed)
            return self._seen(), {}

        def step(self, action):
            assert self.action_space.contains(action)
            return self._seen(), 1.0, bool(self.np_random.random() < 0.2), False, {}

    return Anything


def learned(algo, observation, action, **settings):
    return getattr(gymnast, algo)(env_of(observation, action), **(ALGORITHMS[algo] | settings)).learn(64)


def observations(learner, count=5):
    """A batch as the environment gives it, and its parts in the order of their names."""
    space = batch_space(learner.run.env.observation_space, count)
    space.seed(1)
    obs = space.sample()
    if not isinstance(obs, dict):
        return obs, {"obs": obs}
    if "action_mask" in obs:
        obs["action_mask"][:, 0] = 1
    return obs, dict(sorted(obs.items()))


def assert_acts_alike(learner, path, run):
    names = learner.export(path)
    obs, parts = observations(learner)
    assert names.inputs == tuple(parts)
    out = dict(zip(names.outputs, run(path, parts), strict=True))
    action, thoughts = learner.predict(obs)
    assert out["action"].dtype == np.asarray(action).dtype
    np.testing.assert_allclose(out["action"], action, rtol=1e-5, atol=1e-5)
    if "logits" in out and "action probability" in thoughts:
        np.testing.assert_allclose(np.exp(out["logits"]), thoughts["action probability"], atol=1e-5)
    if "action_value" in out:
        np.testing.assert_allclose(out["action_value"], thoughts["action value"], rtol=1e-4, atol=1e-5)
    if "value" in out:
        np.testing.assert_allclose(out["value"], thoughts["value"], rtol=1e-4, atol=1e-5)


def torchscript(path, parts):
    return [x.numpy() for x in torch.jit.load(path)(*map(torch.as_tensor, parts.values()))]


def onnx(runtime, path, parts):
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, parts)


LEARNED = [
    *(("PPO", BOX, name, {}) for name in ACTIONS),
    *(("PPO", BOX, "Box", {"head": head}) for head in ("squashed", "mixture", "autoregressive")),
    ("PPO", IMAGE, "Discrete", {}),
    ("PPO", PARTS, "Box", {"sde": True}),
    ("PPO", MASKED, "Discrete", {}),
    ("PPO", DOUBLE, "Discrete", {}),
    ("A2C", BOX, "Discrete", {}),
    ("DQN", PARTS, "Discrete", {"distribution": "categorical"}),
    ("DQN", MASKED, "Discrete", {}),
    ("SAC", BOX, "Box", {}),
    ("SAC", PARTS, "Box", {"blocks": 1}),
    ("TD3", DOUBLE, "Box", {}),
]


@pytest.mark.parametrize(("algo", "observation", "action", "settings"), LEARNED)
def test_an_exported_policy_acts_as_predict_does(algo, observation, action, settings, tmp_path):
    learner = learned(algo, observation, ACTIONS[action], **settings)
    assert_acts_alike(learner, tmp_path / "policy.pt", torchscript)
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    assert_acts_alike(learner, tmp_path / "policy.onnx", partial(onnx, runtime))


def test_a_form_may_be_named(tmp_path):
    learner = gymnast.PPO("CartPole-v1")
    assert learner.export(tmp_path / "policy.bin", format="torchscript").outputs == ("action", "logits", "value")
    assert torch.jit.load(tmp_path / "policy.bin")(torch.zeros(7, 4))[0].shape == (7,)
    with pytest.raises(UsageError, match=r"an exported policy is a file .onnx \(ONNX\) or .pt \(TorchScript\)"):
        learner.export(tmp_path / "policy.bin")


def test_the_command_exports_a_run(tmp_path, gymnast):
    learner = api.learner("PPO")("CartPole-v1", **SMALL).learn(64)
    learner.save(tmp_path / "run")
    said = gymnast("export run policy.pt")
    assert (said.code, said.out) == (0, "wrote policy.pt: from obs to action, logits, value\n")
    obs = np.ones((3, 4), np.float32)
    assert torchscript(tmp_path / "policy.pt", {"obs": obs})[0].tolist() == learner.predict(obs)[0].tolist()
    assert gymnast("export run policy.bin").code == 2


def test_onnx_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r'onnx is not installed; run: pip install "gymnast\[onnx\]"'):
        gymnast.PPO("CartPole-v1").export(tmp_path / "policy.onnx")


def test_what_is_more_than_a_network_is_refused(tmp_path):
    for learner in (gymnast.AlphaZero("tictactoe"), gymnast.Tabular("FrozenLake-v1")):
        with pytest.raises(UsageError, match="is not a policy alone"):
            learner.export(tmp_path / "policy.pt")


def test_an_agent_that_acts_otherwise_than_its_network_is_refused(tmp_path, monkeypatch):
    learner = gymnast.PPO("Pendulum-v1")
    acting = learner.agent.acting

    def other(envs, mode, seed=0):
        inner = acting(envs, mode, seed)
        return lambda obs, first: {"action": inner(obs, first)["action"] + 0.5}

    monkeypatch.setattr(learner.agent, "acting", other)
    with pytest.raises(UsageError, match="acts otherwise than its ActorCritic says"):
        learner.export(tmp_path / "policy.pt")


def test_policies_that_write_are_not_exported(tmp_path):
    writer = gymnast.PPO("gymnast/Copy-v0", preset="none", num_envs=4, width=16, layers=1)
    with pytest.raises(UsageError, match="reads texts"):
        writer.export(tmp_path / "policy.pt")
