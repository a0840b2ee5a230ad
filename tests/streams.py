"""A reference for replay that keeps every step of every column in plain lists."""

from dataclasses import dataclass

import numpy as np

from gymnast.core.batch import Batch, Episodes
from gymnast.core.replay.replay import Replay

ENVS, GAMMA = 3, 0.9
NO_EPISODES = Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))


@dataclass
class Step:
    obs: np.ndarray
    action: int
    reward: float
    terminated: bool
    truncated: bool
    valid: bool
    following: np.ndarray
    """The true next observation, the final one at an end."""


class Stream:
    """Columns of episodes that end at random; every observation is new. Remembers all its steps.

    After an end a column either restarts at once or spends one dead step on it, as the two autoreset modes do.
    """

    def __init__(self, seed, stack=1, blank_start=True, p_end=0.2, p_invalid=0.05):
        self.rng = np.random.default_rng(seed)
        self.stack, self.blank_start, self.p_end, self.p_invalid = stack, blank_start, p_end, p_invalid
        self.columns = [[] for _ in range(ENVS)]
        self.obs = [self.reset() for _ in range(ENVS)]
        self.dead = [False] * ENVS

    def frame(self):
        return self.rng.integers(1, 255, (2, 3), np.uint8)

    def reset(self):
        if self.stack == 1:
            return self.rng.normal(size=2).astype(np.float32)
        older = np.zeros((self.stack - 1, 2, 3), np.uint8) if self.blank_start else [self.frame()] * (self.stack - 1)
        return np.concatenate([older, self.frame()[None]])

    def after(self, obs):
        return self.reset() if self.stack == 1 else np.concatenate([obs[1:], self.frame()[None]])

    def step(self, i):
        obs, rng = self.obs[i], self.rng
        if self.dead[i]:
            self.dead[i], self.obs[i] = False, self.reset()
            return Step(obs, 0, 0.0, False, False, False, self.obs[i])
        following, end = self.after(obs), rng.random() < self.p_end
        terminated = bool(end and rng.random() < 0.5)
        self.dead[i] = bool(end and rng.random() < 0.5)
        self.obs[i] = self.reset() if end and not self.dead[i] else following
        valid = bool(end or rng.random() > self.p_invalid)
        return Step(
            obs, int(rng.integers(4)), float(rng.normal()), terminated, end and not terminated, valid, following
        )

    def batch(self, steps):
        rows = [[self.step(i) for i in range(ENVS)] for _ in range(steps)]
        for i in range(ENVS):
            self.columns[i] += [row[i] for row in rows]

        def column(name, dtype):
            return np.array([[getattr(s, name) for s in row] for row in rows], dtype)

        ends = [(t, i) for t in range(steps) for i in range(ENVS) if rows[t][i].terminated or rows[t][i].truncated]
        obs = np.array([[s.obs for s in row] for row in rows] + [self.obs])
        ended = column("terminated", np.bool_) | column("truncated", np.bool_)
        return Batch(
            obs=obs,
            action=column("action", np.int64),
            reward=column("reward", np.float32),
            terminated=column("terminated", np.bool_),
            truncated=column("truncated", np.bool_),
            valid=column("valid", np.bool_),
            first=np.concatenate([np.zeros((1, ENVS), np.bool_), ended]),
            final_at=np.array(ends, np.int64).reshape(-1, 2),
            final_obs=np.array([rows[t][i].following for t, i in ends], obs.dtype).reshape(-1, *obs.shape[2:]),
            episodes=NO_EPISODES,
            extras={"logp": column("reward", np.float32) * 2},
        )

    def transition(self, time, i, n):
        """What an n-step sample of this step must be: obs, action, reward, discount, next_obs."""
        column, total = self.columns[i], 0.0
        for k in range(n):
            step = column[time + k]
            total += GAMMA**k * step.reward
            last = step.terminated or step.truncated or time + k + 1 == len(column) or not column[time + k + 1].valid
            if last or k == n - 1:
                discount = 0.0 if step.terminated else GAMMA ** (k + 1)
                return column[time].obs, column[time].action, total, discount, step.following
        raise AssertionError


def place(replay, index):
    """Time and column of a slot."""
    row, i = divmod(int(index), replay.envs)
    newest = int(replay.written[0]) - 1
    return newest - (newest - row) % replay.rows, i


def check(replay, stream, n):
    """Everything drawn equals the reference, and everything that may be drawn is."""
    seen = set()
    for _ in range(12):
        drawn = replay.sample(min(len(replay), 32))
        for b, index in enumerate(drawn["indices"]):
            time, i = place(replay, index)
            obs, action, reward, discount, following = stream.transition(time, i, n)
            assert stream.columns[i][time].valid
            np.testing.assert_array_equal(drawn["obs"][b], obs)
            np.testing.assert_array_equal(drawn["next_obs"][b], following)
            assert drawn["action"][b] == action
            assert drawn["logp"][b] == np.float32(stream.columns[i][time].reward) * 2
            np.testing.assert_allclose(drawn["reward"][b], reward, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(drawn["discount"][b], discount, rtol=1e-6)
            seen.add((time, i))
    times = range(max(0, replay.written[0] - replay.rows), replay.written[0])
    return seen, {(t, i) for t in times for i in range(ENVS) if stream.columns[i][t].valid}


def filled(alpha, seed=0, **options):
    stream = Stream(seed=5, p_end=0.1)
    replay = Replay(16 * ENVS, n=2, gamma=GAMMA, alpha=alpha, seed=seed, **options)
    replay.add(stream.batch(16))
    return replay, stream


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def copied(state):
    return {k: x.copy() if isinstance(x, np.ndarray) else x for k, x in state.items()}
