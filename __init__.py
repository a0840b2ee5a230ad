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
    "KeepBest": "runners.callbacks",
    "Learner": "runners.api",
    "Mlflow": "runners.trackers",
    "Progress": "runners.api",
    "StopAt": "runners.callbacks",
    "StopEarly": "runners.callbacks",
    "Wandb": "runners.trackers",
    "collect": "runners.imitation.demonstrations",
    "evaluate": "runners.evaluation.evaluate",
    "from_pettingzoo": "envs",
    "from_sb3": "runners.sb3",
    "load": "runners.api",
    "make": "envs",
    "prefer": "runners.imitation.prefer",
    "preset": "runners.runs.run",
    "Run": "runners.runs.run",
    "train": "runners.training.train",
    "resume": "runners.training.train",
    "sweep": "runners.sweeps.table",
    "to_sb3": "runners.sb3",
    "tune": "runners.tuning.tune",
}


def __getattr__(name: str) -> Any:
    """A name of the list above, an algorithm of the folder `agents` (PPO, DQN, ...), or `__all__`."""
    if name == "__all__":
        return sorted([*_NAMES, *_algorithms()])
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    if not name.startswith("_") and name in _algorithms():
        return import_module(".runners.api", __name__).learner(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_NAMES, *_algorithms()]


def _algorithms() -> dict[str, str]:
    titles: dict[str, str] = import_module(".agents", __name__).titles()
    return titles
