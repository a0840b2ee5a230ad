"""Behaviour cloning beside the library `imitation`, which needs older packages and so a Python of its own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from ...agents import bc
from ...core.errors import UsageError
from . import Row, alternate, rate

PYTHON = "GYMNAST_IMITATION"
"""Environment variable: the Python that has the peer."""
_PEER = Path(__file__).with_name("imitation_peer.py")
_PAIRS, _MINIBATCH = 12_800, 32  # about ten demonstrations of a thousand steps; the peer's own default


def measure(repeats: int, seconds: float = 2.0, pairs: int = _PAIRS) -> Iterator[Row]:
    """Gradient steps per second of a 64 x 64 policy, for a task with Discrete actions and one with Box actions."""
    python = os.environ.get(PYTHON)
    if not python:
        raise UsageError(f"set {PYTHON} to a Python that has the library imitation: docs/performance.md says how")
    random = np.random.default_rng(0)
    sizes: dict[str, tuple[int, NDArray]] = {
        "4 numbers, 2 actions": (4, random.integers(0, 2, pairs)),
        "17 numbers, 6 components": (17, random.uniform(-1, 1, (pairs, 6)).astype(np.float32)),
    }
    for name, (width, action) in sizes.items():
        obs = random.normal(size=(pairs, width)).astype(np.float32)
        with _peer(python, obs, action, seconds) as peer:
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
def _peer(python: str, obs: NDArray, action: NDArray, seconds: float) -> Iterator[Callable[[int], float]]:
    """A side for `alternate` that learns in the other Python."""
    with TemporaryDirectory() as folder:
        file = f"{folder}/pairs.npz"
        np.savez(file, obs=obs, action=action)
        command = [python, str(_PEER), file, str(_MINIBATCH), str(seconds)]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        except OSError as problem:
            raise UsageError(f"{PYTHON}={python} does not start: {problem.strerror}") from problem
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            requests, answers = process.stdin, process.stdout

            def measured(_: int) -> float:
                with suppress(BrokenPipeError):  # it has ended, and so will the reading below
                    requests.write(b"\n")
                for answer in answers:
                    if answer.startswith(b"steps/s "):
                        return float(answer.split()[1])
                raise UsageError(f"{python} could not measure the library imitation; its message stands above")

            yield measured
