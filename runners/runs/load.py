"""From a run to its agent: new, or as a checkpoint left it; and the environments that it is looked at in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
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
from ...core.spaces.pair import Spaces
from . import run as runs
from .folder import best, last
from .functions import function
from .run import Run


def seeds(seed: int, steps: int = 0) -> dict[str, int]:
    """Independent seeds for each purpose; `steps` makes other ones for environments that start anew on resuming."""
    words = np.random.SeedSequence([seed, steps]).generate_state(4, np.uint32) >> 1
    return dict(zip(("env", "agent", "eval", "expert"), map(int, words), strict=True))


def device(name: str, images: bool) -> str:
    """The device called `name`; "auto" is a GPU for images where there is one, else the CPU.

    Raises:
        UsageError: if it is not available.
    """
    if name == "auto":
        return "cuda" if images and torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as problem:
        reason = str(problem).splitlines()[0].partition(" device type at start")[0]  # torch lists all that it knows of
        raise UsageError(f"device {name!r} is not available here ({reason}); use cpu") from problem
    return name


def new_agent(run: Run, spaces: Spaces, seed: int) -> Agent:
    """The run's agent as it is before training."""
    module = agents.load(run.algo)
    if game_of(spaces.observation) and not agents.plays_games(module):
        name = runs.env_name(run.env)
        raise UsageError(f"{name} is a game for two, whose sides take turns; {run.algo} plays alone. Use alphazero.")
    where = device(run.device, spaces.observation.dtype == np.uint8)
    if isinstance(run.net, str) and run.net.startswith("<"):
        raise UsageError(
            f"its network was built by {run.net}, which no name leads to. Give that: gymnast.load(path, net=...)"
        )
    build = function(run.net, "net", nn.Module) if isinstance(run.net, str) else run.net
    with threads_for(images=False):  # orthogonal weights depend on the number of threads
        return module.Agent(spaces.observation, spaces.action, run.agent, where, seed, build)


def eval_env(run: Run, episodes: int, **kwargs: Any) -> VectorEnv:
    """Environments to evaluate on: never those that train."""
    given = {name: x for name, x in run.env_args.items() if name not in envs.to_learn(run.env)}
    args = {**given, **run.eval_args, **kwargs}
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
    state, spaces = opened(path), Spaces.of(env)
    agent = new_agent(run, spaces, 0)
    with fitting(path):
        refuse_changed(run, state, spaces)
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


@dataclass(frozen=True)
class Left:
    """What a checkpoint left: an agent, which can act, and the rest that learning goes on from."""

    agent: Agent
    spaces: Spaces
    rest: dict[str, Any]
    """The state of a training without the agent's."""

    @property
    def steps(self) -> int:
        """Environment steps learned from."""
        return int(self.rest["steps"])

    @property
    def paths(self) -> dict[str, str]:
        """How they were computed."""
        return dict(self.rest["paths"])

    def state(self) -> dict[str, Any]:
        """The state of the training, whole."""
        return {**self.rest, "agent": checkpoint.state(self.agent.parts())}


def left(run: Run, out: Path, which: str, elsewhere: bool = False) -> Left:
    """What the last checkpoint in `out` left, with the policy of the best one if `which` is "best".

    `elsewhere` it begins new episodes and takes its best anew.
    """
    runs.refuse_elsewhere(run)
    state = opened(last(out))
    spaces = _spaces(run, state, last(out))
    agent = new_agent(run, spaces, seeds(run.seed)["agent"])
    with fitting(last(out)):
        checkpoint.restore(agent.parts(), state.pop("agent"))
        if elsewhere:
            state |= {"paths": {}, "judge": None, "source": {**state["source"], "env": None}}
    if which == "best" and best(out).exists():
        with fitting(best(out)):
            checkpoint.restore(policy(agent), opened(best(out))["agent"])
    return Left(agent, spaces, state)


def moved(run: Run, env: Any, env_args: Mapping[str, Any], wrappers: Sequence[Any]) -> Run:
    """`run` in another environment, of which there are as many copies.

    Raises:
        UsageError: for a VectorEnv of another number of them.
    """
    if isinstance(env, VectorEnv) and env.num_envs != run.num_envs:
        raise UsageError(f"this agent learns from {run.num_envs} copies of an environment, not from {env.num_envs}")
    return replace(run, env=env, env_args=dict(env_args), eval_args={}, wrappers=tuple(wrappers), backend="auto")


def refuse_others(run: Run, then: Spaces, now: Spaces) -> None:
    """Raise `Changed` if an agent for the spaces `then` cannot act in an environment with those `now`."""
    if what := then.change(now):
        raise Changed(runs.env_name(run.env), what)


def refuse_changed(run: Run, state: dict[str, Any], now: Spaces) -> None:
    """Raise `Changed` if a checkpoint of `run` is for other spaces than those `now`."""
    kept = state.get("spaces")
    if kept is not None and kept != now.written():
        refuse_others(run, Spaces.read(kept), now)


def _spaces(run: Run, state: dict[str, Any], path: Path) -> Spaces:
    """The spaces that a checkpoint is for: as it says, else those of an environment that is made to see."""
    kept = state.get("spaces")
    if kept is not None and not agents.plays_games(agents.load(run.algo)):  # to play takes the game, not its spaces
        with fitting(path):
            spaces = Spaces.read(kept)
            if spaces.width > max(_EASY, checkpoint.size(state["agent"])):
                raise ValueError(f"no network in it is for {spaces.width:,} numbers")
            return spaces
    if isinstance(run.env, VectorEnv):
        return Spaces.of(envs.make(run.env, run.num_envs, history=run.history))
    with closing(eval_env(run, 1)) as env:
        return Spaces.of(env)


_EASY = 1 << 20  # numbers observed and chosen, for which a network fits into any memory


class Misfit(UsageError):
    """A checkpoint of another agent than it is to be given to; `why`, in a few words."""

    def __init__(self, problem: Exception, path: Path | None = None) -> None:
        lines = str(problem).splitlines() or [""]
        said = lines[min(1, len(lines) - 1)].strip()  # torch lists what differs below a title
        self.why = f"{type(problem).__name__}: {said[:_LONGEST]}"
        what = f"the checkpoint {path}" if path else "the checkpoint"
        super().__init__(
            f"{what} does not fit the algorithm as it is in this gymnast: another one wrote it, "
            f"which run.json beside it names, or it is damaged. Use that one, or train anew. ({self.why})"
        )


class Changed(Misfit):
    """An environment whose spaces are others than those that a checkpoint is for; `why` says which."""

    def __init__(self, env: str, what: str) -> None:
        self.why = what
        UsageError.__init__(self, f"{env} is another environment than the one that this agent learned in: {what}")


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
        SyntaxError,  # of NumPy, which parses the names of types
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
