"""Tiny environments with known answers."""

import os
import tempfile
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymnast.core.acting import Stateless
from gymnast.core.rollout import demos
from gymnast.core.rollout.engine import Rollout
from gymnast.core.rollout.recording import Recording

SEED = int(os.environ.get("GYMNAST_TEST_SEED", "0"))
"""Of everything that learns or draws in the tests; twenty_seeds.py tries others."""

ENDS = {"|": (True, False), "~": (False, True), "!": (True, True)}
"""How an episode of `Clock` ends: (terminated, truncated)."""


class Clock(gym.Env):
    """Observes (copy, episode, time); step t of an episode is worth t. Remembers the actions it was given.

    `script` says how long the episodes are and how they end, over and over: "3| 2~" is three steps to a termination,
    then two to a truncation; "!" is both at once.
    """

    observation_space = spaces.Box(-1, 1e6, (3,), np.float32)

    def __init__(self, copy=0, script="3|", action_space=None):
        self.copy = copy
        self.script = [(int(word[:-1]), ENDS[word[-1]]) for word in script.split()]
        self.action_space = action_space or spaces.Discrete(2)
        self.received = []

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.episode = -1
        self.episode, self.time = self.episode + 1, 0
        return self._obs(), {}

    def step(self, action):
        self.received.append(np.array(action))
        self.time += 1
        length, ends = self.script[self.episode % len(self.script)]
        return self._obs(), float(self.time), *(ends if self.time == length else (False, False)), {}

    def _obs(self):
        return np.array([self.copy, self.episode, self.time], np.float32)


def clocks(*scripts, mode=AutoresetMode.SAME_STEP, action_space=None):
    """One `Clock` per script, as a VectorEnv."""
    return SyncVectorEnv([partial(Clock, i, s, action_space) for i, s in enumerate(scripts)], autoreset_mode=mode)


class Anything(gym.Env):
    """Observations drawn from any space, and actions that must lie in theirs; episodes of four steps."""

    def __init__(self, obs, action):
        self.observation_space, self.action_space = obs, action

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.time = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(np.asarray(action)), action
        self.time += 1
        return self.observation_space.sample(), 1.0, self.time == 4, False, {}


class Match(gym.Env):
    """The best action equals the observation and earns 1; episodes of eight steps."""

    SPACES = {
        "discrete": spaces.Discrete(4),
        "multidiscrete": spaces.MultiDiscrete([3, 2]),
        "multibinary": spaces.MultiBinary(3),
        "box": spaces.Box(-1, 1, (2,), np.float32),
    }
    NVEC = {"multidiscrete": np.array([3, 2]), "multibinary": np.full(3, 2)}

    def __init__(self, kind="discrete"):
        self.kind = kind
        self.observation_space = self.action_space = self.SPACES[kind]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self._draw(), {}

    def step(self, action):
        if self.kind == "box":
            distance = float(np.abs(action - self.wanted).sum()) / 2
        else:
            distance = float(np.count_nonzero(action != self.wanted)) / np.size(self.wanted)
        self.time += 1
        return self._draw(), 1.0 - distance, self.time == 8, False, {}

    def _draw(self):
        match self.kind:
            case "discrete":
                self.wanted = self.np_random.integers(4)
            case "box":
                self.wanted = self.np_random.uniform(-1, 1, 2).astype(np.float32)
            case _:
                self.wanted = self.np_random.integers(self.NVEC[self.kind]).astype(self.observation_space.dtype)
        return self.wanted


class Aim(gym.Env):
    """What is seen, from -1 to 1, says where in the box the best action is; it earns 1, an edge of it 0 on average.

    The same task whatever the bounds are. Episodes of eight steps.
    """

    observation_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, low=-1.0, high=1.0):
        self.middle, self.half = (low + high) / 2, (high - low) / 2
        self.action_space = spaces.Box(low, high, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self._draw(), {}

    def step(self, action):
        reward = 1 - abs((float(action[0]) - self.middle) / self.half - self.wanted)
        self.time += 1
        return self._draw(), reward, self.time == 8, False, {}

    def _draw(self):
        self.wanted = self.np_random.uniform(-1, 1)
        return np.array([self.wanted], np.float32)


class One(gym.Env):
    """A single step worth 1, with one action and nothing to see: V = 1."""

    observation_space = spaces.Box(0, 0, (1,), np.float32)
    action_space = spaces.Discrete(1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 1.0, True, False, {}


class Seen(gym.Env):
    """A single step worth what is seen, -1 or 1: V(obs) = obs."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.sign = self.np_random.choice([-1.0, 1.0])
        return np.array([self.sign], np.float32), {}

    def step(self, action):
        return np.array([self.sign], np.float32), self.sign, True, False, {}


class Later(gym.Env):
    """Two steps, of which the second earns 1: V(0) = gamma, V(1) = 1."""

    observation_space = spaces.Box(0, 2, (1,), np.float32)
    action_space = spaces.Discrete(1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self._obs(), {}

    def step(self, action):
        self.time += 1
        return self._obs(), float(self.time == 2), self.time == 2, False, {}

    def _obs(self):
        return np.array([self.time], np.float32)


class Endless(gym.Env):
    """Every step is worth 1 and looks the same; nothing ends but by truncation after 5: V = 1 / (1 - gamma)."""

    observation_space = spaces.Box(0, 0, (1,), np.float32)
    action_space = spaces.Discrete(1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.time += 1
        return np.zeros(1, np.float32), 1.0, False, self.time == 5, {}


class Opposite(gym.Env):
    """One step in which the right action is the one that is not seen, worth 1; the other costs 1."""

    observation_space = action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = int(self.np_random.integers(2))
        return self.seen, {}

    def step(self, action):
        return self.seen, 1.0 if action != self.seen else -1.0, True, False, {}


class Doors(gym.Env):
    """Four doors, some of them closed: opening a closed one is an error, the last open one earns 1.

    The mask is in `info`, or with `observed` in the observation.
    """

    action_space = spaces.Discrete(4)

    def __init__(self, observed=False):
        self.observed = observed
        seen = spaces.Box(0, 1, (4,), np.float32)
        mask = spaces.MultiBinary(4)
        self.observation_space = spaces.Dict(action_mask=mask, doors=seen) if observed else seen

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self._draw()

    def step(self, action):
        if not self.mask[action]:
            raise AssertionError(f"door {action} is closed: {self.mask}")
        reward = float(action == np.flatnonzero(self.mask)[-1])
        self.time += 1
        obs, info = self._draw()
        return obs, reward, self.time == 5, False, info

    def _draw(self):
        self.mask = self.np_random.integers(0, 2, 4).astype(np.int8)
        self.mask[self.np_random.integers(4)] = 1
        doors = self.mask.astype(np.float32)
        if self.observed:
            return {"action_mask": self.mask, "doors": doors}, {}
        return doors, {"action_mask": self.mask}


class Slide(gym.Env):
    """A mass without inertia that a force pushes back to 0: x' = x + a/2, worth -x'^2; the best action is -2x."""

    observation_space = spaces.Box(-3, 3, (1,), np.float32)
    action_space = spaces.Box(-2, 2, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.time = self.np_random.uniform(-1, 1), 0
        return self._obs(), {}

    def step(self, action):
        self.x = float(min(max(self.x + action[0] / 2, -3), 3))
        self.time += 1
        return self._obs(), -(self.x**2), False, self.time == 10, {}

    def _obs(self):
        return np.array([self.x], np.float32)


class Poison(One):
    """`One` whose rewards become nan after 20 of them."""

    def __init__(self):
        self.count = 0

    def step(self, action):
        self.count += 1
        obs, reward, *rest = super().step(action)
        return obs, reward if self.count <= 20 else np.nan, *rest


class Lucky(gym.Env):
    """Sutton and Barto, example 6.7: all of ten actions lead to a state where all ten end with N(-0.1, 1) each.

    Q = -0.1 everywhere; the maximum over noisy estimates of it is far above that.
    """

    observation_space = spaces.Discrete(2)
    action_space = spaces.Discrete(10)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return 0, {}

    def step(self, action):
        self.state += 1
        if self.state == 1:
            return 1, 0.0, False, False, {}
        return 1, self.np_random.normal(-0.1, 1.0), True, False, {}


def demonstrated(folder, env, expert, episodes=8, seed=SEED, append=False, extras=()):
    """Write whole episodes of `expert`, an `Act`, in a VectorEnv into a folder; returns the trajectories."""
    rollout = Rollout(env, 1, seed)
    spaces_here = env.single_observation_space, env.single_action_space
    under_way = [[] for _ in range(env.num_envs)]
    whole = []
    with demos.Writer(folder, "probe", *spaces_here, append) as writer:
        while len(whole) < episodes:
            batch = rollout.collect(Stateless(expert))
            final = dict(zip(batch.final_at[:, 1].tolist(), batch.final_obs, strict=True))
            for i, steps in enumerate(under_way):
                more = {name: batch.extras[name][0, i].copy() for name in extras}
                steps.append((batch.obs[0, i].copy(), rollout.to_env(batch.action[0])[i], batch.reward[0, i], more))
                if i in final and len(whole) < episodes:
                    obs, action, reward, known = zip(*steps, strict=True)
                    about = {"actor": "expert", "seed": seed + i}
                    columns = {name: np.array([row[name] for row in known]) for name in extras}
                    arrays = np.array([*obs, final[i]]), np.array(action), np.array(reward, np.float32)
                    whole.append(demos.Trajectory(*arrays, bool(batch.terminated[0, i]), about, columns))
                    writer.add(whole[-1])
                if i in final:
                    steps.clear()
    return whole


def recorded(env, expert, episodes=8, seed=SEED):
    """Demonstrations of `expert` in a VectorEnv, to learn from."""
    with tempfile.TemporaryDirectory() as folder:
        demonstrated(Path(folder) / "demos", env, expert, episodes, seed)
        return Recording(demos.load(Path(folder) / "demos"))
