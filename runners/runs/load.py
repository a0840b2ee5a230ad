"""From a run to its agent: new, or as a checkpoint left it; and the environments that it is looked at in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import nn

from ... import agents, envs
from ...agents import Agent
from ...core import checkpoint
from ...core.errors import TrainingError, UsageError
from ...core.games.game import game_of
from . import run as runs
from .folder import best, last
from .functions import function
from .run import Run


def seeds(seed: int, steps: int = 0) -> dict[str, int]:
    """Independent seeds for each purpose; `steps` makes other ones for environments that start anew on resuming."""
    words = np.random.SeedSequence([seed, steps]).generate_state(4, np.uint32) >> 1
    return dict(zip(("env", "agent", "eval", "expert"), map(int, words), strict=True))


def device(name: str, env: VectorEnv) -> str:
    """The device called `name`; "auto" is a GPU for images where there is one, else the CPU.

    Raises:
        UsageError: if it is not available.
    """
    if name == "auto":
        images = env.single_observation_space.dtype == np.uint8
        return "cuda" if images and torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as problem:
        reason = str(problem).splitlines()[0].partition(" device type at start")[0]  # torch lists all that it knows of
        raise UsageError(f"device {name!r} is not available here ({reason}); use cpu") from problem
    return name


def new_agent(run: Run, env: VectorEnv, seed: int) -> Agent:
    """The run's agent as it is before training."""
    module = agents.load(run.algo)
    if game_of(env.single_observation_space) and not agents.plays_games(module):
        name = runs.env_name(run.env)
        raise UsageError(f"{name} is a game for two, whose sides take turns; {run.algo} plays alone. Use alphazero.")
    where, build = device(run.device, env), function(run.net, "net", nn.Module) if run.net else None
    with threads_for(images=False):  # orthogonal weights depend on the number of threads
        return module.Agent(env.single_observation_space, env.single_action_space, run.agent, where, seed, build)


def eval_env(run: Run, episodes: int, **kwargs: Any) -> VectorEnv:
    """Environments to evaluate on: never those that train."""
    args = {**run.env_args, **run.eval_args, **kwargs}
    return envs.make(run.env, min(max(episodes, 1), run.eval_copies), backend=run.backend, **seen_as(run), **args)


def seen_as(run: Run) -> dict[str, Any]:
    """Arguments of `envs.make` that are the same for all environments of a run."""
    return {"history": run.history, "wrappers": run.wrappers, "worker_timeout": run.worker_timeout}


def trained(run: Run, out: Path, env: VectorEnv, which: str = "best") -> tuple[Agent, int]:
    """The agent of the run in `out` for environments like `env`, and the steps it was trained for.

    `which` is "best", the checkpoint that evaluated best (the last if none did), or "last".
    """
    path = best(out) if which == "best" and best(out).exists() else last(out)
    if not path.exists():
        raise UsageError(
            f"{out} has no checkpoint yet; the first one comes with the first evaluation, or after a minute"
        )
    state = opened(path)
    agent = new_agent(run, env, 0)
    with fitting(path):
        checkpoint.restore(policy(agent), state["agent"])
    return agent, state["steps"]


def opened(path: Path) -> dict[str, Any]:
    """The checkpoint of a run.

    Raises:
        UsageError: if it is damaged, or of something else.
    """
    match state := checkpoint.load(path):
        case {"steps": int() as steps, "agent": dict()} if 0 <= steps < 1 << 53:
            return state
    raise UsageError(f"{path} is not the checkpoint of a run")


def policy(agent: Agent) -> dict[str, Any]:
    """The parts of an agent that acting depends on, which are few and small."""
    parts = agent.parts()
    return {name: parts[name] for name in agent.policy}


class Misfit(UsageError):
    """A checkpoint of another agent than it is to be given to; `why`, in a few words."""

    def __init__(self, problem: Exception, path: Path | None = None) -> None:
        lines = str(problem).splitlines() or [""]
        said = lines[min(1, len(lines) - 1)].strip()  # torch lists what differs below a title
        self.why = f"{type(problem).__name__}: {said[:_LONGEST]}"
        super().__init__(
            f"the checkpoint {path or ''} does not fit the algorithm as it is in this gymnast: another one wrote it, "
            f"which run.json beside it names, or it is damaged. Use that one, or train anew. ({self.why})"
        )


_LONGEST = 200  # characters of a reason


@contextmanager
def fitting(path: Path | None) -> Iterator[None]:
    """Says in one line that the state in the checkpoint `path` does not fit what goes on from it.

    Raises:
        Misfit: if it is not of this run as it is today, or damaged.
    """
    try:
        yield
    except (Misfit, TrainingError):
        raise
    except (
        LookupError,
        TypeError,
        ValueError,
        RuntimeError,
        AttributeError,
        ArithmeticError,
        AssertionError,
    ) as problem:
        raise Misfit(problem, path) from problem


@contextmanager
def threads_for(images: bool) -> Iterator[None]:
    """One torch thread while networks that see no images learn or act: more only get in each other's way.

    For images, as many as torch has (OMP_NUM_THREADS): what is learned depends on the number in its last digits.
    """
    before = torch.get_num_threads()
    if not images:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
