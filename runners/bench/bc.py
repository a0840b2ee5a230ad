"""Behaviour cloning beside the library `imitation`, which needs older packages and so a Python of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from ...agents import bc
from . import Row, alternate, rate
from .other_python import asking

PYTHON = "GYMNAST_IMITATION"
"""Environment variable: the Python that has the peer."""
_PAIRS, _MINIBATCH = 12_800, 32  # about ten demonstrations of a thousand steps; the peer's own default


def measure(repeats: int, seconds: float = 2.0, pairs: int = _PAIRS) -> Iterator[Row]:
    """Gradient steps per second of a 64 x 64 policy, for a task with Discrete actions and one with Box actions."""
    random = np.random.default_rng(0)
    sizes: dict[str, tuple[int, NDArray]] = {
        "4 numbers, 2 actions": (4, random.integers(0, 2, pairs)),
        "17 numbers, 6 components": (17, random.uniform(-1, 1, (pairs, 6)).astype(np.float32)),
    }
    for name, (width, action) in sizes.items():
        obs = random.normal(size=(pairs, width)).astype(np.float32)
        with _peer(obs, action, seconds) as peer:
            ours, theirs = alternate(repeats, rate(_ours(obs, action), seconds), peer)
        yield Row(f"behaviour cloning, minibatch {_MINIBATCH}, {name}", "gradient steps/s", ours, theirs, "imitation")


def _ours(obs: NDArray, action: NDArray) -> Callable[[], int]:
    observed = spaces.Box(-np.inf, np.inf, obs.shape[1:], np.float32)
    discrete = action.ndim == 1
    acted = spaces.Discrete(int(action.max()) + 1) if discrete else spaces.Box(-1, 1, action.shape[1:], np.float32)
    config = bc.Config(minibatch=_MINIBATCH, hidden=(64, 64), normalize_obs=False, entropy_coef=1e-3)  # as the peer's
    agent = bc.Agent(observed, acted, config)
    data = {"obs": torch.from_numpy(obs), "action": torch.from_numpy(action)}

    def work() -> int:
        agent.learn(data, np.zeros(len(obs), np.bool_), 0.0)
        return len(obs) // _MINIBATCH

    return work


@contextmanager
def _peer(obs: NDArray, action: NDArray, seconds: float) -> Iterator[Callable[[int], float]]:
    """A side for `alternate` that learns in the other Python."""
    with TemporaryDirectory() as folder:
        file = f"{folder}/pairs.npz"
        np.savez(file, obs=obs, action=action)
        arguments = [file, str(_MINIBATCH), str(seconds)]
        with asking(PYTHON, "imitation", "imitation_peer.py", arguments) as ask:
            yield lambda _: ask("")
