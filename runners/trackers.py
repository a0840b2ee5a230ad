"""Callbacks that send metrics to experiment trackers; TensorBoard's files are written by every run in a folder.

Each begins a run of the tracker with the first row of metrics, and ends it with its `with` block, or the program.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from importlib import import_module
from typing import Any, Self

from ..core.errors import UsageError
from .api import Progress
from .runs.run import Run, env_name
from .training.train import Watch


class Wandb:
    """Logs to Weights & Biases. Keywords are those of `wandb.init`: project, name, mode="offline", ..."""

    def __init__(self, **begin: Any) -> None:
        self._wandb, self._begin = _imported("wandb"), begin
        self._run: Any = None

    def __call__(self, progress: Progress) -> None:
        self.log(progress.learner.run, progress.steps, progress.metrics)

    def log(self, run: Run, steps: int, metrics: Mapping[str, float]) -> None:
        """Send a row of metrics."""
        if self._run is None:
            self._run = self._wandb.init(**{"name": _name(run), "config": _settings(run), **self._begin})
        self._run.log(dict(metrics), step=steps)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._run is not None:
            self._run.finish()
            self._run = None


class Mlflow:
    """Logs to MLflow. Keywords are those of `mlflow.start_run`: run_name, tags, experiment_id, ..."""

    def __init__(self, **begin: Any) -> None:
        self._mlflow, self._begin = _imported("mlflow"), begin
        self._run: Any = None

    def __call__(self, progress: Progress) -> None:
        self.log(progress.learner.run, progress.steps, progress.metrics)

    def log(self, run: Run, steps: int, metrics: Mapping[str, float]) -> None:
        """Send a row of metrics."""
        if self._run is None:
            self._run = self._mlflow.start_run(**{"run_name": _name(run), **self._begin})
            self._mlflow.log_params(_settings(run), run_id=self._run.info.run_id)
        self._mlflow.log_metrics(dict(metrics), step=steps, run_id=self._run.info.run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._run is not None:
            self._mlflow.end_run()
            self._run = None


@contextmanager
def tracked(names: Iterable[str]) -> Iterator[Watch]:
    """A watcher that sends each row of metrics of a training to the trackers of these names, "wandb" or "mlflow".

    Raises:
        UsageError: if one is not installed.
    """
    known: dict[str, Any] = {"wandb": Wandb, "mlflow": Mlflow}
    with ExitStack() as stack:
        trackers: list[Wandb | Mlflow] = [stack.enter_context(known[name]()) for name in dict.fromkeys(names)]

        def watch(run: Run, steps: int, row: dict[str, float]) -> bool:
            for tracker in trackers:
                tracker.log(run, steps, row)
            return True

        yield watch


def _imported(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as problem:
        raise UsageError(f'{package} is not installed; run: pip install "gymnast[{package}]"') from problem


def _name(run: Run) -> str:
    return f"{run.algo} {env_name(run.env)} seed {run.seed}"


def _settings(run: Run) -> dict[str, Any]:
    """Fields of the run and of the algorithm's Config, environments and wrappers by their names."""
    settings = {f.name: getattr(run, f.name) for f in fields(run) if f.name != "agent"}
    settings |= {"env": env_name(run.env), "wrappers": [env_name(wrapper) for wrapper in run.wrappers]}
    return {**settings, **asdict(run.agent)}
