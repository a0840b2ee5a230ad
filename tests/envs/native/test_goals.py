"""Native environments with goals: what they observe, what they reward, when they end."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.core.errors import UsageError
from gymnast.envs import native
from gymnast.envs.native import mazes

GOALS = sorted(native.GOALS)
each = pytest.mark.parametrize("name", GOALS)


def made(name, mode=AutoresetMode.SAME_STEP, copies=8, **kwargs):
    return native.make(name, copies, mode, **kwargs)


def steps(env, count, seed=0):
    """`count` random steps, each with the observation after it, not after the reset."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(count):
        obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
        after = {name: part.copy() for name, part in obs.items()}
        if "final_obs" in info:
            for name, part in info["final_obs"].items():
                after[name][info["_final_obs"]] = part[info["_final_obs"]]
        yield obs, after, reward, terminated, truncated, info


@each
def test_rewards_and_ends_are_those_of_the_goals(name):
    small = {"n": 4} if name == "gymnast/BitFlip-v0" else {"maze": ".../.#./..."}
    env, ended = made(name, **small), 0
    for obs, after, reward, terminated, truncated, info in steps(env, 400):
        assert all(env.single_observation_space[k].contains(row) for k in obs for row in obs[k])
        pair = after["achieved_goal"], after["desired_goal"], {}
        np.testing.assert_array_equal(env.compute_reward(*pair), reward)
        np.testing.assert_array_equal(env.compute_terminated(*pair), terminated)
        np.testing.assert_array_equal(reward, terminated - 1.0)
        done = terminated | truncated
        assert ("final_info" in info) == done.any()
        if done.any():
            np.testing.assert_array_equal(info["final_info"]["is_success"][done], terminated[done])
            np.testing.assert_array_equal(info["final_info"]["_is_success"], done)
        ended += terminated.sum()
    assert ended > 5


@each
def test_no_episode_begins_at_its_goal(name):
    env = made(name, copies=500)
    obs, _ = env.reset(seed=0)
    assert not env.compute_terminated(obs["achieved_goal"], obs["desired_goal"], {}).any()


@each
@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_one_copy_is_what_many_are(name, mode):
    env, single = made(name, mode), SyncVectorEnv([lambda: gymnasium.make(name)] * 8, autoreset_mode=mode)
    assert single.single_observation_space == env.single_observation_space
    ours, theirs = env.reset(seed=3)[0], single.reset(seed=3)[0]
    env.action_space.seed(0)
    for _ in range(60):
        for part in ours:
            np.testing.assert_array_equal(ours[part], theirs[part])
        action = env.action_space.sample()
        ours, *rest = env.step(action)
        theirs, *others = single.step(action)
        for mine, other in zip(rest[:3], others[:3], strict=True):
            np.testing.assert_array_equal(mine, other)
        if mode is AutoresetMode.DISABLED and (done := rest[1] | rest[2]).any():
            ours, theirs = (x.reset(options={"reset_mask": done.copy()})[0] for x in (env, single))


@each
def test_a_single_one_judges_goals_and_says_whether_it_succeeded(name):
    env = gymnasium.make(name)
    obs, _ = env.reset(seed=0)
    judge = env.get_wrapper_attr("compute_terminated")
    assert not judge(obs["achieved_goal"], obs["desired_goal"], {})
    assert judge(obs["desired_goal"], obs["desired_goal"], {})
    *_, info = env.step(env.action_space.sample())
    assert not info["is_success"]


@each
def test_a_saved_state_goes_on_bit_for_bit(name):
    env, again = made(name), made(name)
    list(steps(env, 30))
    again.set_state(env.get_state())
    env.action_space.seed(1)
    for _ in range(30):
        action = env.action_space.sample()
        one, other = env.step(action)[0], again.step(action)[0]
        assert all((one[part] == other[part]).all() for part in one)


@pytest.mark.parametrize("name", ["gymnast/GridGoals-v0", "gymnast/PointMaze-v0"])
@pytest.mark.parametrize("value", [-1.0, 0.0, 1e18, np.nan, np.inf])
def test_a_place_outside_of_the_maze_is_refused(name, value):
    env = made(name)
    env.reset(seed=0)
    for column in range(env.state.shape[1]):
        saved = env.get_state()
        saved["state"][0, column] = value
        if column in (2, 3) and name == "gymnast/PointMaze-v0" and abs(value) <= 0.4:
            continue  # a velocity
        with pytest.raises(ValueError, match="out of bounds"):
            env.set_state(saved)


def test_bits_are_flipped_for_as_many_steps_as_there_are():
    env = made("gymnast/BitFlip-v0", n=6)
    assert env.spec.max_episode_steps == 6
    before, _ = env.reset(seed=0)
    before = before["observation"].copy()
    after, *_ = env.step(np.full(8, 2))
    changed = before != after["observation"]
    assert changed[:, 2].all()
    assert changed.sum() == 8
    np.testing.assert_array_equal(after["observation"], after["achieved_goal"])


def test_a_time_limit_of_ones_own_holds():
    env = made("gymnast/BitFlip-v0", n=30, max_episode_steps=3)
    lengths = [truncated.all() for *_, truncated, _ in steps(env, 6)]
    assert lengths == [False, False, True] * 2


def walls(env):
    rows, columns = env.kernel.params[:2].astype(int)
    return env.kernel.params[3 : 3 + rows * columns].reshape(rows, columns) != 0


def test_the_grid_is_that_of_the_map():
    env = made("gymnast/GridGoals-v0", maze="..#/.../#..")
    blocked = walls(env)
    for _ in steps(env, 100):
        rows, columns = env.state[:, :2].astype(int).T
        assert not blocked[rows, columns].any()
        neighbours = np.stack([blocked[rows + dr, columns + dc] for dr, dc in ((-1, 0), (0, 1), (1, 0), (0, -1))], 1)
        np.testing.assert_array_equal(env._obs[:, :4], neighbours)


def test_the_point_never_enters_a_wall():
    env = made("gymnast/PointMaze-v0", copies=64, maze="medium")
    blocked, seen = walls(env), set()
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    push = rng.uniform(-1, 1, (64, 2)).astype(np.float32)
    for t in range(600):
        if t % 7 == 0:
            push = rng.choice([-1.0, 0.3, 1.0], (64, 2)).astype(np.float32)
        env.step(push)
        x, y = env.state[:, :2].astype(int).T
        assert not blocked[y, x].any()
        seen |= set(zip(y.tolist(), x.tolist(), strict=True))
    assert len(seen) == (~blocked).sum()  # and it gets everywhere


@pytest.mark.parametrize("maze", mazes.MAPS)
def test_the_known_mazes_can_be_walked_through(maze):
    params, longest = mazes.params_of(maze, "")
    assert longest < params[2]


@pytest.mark.parametrize("maze", ["", ".", "..#/..", "x./..", ".#./.#.", "huge"])
def test_what_is_no_maze_is_refused(maze):
    for name in ("gymnast/GridGoals-v0", "gymnast/PointMaze-v0"):
        with pytest.raises(UsageError, match="maze"):
            made(name, maze=maze)


@pytest.mark.parametrize("n", [0, -1, 1001])
def test_too_few_or_too_many_bits_are_refused(n):
    with pytest.raises(UsageError, match="between 1 and 1000 bits"):
        made("gymnast/BitFlip-v0", n=n)


@each
def test_it_is_drawn(name):
    env = made(name, copies=1, render_mode="rgb_array")
    env.reset(seed=0)
    (picture,) = env.render()
    assert picture.ndim == 3
    assert picture.std() > 0
