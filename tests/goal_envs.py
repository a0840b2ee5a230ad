"""Environments with goals such as Gymnasium-Robotics has them: the same spaces, methods and infos."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Goals(gym.Env):
    """Walk in the plane; goals are float64, as they are there."""

    observation_space = spaces.Dict(
        observation=spaces.Box(-np.inf, np.inf, (3,), np.float64),
        achieved_goal=spaces.Box(-np.inf, np.inf, (2,), np.float64),
        desired_goal=spaces.Box(-np.inf, np.inf, (2,), np.float64),
    )
    action_space = spaces.Box(-1, 1, (2,), np.float32)
    reach = 0.5
    length = 6

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = np.zeros(2), 0
        self.goal = self.np_random.uniform(-2, 2, 2)
        return self._obs(), {}

    def step(self, action):
        self.place, self.time = self.place + np.asarray(action, np.float64), self.time + 1
        obs = self._obs()
        pair = obs["achieved_goal"], obs["desired_goal"], {}
        end = self.compute_terminated(*pair), self.time == self.length
        return obs, float(self.compute_reward(*pair)), bool(end[0]), end[1], self._told()

    def _obs(self):
        observation = np.array([*self.place, self.time], np.float64)
        return {"observation": observation, "achieved_goal": self.place.copy(), "desired_goal": self.goal.copy()}

    def _near(self):
        return np.linalg.norm(self.place - self.goal) < self.reach


class Arm(Goals):
    """As FetchReach-v4: rewards for rows, no termination, `is_success` a float32 in every info."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return -(np.linalg.norm(achieved_goal - desired_goal, axis=-1) >= self.reach).astype(np.float32)

    def compute_terminated(self, achieved_goal, desired_goal, info):
        return False

    def _told(self):
        return {"is_success": np.float32(self._near())}


class Ball(Goals):
    """As PointMaze_UMaze-v3: rewards for rows, terminations for one pair of goals alone, `success` a bool."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return (np.linalg.norm(achieved_goal - desired_goal, axis=-1) < self.reach).astype(np.float64)

    def compute_terminated(self, achieved_goal, desired_goal, info):
        return bool(np.linalg.norm(achieved_goal - desired_goal) < self.reach)

    def _told(self):
        return {"success": bool(self._near())}


class Single(Goals):
    """Whose reward is written for one pair of goals, and which says nothing of terminations or success."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return 0.0 if np.linalg.norm(achieved_goal - desired_goal) < self.reach else -1.0

    def step(self, action):
        self.place, self.time = self.place + np.asarray(action, np.float64), self.time + 1
        reward = self.compute_reward(self.place, self.goal, {})
        return self._obs(), reward, False, self.time == self.length, {}


class Without(Goals):
    """Which has goals, and no reward for others."""

    def step(self, action):
        self.time += 1
        return self._obs(), 0.0, False, self.time == self.length, {}


class Told(Goals):
    """Episodes of one, two, ... steps, of which every second one succeeds; every third one says nothing of it."""

    name, episode = "is_success", 0

    def reset(self, *, seed=None, options=None):
        self.episode = 1 if seed is not None else self.episode + 1
        return super().reset(seed=seed, options=options)

    def step(self, action):
        self.time += 1
        info = {} if self.episode % 3 == 0 else {self.name: self.episode % 2 == 0 and self.time == self.episode}
        return self._obs(), 0.0, False, self.time == self.episode, info


class Otherwise(Told):
    name = "success"


class Bonus(Arm):
    """Whose steps are worth more than its `compute_reward` says."""

    def step(self, action):
        obs, reward, *rest = super().step(action)
        return obs, reward + 0.25, *rest


class Mixed(Arm):
    """Whose `compute_reward` mixes the goals of several rows."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        far = np.linalg.norm(achieved_goal - desired_goal, axis=-1)
        return -np.asarray(far + far.mean())


class Falls(Ball):
    """Whose episodes also end where `compute_terminated` says nothing of it."""

    def step(self, action):
        obs, reward, terminated, *rest = super().step(action)
        return obs, reward, terminated or self.time == 3, *rest


class Whole(Arm):
    """Whose `compute_reward` gives a number for each coordinate."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return -np.abs(achieved_goal - desired_goal)

    def step(self, action):
        self.time += 1
        return self._obs(), 0.0, False, self.time == self.length, self._told()
