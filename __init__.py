"""gymnast: reinforcement learning for Gymnasium environments.

    import gymnast

    agent = gymnast.PPO("CartPole-v1", seed=0)
    agent.learn(100_000)
    action, extras = agent.predict(obs)

Everything is imported when it is first used: `import gymnast` alone costs next to nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_NAMES = {
    "A2C": "runners.api",
    "AlphaZero": "runners.api",
    "BC": "runners.api",
    "DAgger": "runners.api",
    "DQN": "runners.api",
    "PPO": "runners.api",
    "REINFORCE": "runners.api",
    "TRPO": "runners.api",
    "Tabular": "runners.api",
    "collect": "runners.imitation.demonstrations",
    "evaluate": "runners.evaluation.evaluate",
    "from_pettingzoo": "envs",
    "load": "runners.api",
    "make": "envs",
    "preset": "runners.runs.run",
    "Run": "runners.runs.run",
    "train": "runners.training.train",
    "resume": "runners.training.train",
}

__all__ = [
    "A2C",
    "BC",
    "DQN",
    "PPO",
    "REINFORCE",
    "TRPO",
    "AlphaZero",
    "DAgger",
    "Run",
    "Tabular",
    "collect",
    "evaluate",
    "from_pettingzoo",
    "load",
    "make",
    "preset",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_NAMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *_NAMES]
