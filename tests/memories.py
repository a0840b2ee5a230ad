"""What the tests of agents with a memory have in common: environments that need one, and a memory of nothing."""

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from gymnast.core.nets.memory import Memory

KINDS = ["gru", "lstm", "mingru", "attention"]
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]


class Recall(gym.Env):
    """Say at the end what was shown first; in between, and at the end, there is nothing to see but the time left."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)
    steps = 4

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cue, self.time = int(self.np_random.integers(2)), 0
        return np.array([2 * self.cue - 1, 0], np.float32), {}

    def step(self, action):
        self.time += 1
        last = self.time == self.steps
        reward = float(last and action == self.cue)
        return np.array([0, self.time == self.steps - 1], np.float32), reward, last, False, {}


class Noise(gym.Env):
    """Observations of noise, terminated or truncated at times of their own."""

    observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._obs(), {}

    def step(self, action):
        end = self.np_random.random()
        return self._obs(), self.np_random.normal(), bool(end < 0.1), bool(0.1 < end < 0.25), {}

    def _obs(self):
        return self.np_random.normal(1.0, 2.0, 3).astype(np.float32)


class Nothing(Memory):
    """Remembers nothing."""

    size = 0

    def scan(self, x, state, first):
        return torch.zeros_like(x), state
