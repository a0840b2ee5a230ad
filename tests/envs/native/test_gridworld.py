"""The grid world: moves, walls, rewards, ends."""

import gymnasium
import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.envs import native

UP, RIGHT, DOWN, LEFT = range(4)


def walk(moves, **kwargs):
    """Observations, rewards and ends of one copy."""
    env = native.make("gymnast/GridWorld-v0", 1, **kwargs)
    start, _ = env.reset(seed=0)
    steps = [env.step(np.array([move])) for move in moves]
    return [start[0], *(s[0][0] for s in steps)], [s[1][0] for s in steps], [bool(s[2][0]) for s in steps]


def test_moves_change_row_or_column_and_borders_stop_them():
    cells, rewards, ends = walk([UP, LEFT, RIGHT, DOWN, DOWN, LEFT], size=3)
    assert cells == [0, 0, 0, 1, 4, 7, 6]  # row * 3 + column
    assert rewards == [0] * 6
    assert ends == [False] * 6


def test_the_goal_pays_one_ends_the_episode_and_the_next_one_starts():
    cells, rewards, ends = walk([RIGHT, DOWN], size=2, step_reward=-0.1)
    assert cells == [0, 1, 0]
    assert rewards == [-0.1, 1.0]
    assert ends == [False, True]


def test_walls_stop_a_move():
    assert walk([RIGHT, DOWN, RIGHT], size=3, walls=[(0, 1)])[0] == [0, 0, 3, 4]


def test_a_start_anywhere_is_every_free_cell_but_the_goal():
    env = native.make("gymnast/GridWorld-v0", 300, size=3, walls=[(1, 1)], goal=(0, 2), start=None)
    obs, _ = env.reset(seed=0)
    assert set(obs) == {0, 1, 3, 5, 6, 7, 8}  # not the goal 2, not the wall 4


def test_an_impossible_maze_is_refused():
    with pytest.raises(UsageError, match=r"no way from \(0, 0\) to the goal \(2, 2\)"):
        native.make("gymnast/GridWorld-v0", 1, size=3, walls=[(0, 1), (1, 0)])
    with pytest.raises(UsageError, match=r"goal \{\(3, 3\)\} must be a free cell of a 3 x 3 grid"):
        native.make("gymnast/GridWorld-v0", 1, size=3, goal=(3, 3))
    with pytest.raises(UsageError, match=r"start \{\(0, 0\)\} must be a free cell"):
        native.make("gymnast/GridWorld-v0", 1, size=3, goal=(0, 0))


def test_the_picture_shows_the_agent_where_it_is():
    env = native.make("gymnast/GridWorld-v0", 1, size=3, walls=[(1, 1)], render_mode="rgb_array")
    env.reset(seed=0)
    (before,) = env.render()
    env.step(np.array([RIGHT]))
    (after,) = env.render()
    assert before.shape == (192, 192, 3)
    assert tuple(before[32, 32]) == tuple(after[32, 96]) == (66, 133, 244)
    assert tuple(before[96, 96]) == (70, 78, 92)


def test_gymnasium_makes_one_copy_or_many():
    env = gymnasium.make("gymnast/GridWorld-v0", size=2)
    assert env.reset(seed=0) == (0, {})
    assert env.step(RIGHT) == (1, 0.0, False, False, {})
    assert env.step(DOWN) == (3, 1.0, True, False, {})
    many = gymnasium.make_vec("gymnast/GridWorld-v0", 5, vectorization_mode="vector_entry_point", size=2)
    assert type(many).__name__ == "NativeVectorEnv"
    assert many.max_episode_steps == 100
