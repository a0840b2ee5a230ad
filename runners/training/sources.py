"""Where an agent's batches come from: environments that are stepped, or demonstrations that are played back."""

from math import ceil
from pathlib import Path

from gymnasium.vector import VectorEnv

from ... import envs
from ...agents import Agent
from ...core.errors import UsageError
from ...core.rollout import demos
from ...core.rollout.engine import Rollout, Whole
from ...core.rollout.fused import fused
from ...core.rollout.recording import Recorded, Recording
from ..runs import run as runs
from ..runs.run import Run
from . import experts


def source(run: Run, env: VectorEnv, agent: Agent, seeds: dict[str, int]) -> Rollout | Recording:
    """What `agent` learns from; an agent that asks an expert is given the run's.

    Raises:
        UsageError: if the run lacks what the agent needs, or names what it has no use for.
    """
    horizon = agent.horizon
    if hasattr(agent, "expert"):
        agent.expert = experts.ask(run, env, seeds["expert"])
    elif run.expert is not None:
        raise UsageError(f"{run.algo} asks no expert; leave out --expert")
    if isinstance(horizon, Recorded):
        return _recording(run, env, seeds["env"])
    if run.demos is not None:
        raise UsageError(f"{run.algo} does not learn from demonstrations; leave out --demos")
    if not isinstance(horizon, Whole):
        horizon = min(horizon, ceil(run.steps / env.num_envs))
    actor = fused(agent.net, env.num_envs, seeds["agent"]) if run.rollout == "auto" else None
    return Rollout(env, horizon, seeds["env"], actor if actor and run.agent.twins == "auto" else None)


def begin(run: Run, env: VectorEnv, agent: Agent) -> None:
    """Give `agent` the policy that the run begins from, if it names one.

    Raises:
        UsageError: if the algorithm has no policy to replace, or the policy is another network.
    """
    if run.init_from is None:
        return
    from .train import Misfit, trained

    if not hasattr(agent, "adopt"):
        raise UsageError(f"{run.algo} cannot begin with another run's policy; leave out --init-from")
    path = Path(run.init_from)
    source = runs.load(path / "run.json")
    try:
        other, _ = trained(source, path, env)
    except Misfit as problem:
        raise UsageError(
            f"{path} was trained on {source.env}, whose observations or actions differ. {problem}"
        ) from problem
    agent.adopt(getattr(other, "acting", other.net).state_dict())


def _recording(run: Run, env: VectorEnv, seed: int) -> Recording:
    if run.demos is None:
        raise UsageError(f"{run.algo} learns from demonstrations; give --demos DIR (gymnast collect records them)")
    recorded = demos.load(Path(run.demos))
    single = env.env if isinstance(env, envs.History) else env
    demos.check(recorded, runs.env_name(run.env), single.single_observation_space, env.single_action_space)
    return Recording(recorded, run.history, run.demo_episodes, seed)
