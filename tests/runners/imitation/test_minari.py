"""Datasets of Minari: back and forth, and those of other people."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from gymnast.core.errors import UsageError
from gymnast.core.rollout import demos
from gymnast.runners.imitation.minari import read, write

minari = pytest.importorskip("minari")


@pytest.fixture(autouse=True)
def _own_datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


BOX = spaces.Box(-1, 1, (1,), np.float32)
STEPS = 3


def episode(**changed):
    """Three steps to a termination, apart from what is `changed`."""
    return {
        "observations": np.zeros((STEPS + 1, 1), np.float32),
        "actions": np.zeros((STEPS, 1), np.float32),
        "rewards": np.ones(STEPS),
        "terminations": np.arange(STEPS) == STEPS - 1,
        "truncations": np.zeros(STEPS, bool),
        "infos": {},
    } | changed


def dataset(*episodes, env=None, observation=BOX, action=BOX):
    """Make test-v0 of these episodes."""
    from minari.data_collector import EpisodeBuffer

    buffers = [EpisodeBuffer(id=k, **one) for k, one in enumerate(episodes)]
    with warnings.catch_warnings(action="ignore"):  # of who made it, where its code is
        minari.create_dataset_from_buffers(
            "test-v0", buffers, env=env, observation_space=observation, action_space=action, algorithm_name="somebody"
        )


def test_minari_gives_back_what_it_got(gymnast, tmp_path):
    for env in ("own_envs:Corridor", "own_envs:Structured", "CartPole-v1"):
        name = env.split(":")[-1].lower().removesuffix("-v1")
        assert gymnast(f"collect own_experts:either {env} --episodes 3 --out {name} --quiet").code == 0
        said = gymnast(f"demos {name} --to-minari test/{name}-v0")
        assert said.code == 0, said.err
        told = "" if env == "CartPole-v1" else f" --env {env}"
        assert gymnast(f"demos {name}-2 --from-minari test/{name}-v0{told}").code == 0
        one, two = demos.load(tmp_path / name), demos.load(tmp_path / f"{name}-2")
        assert (one.observation_space, one.action_space) == (two.observation_space, two.action_space)
        assert one.env == two.env
        for a, b in zip(one, two, strict=True):
            for x, y in zip(a[:3], b[:3], strict=True):
                np.testing.assert_array_equal(x, y)
            assert a.terminated == b.terminated
    assert gymnast("demos x --from-minari test/none-v0").err.count("\n") == 1
    assert "Malformed" in gymnast("demos corridor --to-minari", "a b").err


def test_a_dataset_without_an_environment_is_of_the_one_that_is_named(gymnast, tmp_path):
    dataset(episode())
    said = gymnast("demos demos --from-minari test-v0")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "does not say what environment it is of; give --env ENV" in said.err
    assert gymnast("demos demos --from-minari test-v0 --env Pendulum-v1").code == 0
    assert demos.load(tmp_path / "demos").env == "Pendulum-v1"
    assert "Did you mean" in gymnast("demos other --from-minari test-v0 --env Pendulun-v1").err
    assert "--env belongs to --from-minari" in gymnast("demos demos --env Pendulum-v1").err


def test_an_environment_is_the_same_with_the_module_that_registers_it(tmp_path):
    registered = EnvSpec("Own-v0", entry_point="own_envs:Corridor")
    gym.registry["Own-v0"] = registered
    try:
        dataset(episode(), env=registered)
        read("test-v0", tmp_path / "demos")
        found = demos.load(tmp_path / "demos")
        assert found.env == "Own-v0"
        demos.check(found, "own_envs:Own-v0", BOX, BOX)
        with pytest.raises(UsageError, match="are of Own-v0, not of own_envs:Other-v0"):
            demos.check(found, "own_envs:Other-v0", BOX, BOX)
        with demos.Writer(tmp_path / "own", "own_envs:Own-v0", BOX, BOX) as writer:
            for trajectory in found:
                writer.add(trajectory)
        write(demos.load(tmp_path / "own"), "back-v0")
        assert minari.load_dataset("back-v0").env_spec.id == "Own-v0"
    finally:
        del gym.registry["Own-v0"]


def test_texts_are_left_out(tmp_path):
    space = spaces.Dict(mission=spaces.Text(5), place=BOX)
    obs = {"mission": ["go"] * (STEPS + 1), "place": np.zeros((STEPS + 1, 1), np.float32)}
    dataset(episode(observations=obs), observation=space)
    read("test-v0", tmp_path / "demos", "Pendulum-v1")
    assert demos.load(tmp_path / "demos").observation_space == spaces.Dict(place=BOX)


WRONG = {
    "no final observation": (
        {"observations": np.zeros((STEPS, 1), np.float32)},
        "episode 1 of test-v0 holds 3 observations, 3 actions and 3 rewards",
    ),
    "a nan observation": ({"observations": np.full((STEPS + 1, 1), np.nan, np.float32)}, "observation 0 is nan"),
    "other observations": ({"observations": np.zeros((STEPS + 1, 2), np.float32)}, "episode 1 of test-v0: an observ"),
    "an action too few": ({"actions": np.zeros((STEPS - 1, 1), np.float32)}, "2 actions"),
    "a far action": ({"actions": np.full((STEPS, 1), 2.0, np.float32)}, r"holds the action \[2.\], which is not in"),
    "a nan action": ({"actions": np.full((STEPS, 1), np.nan, np.float32)}, r"holds the action \[nan\]"),
    "other actions": ({"actions": np.zeros((STEPS, 2), np.float32)}, "holds actions of shape"),
    "a nan reward": ({"rewards": np.full(STEPS, np.nan)}, "holds the reward nan"),
    "a reward beyond float32": ({"rewards": np.full(STEPS, 1e300)}, "holds the reward inf"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_no_environment_gives_is_refused_in_one_line(tmp_path, kind):
    changed, words = WRONG[kind]
    dataset(episode(), episode(**changed))
    with pytest.raises(UsageError, match=words) as told:
        read("test-v0", tmp_path / "demos", "Pendulum-v1")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "demos").exists(), "nothing is written"


def test_actions_that_nothing_learns_are_refused(tmp_path):
    gas = {"gas": np.zeros(STEPS, np.int64)}
    dataset(episode(actions=gas), action=spaces.Dict(gas=spaces.Discrete(2)))
    with pytest.raises(UsageError, match="which nothing here learns"):
        read("test-v0", tmp_path / "demos", "Pendulum-v1")
