"""Models of Stable-Baselines3 as experts, beside their own `predict`."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from gymnast import envs
from gymnast.core.acting import followed
from gymnast.core.errors import UsageError
from gymnast.core.spaces.layout import Layout
from gymnast.runners.training import experts

sb3 = pytest.importorskip("stable_baselines3")
contrib = pytest.importorskip("sb3_contrib")


class Small(gym.Env):
    """Random observations of any space; two actions, or one number."""

    def __init__(self, space, action=None):
        self.observation_space, self.action_space = space, action or spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}

    def action_masks(self):
        return np.array([1, 0], bool)


BOX, NUMBER = spaces.Box(-1, 1, (3,), np.float32), spaces.Box(-1, 1, (1,), np.float32)
DICT = spaces.Dict(b=BOX, a=spaces.Box(-1, 1, (2,), np.float32))
PICTURE = spaces.Box(0, 255, (40, 40, 1), np.uint8)
FEW = {"n_steps": 8, "batch_size": 8, "seed": 0}


def asked(model, space, tmp_path, action=None):
    """What the saved model's expert does, and eight observations of `space`."""
    model.save(tmp_path / "model.zip")
    made = SyncVectorEnv([lambda: Small(space, action)] * 2)
    space.seed(3)
    obs = [space.sample() for _ in range(8)]
    layout = Layout(space)
    stored = np.concatenate([layout.batch(one)[0] for one in obs])
    return experts.load(str(tmp_path / "model.zip"), made)(stored)["action"], obs


@pytest.mark.parametrize(
    ("make", "space", "action"),
    [
        (lambda env: sb3.PPO("MultiInputPolicy", env, **FEW), DICT, None),
        (lambda env: sb3.PPO("CnnPolicy", env, **FEW), PICTURE, None),
        (lambda env: contrib.ARS("MlpPolicy", env, seed=0), BOX, None),
        (lambda env: contrib.CrossQ("MlpPolicy", env, seed=0, buffer_size=10), BOX, NUMBER),
    ],
    ids=["dict", "picture", "ars", "crossq"],
)
def test_a_model_acts_as_by_its_own_predict(tmp_path, make, space, action):
    model = make(Small(space, action))
    actions, obs = asked(model, space, tmp_path, action)
    expected = [model.predict(one, deterministic=True)[0] for one in obs]
    np.testing.assert_allclose(actions, expected, rtol=1e-5, atol=1e-6)


def test_a_line_says_that_a_model_is_unpickled(tmp_path, capsys):
    asked(contrib.ARS("MlpPolicy", Small(BOX), seed=0), BOX, tmp_path)
    assert [line for line in capsys.readouterr().err.splitlines() if "unpickles" in line] == [
        f"Stable-Baselines3 unpickles {tmp_path / 'model.zip'}, which runs whatever it holds: use those that you trust"
    ]


def test_a_model_with_masks_takes_legal_actions_alone(tmp_path):
    model = contrib.MaskablePPO("MlpPolicy", Small(BOX), **FEW)
    space = spaces.Dict(observation=BOX, action_mask=spaces.MultiBinary(2))
    actions, obs = asked(model, space, tmp_path)
    legal = [one["action_mask"] for one in obs]
    expected = [
        model.predict(one["observation"], action_masks=one["action_mask"], deterministic=True)[0] for one in obs
    ]
    np.testing.assert_array_equal(actions, expected)
    assert all(mask[action] for mask, action in zip(legal, actions, strict=True) if mask.any())
    with pytest.raises(UsageError, match="chooses among legal actions; the observations here hold no action_mask"):
        asked(model, BOX, tmp_path)


def test_a_recurrent_model_follows_each_environment_from_where_its_episodes_begin(tmp_path):
    model = contrib.RecurrentPPO("MlpLstmPolicy", Small(BOX), **FEW)
    for weight in model.policy.parameters():  # so that what is remembered decides
        torch.nn.init.normal_(weight)
    obs = np.random.default_rng(0).normal(size=(12, 2, 3)).astype(np.float32)
    first = np.zeros((12, 2), bool)
    first[[0, 0, 5, 8], [0, 1, 1, 0]] = True
    model.save(tmp_path / "model.zip")
    acting = followed(experts.load(str(tmp_path / "model.zip"), SyncVectorEnv([lambda: Small(BOX)] * 2)), 2)
    found = [acting(o, f)["action"] for o, f in zip(obs, first, strict=True)]
    state, wanted = None, []
    for o, f in zip(obs, first, strict=True):
        action, state = model.predict(o, state=state, episode_start=f, deterministic=True)
        wanted.append(action)
    np.testing.assert_array_equal(found, wanted)
    forgetful = [model.predict(o, deterministic=True)[0] for o in obs]
    assert (np.array(forgetful) != wanted).any()


def test_a_model_for_more_actions_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is for the actions"):
        asked(sb3.PPO("MlpPolicy", Small(BOX, spaces.Discrete(3)), **FEW), BOX, tmp_path)


def test_moments_are_found_beside_the_model_and_one_folder_down(tmp_path):
    model = tmp_path / "CartPole-v1.zip"
    assert experts.moments_beside(model) is None
    for place in ("zoo/vecnormalize.pkl", "CartPole-v1/vecnormalize.pkl", "vec_normalize.pkl"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
        assert experts.moments_beside(model) == tmp_path / place
    (tmp_path / "vec_normalize.pkl").unlink()
    with pytest.raises(UsageError, match="several files could normalise"):
        experts.moments_beside(tmp_path / "best_model.zip")


def test_moments_are_used(tmp_path):
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    normal = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")]))
    normal.obs_rms.mean[:], normal.obs_rms.var[:] = 3.0, 4.0
    model = sb3.PPO("MlpPolicy", normal, **FEW)
    model.save(tmp_path / "model.zip")
    (tmp_path / "Pendulum-v1").mkdir()
    normal.save(tmp_path / "Pendulum-v1" / "vecnormalize.pkl")
    made = envs.make("Pendulum-v1", 1)
    obs = np.array([[1.0, 0.0, 2.0]], np.float32)
    found = experts.load(str(tmp_path / "model.zip"), made, trust=True)(obs)["action"]
    expected, _ = model.predict((obs - 3) / np.sqrt(4 + 1e-8), deterministic=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
