"""Agents that act in tests: one acting for each purpose, kept from call to call."""

from weakref import WeakKeyDictionary

import numpy as np
import torch

from gymnast.core.acting import Memoryless, ask
from gymnast.core.checkpoint import restore, state

_KEPT = WeakKeyDictionary()


def acting(agent, envs, mode="learn"):
    """What acts for `agent` in so many environments, the same from call to call."""
    kept = _KEPT.setdefault(agent, {})
    if (envs, mode) not in kept:
        kept[envs, mode] = agent.acting(envs, mode, seed=0)
    return kept[envs, mode]


def collect(agent, rollout, mode="learn", limit=None):
    """The next batch of `rollout`, in which `agent` acts."""
    envs = rollout.env.num_envs if hasattr(rollout, "env") else 1  # demonstrations are of one
    return rollout.collect(acting(agent, envs, mode), limit)


def act(agent, obs, mode="learn"):
    """What `agent` answers to observations (N, *obs)."""
    return ask(acting(agent, len(obs), mode), obs)


def gradient_step(agent, size=32):
    """What an agent with a replay logs of one step on a minibatch from it."""
    log, _ = agent._fit({name: torch.as_tensor(x) for name, x in agent.replay.sample(size, 1).items()}, 1.0)
    agent.pace.updates += 1
    return log[0]


def saved(agent, envs):
    """All that `agent` and its acting in so many environments depend on."""
    return {"agent": state(agent.parts()), "acting": state(acting(agent, envs).parts())}


def go_on(agent, envs, tree):
    """Let `agent` and its acting go on from what was `saved`."""
    restore(agent.parts(), tree["agent"])
    restore(acting(agent, envs).parts(), tree["acting"])


def thoughts(agent, obs):
    """What `agent` thinks of observations (N, *obs)."""
    acts = acting(agent, len(obs), "best")
    ask(acts, obs)
    return acts.thoughts()


class Both(Memoryless):
    """Two agents that must act alike, the first of which is believed."""

    def __init__(self, one, two, envs):
        self.one, self.two = acting(one, envs), acting(two, envs)

    def __call__(self, obs, first):
        one, two = self.one(obs, first), self.two(obs, first)
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
        return one
