"""A small MDP whose policy gradients are known exactly, and what REINFORCE estimates of them."""

from itertools import product

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from gymnast.agents.reinforce import Config, credit, mean_baseline
from gymnast.core.learn.returns import rewards_to_go

STATES, ACTIONS, HORIZON, GAMMA = 2, 2, 3, 0.6
NEXT = np.array([[[0.5, 0.3], [0.2, 0.4]], [[0.1, 0.6], [0.6, 0.1]]])
"""P(s'|s, a); what is missing to 1 ends the episode, as the horizon does."""
UP_TO = NEXT.cumsum(-1).tolist()
REWARD = np.array([[1.0, -0.5], [2.0, 0.3]])
POLICY = np.array([[0.3, -0.4], [-0.2, 0.5]])
"""Logits of each state."""
OLD = POLICY + np.array([[0.5, -0.3], [0.1, 0.6]])
"""Those of the policy that acted, where it is another."""
WEIGHTS = ["whole", "to_go", "discounted_to_go"]


class Maze(gym.Env):
    """The MDP, played."""

    observation_space = action_space = spaces.Discrete(2)

    def __init__(self, offset=0.0):
        self.offset = offset

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.time = int(self.np_random.integers(2)), 0
        return self.state, {}

    def step(self, action):
        reward = REWARD[self.state, action] + self.offset
        drawn, (first, either) = self.np_random.random(), UP_TO[self.state][action]
        self.time += 1
        over = drawn > either or self.time == HORIZON
        self.state = int(drawn > first)
        return self.state, float(reward), over, False, {}


def pi(logits):
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def scores(logits):
    """grad log pi(a|s) by the logits, (S, A, S * A)."""
    out = np.zeros((STATES, ACTIONS, STATES, ACTIONS))
    for s, a in product(range(STATES), range(ACTIONS)):
        out[s, a, s] = np.eye(ACTIONS)[a] - pi(logits)[s]
    return out.reshape(STATES, ACTIONS, -1)


LIKELIHOOD, SCORES = pi(POLICY), scores(POLICY)


def trajectories(logits, horizon=HORIZON):
    """Every trajectory [(s, a), ...] with its probability."""

    def go_on(probability, path, s):
        for a in range(ACTIONS):
            longer, p = [*path, (s, a)], probability * pi(logits)[s, a]
            if len(longer) == horizon:
                yield p, longer
                continue
            yield p * (1 - NEXT[s, a].sum()), longer
            for following in range(STATES):
                yield from go_on(p * NEXT[s, a, following], longer, following)

    return [x for s in range(STATES) for x in go_on(1 / STATES, [], s)]


def exact(discounted, gamma=GAMMA, horizon=HORIZON, reward=REWARD):
    """sum_t (gamma^t or 1) sum_{s, a} Pr(s_t = s) pi(a|s) grad log pi(a|s) Q_t(s, a), by dynamic programming."""
    q = [reward]
    for _ in range(horizon - 1):
        q.append(reward + gamma * NEXT @ (LIKELIHOOD * q[-1]).sum(1))
    q.reverse()
    total, occupied = 0.0, np.full(STATES, 1 / STATES)
    for t in range(horizon):
        joint = occupied[:, None] * LIKELIHOOD
        total = total + gamma ** (t * discounted) * np.einsum("sa,sap,sa->p", joint, SCORES, q[t])
        occupied = np.einsum("sa,sax->x", joint, NEXT)
    return total


def columns(paths):
    """Time, episode, state and action of each step."""
    return np.array([(t, e, s, a) for e, path in enumerate(paths) for t, (s, a) in enumerate(path)]).T


def estimate(paths, cfg, acted=POLICY, offset=0.0, constant=0.0):
    """The gradient that the agent's functions make of some episodes."""
    step, episode, s, a = columns(paths)
    shape = step.max() + 1, len(paths)
    reward, log_ratio, alive = np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
    reward[step, episode], alive[step, episode] = REWARD[s, a] + offset, True
    log_ratio[step, episode] = np.log(LIKELIHOOD[s, a] / pi(acted)[s, a])
    gain, factor = credit(log_ratio, reward, cfg)
    if cfg.weight == "whole":
        ret = np.broadcast_to((cfg.gamma ** np.arange(len(reward)) @ reward), shape)
    else:
        ret = rewards_to_go(reward, np.zeros(shape), np.zeros(shape, bool), cfg.gamma)
    baseline = mean_baseline(ret, alive | (cfg.weight == "whole"), cfg) + constant
    weight = (gain - factor * baseline)[step, episode]
    return weight @ SCORES[s, a] / len(paths)


def moments(cfg, count=1, acted=POLICY, horizon=HORIZON, **kwargs):
    """Mean and total variance of the estimate from `count` episodes, over all that can happen."""
    mean, square = 0.0, 0.0
    for batch in product(trajectories(acted, horizon), repeat=count):
        probability = np.prod([p for p, _ in batch])
        g = estimate([path for _, path in batch], cfg, acted, **kwargs)
        mean, square = mean + probability * g, square + probability * g @ g
    return mean, square - mean @ mean


def config(**kwargs):
    return Config(**{"gamma": GAMMA, "baseline": "none", "clip": None, **kwargs})
