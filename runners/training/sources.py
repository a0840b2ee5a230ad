"""Where an agent's batches come from: environments that are stepped, or demonstrations that are played back."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from gymnasium.vector import VectorEnv

from ... import agents, envs
from ...agents import Agent
from ...core.acting import Acting
from ...core.batch import Batch
from ...core.checkpoint import counted
from ...core.errors import UsageError
from ...core.games.game import game_of
from ...core.rollout import demos
from ...core.rollout.engine import Rollout, Whole
from ...core.rollout.examples import Examples, first_steps, read
from ...core.rollout.recording import Recorded, Recording
from ...core.spaces.tokens import Tokens
from ...envs import snapshot
from ...envs.goals import goals
from ...envs.text.learned import Learned
from ..runs import run as runs
from ..runs.load import Misfit, fitting, seeds, seen_as, trained
from ..runs.run import Run
from . import experts


class Source(Protocol):
    """Gives one batch after another."""

    seconds: dict[str, float]
    """Time spent so far per phase."""

    remark: str
    """Lines for a person about how it goes on, or nothing."""

    @property
    def cut(self) -> bool:
        """Whether the limit or a stop cut episodes of the last collection of whole ones: the whole ones are biased."""
        ...

    def collect(self, acting: Acting, limit: int | None = None, stop: Sequence[Any] = ()) -> Batch:
        """The next batch, of at most `limit` valid steps; no episodes without an end once `stop` holds something."""
        ...

    def state(self) -> dict[str, Any]:
        """State that later batches depend on beside the acting."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        ...


class Living:
    """Environments that are stepped. Those that cannot be put back where they were start new episodes on resuming."""

    def __init__(self, env: VectorEnv, horizon: int | Whole, seed: int) -> None:
        """`seed` is the run's."""
        self._env, self._seed, self._steps = env, seed, 0
        self.rollout = Rollout(env, horizon, seeds(seed)["env"])
        self.remark = self.rollout.coarse
        self.seconds = self.rollout.seconds

    @property
    def cut(self) -> bool:
        """Whether the limit or a stop cut episodes of the last collection."""
        return self.rollout.cut

    def collect(self, acting: Acting, limit: int | None = None, stop: Sequence[Any] = ()) -> Batch:
        """The next steps of every environment."""
        batch = self.rollout.collect(acting, limit, stop)
        self._steps += batch.steps
        return batch

    def state(self) -> dict[str, Any]:
        """The rollout and, as far as they can be read, the environments."""
        return {"steps": self._steps, "rollout": self.rollout.state(), "env": snapshot.snapshot(self._env)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._steps = counted(state["steps"])
        self.rollout.load_state(state["rollout"])
        saved, anew = state["env"], ""
        if saved is None:
            anew = "the state of these environments cannot be saved: new episodes begin"
        elif not snapshot.restore(self._env, saved):
            anew = f"the saved state is of environments of another kind ({saved['kept_by']}): new episodes begin"
        elif game_of(self._env.single_observation_space):
            self.rollout.look(self._env.unwrapped.observe())  # type: ignore[attr-defined]
        if anew:
            self.remark = "\n".join(filter(None, (self.remark, anew)))
            self.rollout.reset(seeds(self._seed, self._steps)["env"])  # each resume starts others


class Worked:
    """Worked examples of an environment of texts, others each time; nobody acts."""

    cut = False

    def __init__(self, env: VectorEnv, count: int, seed: int) -> None:
        """`seed` is the run's.

        Raises:
            UsageError: if the environment gives none.
        """
        space = env.single_observation_space
        if not isinstance(space, Tokens) or not hasattr(env.unwrapped, "examples"):
            raise UsageError("this algorithm learns from texts, which the environment does not give (gymnast list)")
        self._env, self._count, self._space, self.remark = env, count, space, ""
        self.seconds: dict[str, float] = {}
        env.reset(seed=seeds(seed)["env"])

    def collect(self, acting: Acting, limit: int | None = None, stop: Sequence[Any] = ()) -> Batch:
        """The next examples, of which at most `limit` tokens are learned."""
        began = perf_counter()
        batch = read(self._env, self._space, self._count)
        self.seconds["env"] = self.seconds.get("env", 0.0) + perf_counter() - began
        return batch if limit is None else first_steps(batch, limit)

    def state(self) -> dict[str, Any]:
        """The environment, as far as it can be read."""
        return {"env": snapshot.snapshot(self._env)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        if state["env"] is None or not snapshot.restore(self._env, state["env"]):
            self.remark = "the state of this environment cannot be saved: it begins with other examples"


def environments(run: Run, state: dict[str, Any] | None) -> tuple[VectorEnv, Run]:
    """The environments that `run` learns in, and the run as it can go on here: on any backend if it cannot on its own.

    A run that goes on may come from another machine, where there was a backend that is not to be had here.
    """
    backend, how = _backend(run, state), {**seen_as(run), **run.env_args}
    try:
        return rewarded(run, envs.make(run.env, run.num_envs, backend=backend, **how)), run
    except UsageError:
        if state is None or backend == "auto":
            raise
    return rewarded(run, envs.make(run.env, run.num_envs, **how)), replace(run, backend="auto")


def rewarded(run: Run, env: VectorEnv) -> VectorEnv:
    """`env`, with the scores of a reward model for rewards if the run names one.

    Raises:
        UsageError: if the environment is no text, or the run that is named learns no rewards of its texts.
    """
    if run.reward is None:
        return env
    if not isinstance(env.single_observation_space, Tokens):
        raise UsageError(f"reward models score texts, and {runs.env_name(run.env)} has none; leave out --reward")
    path = Path(run.reward)
    before = runs.load(path / "run.json", run.trust)
    try:
        agent, _ = trained(before, path, env)
    except Misfit as problem:
        raise UsageError(f"{path} scores texts of {before.env}, which differ ({problem.why})") from problem
    scoring = agents.scoring(agent)
    if scoring is None:
        raise UsageError(f"{path} is a run of {before.algo}, which scores no texts; train a reward_model")
    return Learned(env, lambda texts: scoring.score(texts))


def _backend(run: Run, state: dict[str, Any] | None) -> str:
    """The backend to make environments with: where it was left to chance, the one that the checkpoint was made with."""
    if run.backend != "auto" or state is None or isinstance(run.env, VectorEnv):
        return run.backend
    with fitting(None):
        return envs.described(state["paths"].get("environments", ""))


def source(run: Run, env: VectorEnv, agent: Agent) -> Source:
    """The source that `agent` learns from; an expert that it asks is the run's, hindsight asks `env`.

    Raises:
        UsageError: if the run lacks what the agent needs, or names what it has no use for.
    """
    horizon = agent.horizon
    asking = agents.asking(agent)
    if asking is not None:
        asking.expert = experts.of_run(run, env, seeds(run.seed)["expert"])
    elif run.expert is not None:
        raise UsageError(f"{run.algo} asks no expert; leave out --expert")
    remembering = agents.remembering(agent)
    if remembering is not None and remembering.replay is not None and remembering.replay.hindsight is not None:
        remembering.replay.hindsight.goals = goals(env)
    if run.reward is not None and isinstance(horizon, Examples | Recorded):
        raise UsageError(f"{run.algo} learns from no rewards; leave out --reward")
    if isinstance(horizon, Examples):
        return Worked(env, horizon.texts, run.seed)
    if isinstance(horizon, Recorded):
        return _recording(run, env, seeds(run.seed)["env"])
    if run.demos is not None:
        raise UsageError(f"{run.algo} does not learn from demonstrations; leave out --demos")
    if not isinstance(horizon, Whole):
        horizon = min(horizon, ceil(run.steps / env.num_envs))
    return Living(env, horizon, run.seed)


def begin(run: Run, env: VectorEnv, agent: Agent) -> None:
    """Give `agent` the policy that the run begins from, if it names one.

    Raises:
        UsageError: if the algorithm has no policy to replace, or the policy is another network.
    """
    if run.init_from is None:
        return
    adopting = agents.adopting(agent)
    if adopting is None:
        raise UsageError(f"{run.algo} cannot begin with another run's policy; leave out --init-from")
    path = Path(run.init_from)
    before = runs.load(path / "run.json", run.trust)
    for name, (here, there) in runs.networks(run.agent, before.agent).items():
        if here != there:  # shapes alone would not tell all networks apart
            raise UsageError(
                f"the policy to begin with is another network: {name} is {there!r} in {path} and {here!r} here; "
                f"leave out --agent.{name.replace('_', '-')}"
            )
    try:
        other, _ = trained(before, path, env)
    except Misfit as problem:
        raise UsageError(
            f"{path} was trained on {before.env}, whose observations or actions differ ({problem.why})"
        ) from problem
    adopting.adopt(other.net.state_dict())


def _recording(run: Run, env: VectorEnv, seed: int) -> Recording:
    if run.demos is None:
        raise UsageError(f"{run.algo} learns from demonstrations; give --demos DIR (gymnast collect records them)")
    recorded = demos.load(Path(run.demos))
    single = env.env if isinstance(env, envs.History) else env
    demos.check(recorded, runs.env_name(run.env), single.single_observation_space, env.single_action_space)
    return Recording(recorded, run.history, run.demo_episodes, seed)
