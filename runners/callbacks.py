"""Callbacks of `Learner.learn`: stop when it is good enough or no better any more, keep the best."""

from math import inf
from pathlib import Path

from ..core.errors import UsageError
from .api import Progress

_WINDOW = 100  # episodes that the metrics of episodes are means of


class StopAt:
    """Stops learning once a metric reaches `value`: the mean return of the last 100 episodes, or "eval/return"."""

    def __init__(self, value: float, metric: str = "episode/return") -> None:
        self.value, self.metric = value, metric

    def __call__(self, progress: Progress) -> bool:
        found = _found(progress, self.metric)
        return found is None or found < self.value


class StopEarly:
    """Stops learning after `patience` values of a metric in a row, none of which was higher than the best before."""

    def __init__(self, patience: int, metric: str = "eval/return") -> None:
        if patience < 1:
            raise UsageError(f"patience is {patience}; it must be at least 1")
        self.patience, self.metric = patience, metric
        self.best, self.waited = -inf, 0

    def __call__(self, progress: Progress) -> bool:
        found = _found(progress, self.metric)
        if found is not None:
            self.waited = 0 if found > self.best else self.waited + 1
            self.best = max(self.best, found)
        return self.waited < self.patience


class KeepBest:
    """Saves the learner to the folder `path`, as `Learner.save` does, whenever a metric is higher than ever before."""

    def __init__(self, path: str | Path, metric: str = "eval/return") -> None:
        self.path, self.metric = path, metric
        self.best = -inf

    def __call__(self, progress: Progress) -> None:
        found = _found(progress, self.metric)
        if found is not None and found > self.best:
            self.best = found
            progress.learner.save(self.path)


def _found(progress: Progress, metric: str) -> float | None:
    """The value of a metric in this row; None where it has none, or one that is the mean of fewer than 100 episodes.

    Raises:
        UsageError: if no row will ever have one.
    """
    if metric.startswith("eval/") and progress.learner.run.evals == 0:
        raise UsageError(f"{metric} is not measured with evals=0; give the number of evaluations, or another metric")
    early = metric.startswith("episode/") and progress.metrics.get("episode/count", 0) < _WINDOW
    return None if early else progress.metrics.get(metric)
