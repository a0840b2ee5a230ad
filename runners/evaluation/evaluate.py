"""Evaluation of a policy on environments of its own, with everything that it has learned frozen."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from ...agents import Agent
from ...core.acting import Acting
from ...core.errors import UsageError
from ...core.files import read_text, write_whole
from ...core.learn.stats import iqm, mean_interval
from ...core.rollout.engine import Rollout
from ..runs.load import threads_for

STEPS = 100_000  # of an episode: four times those of the longest game of Atari
_HORIZON = 64  # steps between looks at which episodes have ended


@dataclass(frozen=True)
class Evaluation:
    """Returns of whole episodes."""

    returns: list[float]
    """Undiscounted, in the environment's own units, one per episode."""
    lengths: list[int]
    """Steps of each episode."""
    cut: int = 0
    """Number of episodes, the last ones, that had not ended at the limit of steps: they count as far as they came."""
    successes: list[bool] | None = None
    """Whether each episode reached what it was for, if the environment says so; one that had not ended did not."""

    succeeded = "success {:.1%} of the episodes"

    @property
    def success(self) -> float | None:
        """Share of the episodes that reached what they were for, if the environment says so."""
        return None if self.successes is None else float(np.mean(self.successes))

    @property
    def mean(self) -> float:
        """Mean return."""
        return float(np.mean(self.returns))

    @property
    def std(self) -> float:
        """Standard deviation over episodes."""
        return float(np.std(self.returns))

    @property
    def median(self) -> float:
        """Median return."""
        return float(np.median(self.returns))

    @property
    def iqm(self) -> float:
        """Interquartile mean (arXiv:2108.13264)."""
        return iqm(self.returns)

    @property
    def ci(self) -> tuple[float, float]:
        """95 % interval of the mean over episodes; (nan, nan) for a single one."""
        return mean_interval(self.returns)

    @property
    def interval(self) -> str:
        """The interval, for people; nothing for a single episode."""
        low, high = self.ci
        return "" if len(self.returns) < 2 else f"  95% [{low:.2f}, {high:.2f}]"

    def to_json(self) -> dict[str, Any]:
        """Every figure, for machines."""
        figures: dict[str, Any] = {name: getattr(self, name) for name in ("mean", "std", "median", "iqm", "ci")}
        if len(self.returns) < 2:
            figures["ci"] = None  # JSON has no nan
        figures |= {"length": float(np.mean(self.lengths)), "episodes": len(self.returns), **asdict(self)}
        if self.successes is None:
            del figures["successes"]
            return figures
        return figures | {"success": self.success}

    @property
    def remark(self) -> str:
        """How many episodes had not ended, for people, or nothing."""
        return f"{self.cut} of these episodes had not ended at the limit of steps (eval_steps)" if self.cut else ""

    def line(self) -> str:
        """The figures that matter most, for people who compare runs."""
        success = "" if self.success is None else f"  success {self.success:6.1%}"
        return f"  return  mean {self.mean:9.2f}{self.interval}{success}"

    def lines(self) -> list[str]:
        """The figures, for people."""
        cut = [f"  {self.remark}"] if self.cut else []
        success = [] if self.success is None else ["  " + self.succeeded.format(self.success)]
        return [
            f"  return  mean {self.mean:.2f}{self.interval}  std {self.std:.2f}",
            f"          median {self.median:.2f}  iqm {self.iqm:.2f}",
            f"          min {min(self.returns):.2f}  max {max(self.returns):.2f}",
            f"  length  mean {np.mean(self.lengths):.1f}  min {min(self.lengths)}  max {max(self.lengths)}",
            *success,
            *cut,
        ]


class Stopped(Exception):
    """An evaluation was stopped on the way."""


def evaluate(
    agent: Agent,
    env: VectorEnv,
    episodes: int,
    seed: int,
    stochastic: bool = False,
    steps: int = STEPS,
    stop: Sequence[Any] = (),
) -> Evaluation:
    """`episodes` whole episodes of the agent on `env`: its likeliest actions, or draws from its policy."""
    if seed < 0:
        raise UsageError(f"seed is {seed}; it must be at least 0")
    with threads_for(agent.convolutional):
        acting = agent.acting(env.num_envs, "sample" if stochastic else "best", seed)
        return watched(acting, env, episodes, seed, steps, stop)


def watched(
    acting: Acting, env: VectorEnv, episodes: int, seed: int, steps: int = STEPS, stop: Sequence[Any] = ()
) -> Evaluation:
    """`episodes` whole episodes on `env`, of which each copy contributes its equal share.

    Equal shares, not the first to end: those would be the short ones. A copy has `steps` steps for each episode of its
    share; one that is still under way then counts as far as it came, and no other begins.

    Raises:
        Stopped: as soon as `stop` holds something.
    """
    if episodes < 1:
        raise UsageError(f"cannot evaluate {episodes} episodes; give at least 1")
    rollout = Rollout(env, _HORIZON, seed)
    quota = np.full(env.num_envs, episodes // env.num_envs) + (np.arange(env.num_envs) < episodes % env.num_envs)
    seen: list[tuple[int, int, float, int, float]] = []  # environment, its episode, return, length, success

    done, left = np.zeros_like(quota), steps * int(quota.max())
    while (done < quota).any() and left > 0:
        if stop:
            raise Stopped
        rollout.horizon = min(_HORIZON, left)
        left -= rollout.horizon
        ended = rollout.collect(acting).episodes
        success = np.full(len(ended.env), np.nan) if ended.success is None else ended.success
        figures = (x.tolist() for x in (ended.env, ended.returns, ended.lengths, success))
        for i, ret, length, told in zip(*figures, strict=True):
            if done[i] < quota[i]:
                seen.append((i, int(done[i]), ret, length, told))
                done[i] += 1
    seen.sort()
    running = rollout.state()
    cut = np.flatnonzero((done < quota) & (running["length_so_far"] > 0))
    returns = [ret for _, _, ret, *_ in seen] + running["return_so_far"][cut].tolist()
    lengths = [length for *_, length, _ in seen] + running["length_so_far"][cut].tolist()
    told = [success for *_, success in seen]
    successes = None if np.isnan(told).all() else [success == 1.0 for success in told] + [False] * len(cut)
    return Evaluation(returns, lengths, len(cut), successes)


def keep(figures: dict[str, Any], path: Path) -> str | None:
    """Add an evaluation to the file that lists all of a run, the newest last; returns why it could not, if so."""
    figures = json.loads(json.dumps(figures))
    try:
        kept = json.loads(read_text(path)) if path.exists() else []
        before = kept if isinstance(kept, list) else [kept]
        write_whole(path, json.dumps([*(one for one in before if one != figures), figures], indent=1) + "\n")
    except (OSError, ValueError, RecursionError) as problem:
        return f"not kept in {path}: {type(problem).__name__}: {problem}"
    return None
