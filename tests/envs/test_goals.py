"""What environments make of goals, and their success: on every backend, whatever form their methods have."""

from contextlib import closing

import numpy as np
import pytest
from goal_envs import Arm, Ball, Otherwise, Single, Told, Without
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.core.acting import Stateless
from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout
from gymnast.core.spaces.layout import Layout
from gymnast.envs import make
from gymnast.envs.goals import goals
from probes import Match

BACKENDS = ("loop", "workers")
KINDS = (Arm, Ball, Single)


def walk(env):
    """Actions drawn from the space, the same for the same copies."""
    rng = np.random.default_rng(0)
    return Stateless(lambda obs: {"action": rng.uniform(-1, 1, (len(obs), 2)).astype(np.float32)})


def expected(kind, achieved, desired):
    """Rewards and ends, one pair of goals after the other."""
    env = kind()
    reward = [float(env.compute_reward(a, d, {})) for a, d in zip(achieved, desired, strict=True)]
    if kind is Single:
        return reward, None
    return reward, [bool(env.compute_terminated(a, d, {})) for a, d in zip(achieved, desired, strict=True)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_goals_of_a_batch_are_judged_as_the_environment_judges_them(kind, backend):
    with closing(make(kind, 3, backend=backend)) as env:
        layout, (where_achieved, where_desired, judge) = Layout(env.single_observation_space), goals(env)
        batch = Rollout(env, 12).collect(walk(env))
        rows = batch.next_obs().reshape(36, *layout.shape)
        achieved, desired = rows[:, where_achieved], rows[:, where_desired]
        reward, ends = judge(achieved, desired)
        np.testing.assert_array_equal(reward, batch.reward.ravel())
        if ends is not None:
            np.testing.assert_array_equal(ends, batch.terminated.ravel())
        other = np.roll(desired, 1, 0)
        reward, ends = judge(achieved, other)
        pairs = [np.ascontiguousarray(x).view(np.float32).astype(np.float64) for x in (achieved, other)]
        assert (reward.tolist(), None if ends is None else ends.tolist()) == expected(kind, *pairs)


def test_one_pair_of_goals_is_judged_too():
    with closing(make(Ball, 1)) as env:
        reward, ends = goals(env).judge(np.zeros((1, 8), np.uint8), np.zeros((1, 8), np.uint8))
    assert (reward.tolist(), ends.tolist()) == ([1.0], [True])


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_environment_without_rewards_for_goals_is_refused(backend):
    with closing(make(Without, 2, backend=backend)) as env:
        with pytest.raises(UsageError, match="compute_reward"):
            goals(env)
        env.reset(seed=0)  # and goes on


def test_observations_without_goals_are_refused():
    with closing(make(Match, 2)) as env, pytest.raises(UsageError, match="one achieved_goal and one desired_goal"):
        goals(env)


TOLD = [0.0, 1.0, np.nan, 1.0, 0.0]  # of episodes of 1 to 5 steps


def vector(kind, backend):
    if isinstance(backend, AutoresetMode):
        return SyncVectorEnv([kind] * 2, autoreset_mode=backend)
    return make(kind, 2, backend=backend)


@pytest.mark.parametrize("kind", [Told, Otherwise])
@pytest.mark.parametrize("backend", [*BACKENDS, *AutoresetMode], ids=str)
def test_every_episode_comes_with_its_success(kind, backend):
    with closing(vector(kind, backend)) as env:
        rollout, success = Rollout(env, 10), [[], []]
        for _ in range(2):
            episodes = rollout.collect(walk(env)).episodes
            for i, told in zip(episodes.env, episodes.success, strict=True):
                success[i].append(told)
    for told in success:
        np.testing.assert_array_equal(told[:5], TOLD)


@pytest.mark.parametrize("backend", BACKENDS)
def test_success_of_any_type_arrives_as_a_number(backend):
    with closing(make(Arm, 2, backend=backend)) as env:
        batch = Rollout(env, 24).collect(walk(env))
        assert batch.episodes.success.tolist() == [r + 1.0 for r in batch.reward[batch.done]]
