"""Agents that act in tests: one acting for each purpose, kept from call to call."""

from weakref import WeakKeyDictionary

from gymnast.core.acting import ask

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


def thoughts(agent, obs):
    """What `agent` thinks of observations (N, *obs)."""
    acts = acting(agent, len(obs), "best")
    ask(acts, obs)
    return acts.thoughts()
