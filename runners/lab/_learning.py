"""Short training runs, watched."""

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...agents import Agent
from ...core.acting import ask
from ..runs.run import Run
from ..training.train import Training

_WINDOW = 20  # episodes that a mean return is taken over


class Watched(NamedTuple):
    """The course of a run."""

    steps: list[int]
    """Numbers of steps after which the run was looked at."""
    returns: list[float]
    """The mean return of the last 20 episodes then; nan before the first has ended."""
    peak: float
    """The largest of what was asked of the agent."""
    seconds: float
    """Seconds of training."""


def watch(
    run: Run, look: Callable[[Agent], float] = lambda agent: 0.0, until: float = np.inf, looks: int = 40
) -> Watched:
    """Train, in memory, until the mean return reaches `until` or the run is over; look at it `looks` times."""
    steps: list[int] = []
    returns: list[float] = []
    peak = 0.0
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with Training(run) as training:
            began = perf_counter()
            while training.steps < run.steps and not (returns and returns[-1] >= until):
                training.iterate()
                if training.steps * looks >= run.steps * (len(steps) + 1):
                    recent = [ret for ret, _ in training.metrics.recent][-_WINDOW:]
                    steps.append(training.steps)
                    returns.append(float(np.mean(recent)) if recent else np.nan)
                    peak = max(peak, look(training.agent))
            return Watched(steps, returns, peak, perf_counter() - began)
    finally:
        torch.set_num_threads(before)


def largest_value(agent: Agent, obs: NDArray) -> float:
    """The largest absolute action value in observations (N, *obs)."""
    acting = agent.acting(len(obs), "best")
    ask(acting, obs)
    return float(np.abs(acting.thoughts()["action value"]).max())
