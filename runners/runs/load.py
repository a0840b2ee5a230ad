"""From a run to its agent: new, or as a checkpoint left it; and the environments that it is looked at in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from ... import agents, envs
from ...agents import Agent
from ...core import checkpoint
from ...core.errors import UsageError
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
    where, build = device(run.device, env), function(run.net, "net") if run.net else None
    return module.Agent(env.single_observation_space, env.single_action_space, run.agent, where, seed, build)


def eval_env(run: Run, episodes: int, **kwargs: Any) -> VectorEnv:
    """Environments to evaluate on: never those that train."""
    args = {**run.env_args, **run.eval_args, **kwargs}
    return envs.make(run.env, min(max(episodes, 1), 32), backend=run.backend, history=run.history, **args)


def trained(run: Run, out: Path, env: VectorEnv, which: str = "best") -> tuple[Agent, int]:
    """The agent of the run in `out` for environments like `env`, and the steps it was trained for.

    `which` is "best", the checkpoint that evaluated best (the last if none did), or "last".
    """
    path = best(out) if which == "best" and best(out).exists() else last(out)
    if not path.exists():
        raise UsageError(
            f"{out} has no checkpoint yet; the first one comes with the first evaluation, or after a minute"
        )
    state = checkpoint.load(path)
    agent = new_agent(run, env, 0)
    put_back(policy(agent), state["agent"])
    return agent, state["steps"]


def policy(agent: Agent) -> dict[str, Any]:
    """The parts of an agent that acting depends on, which are few and small."""
    parts = agent.parts()
    return {name: parts[name] for name in agent.policy}


class Misfit(UsageError):
    """A checkpoint of another agent than it is to be given to."""


def put_back(parts: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Let an agent's parts go on from a checkpoint's state.

    Raises:
        Misfit: if the state is not of this agent as it is today.
    """
    try:
        checkpoint.restore(parts, state)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as problem:
        raise Misfit(
            "the checkpoint does not fit the algorithm as it is in this gymnast: another one wrote it, which run.json "
            f"beside it names. Use that one, or train anew. ({type(problem).__name__}: {problem})"
        ) from problem


@contextmanager
def threads_for(images: bool) -> Iterator[None]:
    """One torch thread while networks that see no images learn or act: more only get in each other's way."""
    before = torch.get_num_threads()
    if not images:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
