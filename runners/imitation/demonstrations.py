"""Recording demonstrations of any expert."""

from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ... import envs
from ...core.acting import Acting, Expert, Memoryless, followed
from ...core.batch import Batch
from ...core.errors import UsageError
from ...core.rollout import demos
from ...core.rollout.demos import Demos, Trajectory, Writer
from ...core.rollout.engine import Rollout
from ..runs import run as runs
from ..runs.load import threads_for
from ..screen.human import Keyboard
from ..training import experts

_HORIZON = 64  # steps between looks at which episodes have ended
_COPIES = 8  # environments that are played side by side


def summary(recorded: Demos) -> str:
    """The contents of a folder of demonstrations in a few lines, after reading all of it."""
    found = [(float(t.reward.sum()), len(t.action)) for t in recorded]
    returns, lengths = (np.array(x) for x in zip(*found, strict=True))
    actors = sorted({str(t.about.get("actor", "unknown")) for t in recorded})
    return (
        f"{recorded.episodes} episodes of {recorded.env} in {recorded.folder}, {recorded.steps:,} steps, "
        f"by {', '.join(actors)}\n"
        f"  return  mean {returns.mean():.2f}  std {returns.std():.2f}"
        f"  min {returns.min():.2f}  max {returns.max():.2f}\n"
        f"  length  mean {lengths.mean():.1f}  min {lengths.min()}  max {lengths.max()}"
    )


def collect(
    expert: Any,
    env: Any,
    out: str | Path,
    episodes: int = 50,
    seed: int = 0,
    *,
    stochastic: bool = False,
    noise: float = 0.0,
    append: bool = False,
    env_args: dict[str, Any] | None = None,
    wrappers: Sequence[Any] = (),
    trust: bool = False,
    told: Callable[[Trajectory], None] = lambda trajectory: None,
) -> Demos:
    """Record `episodes` whole episodes of an expert in the folder `out`; `told` hears of each as it ends.

    `expert` is what `experts.load` takes, "human", or an `Act`. Each of several copies of the environment contributes
    its equal share, for the first episodes to end would be the short ones. With `noise` a random action is executed on
    that share of the steps, and the expert's is recorded all the same: demonstrations that hold mistakes and what to do
    about them (Laskey et al. 2017, 1703.09327, with the noise of epsilon-greedy). With `trust`, what the expert's files
    name is imported and called.
    """
    if episodes < 1:
        raise UsageError(f"cannot record {episodes} episodes; give at least 1")
    if seed < 0:
        raise UsageError(f"seed is {seed}; it must be at least 0")
    if not 0 <= noise <= 1:
        raise UsageError(f"noise is {noise}; it must be a share of the steps, between 0 and 1")
    human = expert == "human"
    copies = 1 if human else min(episodes, _COPIES)
    render_mode = "rgb_array" if human else None
    made: Any = envs.make(env, copies, render_mode=render_mode, wrappers=wrappers, **(env_args or {}))
    with closing(made), threads_for(made.single_observation_space.dtype == np.uint8):
        context: Any = Keyboard(made) if human else nullcontext(_act(expert, made, seed, stochastic, trust))
        spaces_here = (made.single_observation_space, made.single_action_space)
        with context as act, Writer(Path(out), runs.env_name(env), *spaces_here, append) as writer:
            rollout = Rollout(made, 1 if human else _HORIZON, seed)
            actor = expert if isinstance(expert, str) else getattr(expert, "__qualname__", type(expert).__name__)
            acting = Noisy(followed(act, copies), made.single_action_space, noise, seed)
            pieces = Pieces(rollout, actor, seed, episodes, acting)
            while not pieces.complete and not getattr(act, "stopped", False):
                for trajectory in pieces.collect():
                    writer.add(trajectory)
                    told(trajectory)
    return demos.load(Path(out))


def _act(expert: Any, env: VectorEnv, seed: int, stochastic: bool, trust: bool) -> Expert:
    return experts.load(expert, env, seed, stochastic, trust) if isinstance(expert, str) else expert


class Noisy(Memoryless):
    """`acting`, with "label" for what it wanted where a random action is executed instead."""

    def __init__(self, acting: Acting, space: spaces.Space, noise: float, seed: int) -> None:
        self._acting, self._space, self._noise = acting, space, noise
        self._random = np.random.default_rng([seed, 1])
        space.seed(seed)

    def __call__(self, obs: NDArray, first: NDArray) -> dict[str, NDArray]:
        out = self._acting(obs, first)
        action = out["action"].copy()
        for i in np.flatnonzero(self._random.random(len(obs)) < self._noise):
            drawn = np.asarray(self._space.sample())
            action[i] = drawn - getattr(self._space, "start", 0)
        return {**out, "action": action, "label": out["action"]}


class Pieces:
    """Puts whole episodes together from the batches of a rollout, an equal share of each environment."""

    def __init__(self, rollout: Rollout, actor: str, seed: int, episodes: int, acting: Acting) -> None:
        copies = rollout.env.num_envs
        self.rollout, self.actor, self.seed, self._acting = rollout, actor, seed, acting
        self.left = np.full(copies, episodes // copies) + (np.arange(copies) < episodes % copies)
        self.played = np.zeros(copies, np.int64)
        self.begun: list[list[dict[str, NDArray]]] = [[] for _ in range(copies)]

    @property
    def complete(self) -> bool:
        """Whether every environment has given its share."""
        return not (self.left > 0).any()

    def collect(self) -> list[Trajectory]:
        """Step on; the episodes that ended, in the order of their ends."""
        batch = self.rollout.collect(self._acting)
        after = np.zeros(len(self.begun), np.int64)
        ended = []
        for (t, i), final in zip(batch.final_at.tolist(), batch.final_obs, strict=True):
            self.begun[i].append(self._piece(batch, after[i], t + 1, i))
            after[i] = t + 1
            if self.left[i] > 0:
                ended.append(self._whole(i, final, bool(batch.terminated[t, i])))
                self.left[i] -= 1
            self.played[i] += 1
            self.begun[i] = []
        for i in range(len(self.begun)):
            self.begun[i].append(self._piece(batch, after[i], len(batch.reward), i))
        return ended

    def _piece(self, batch: Batch, begin: int, end: int, i: int) -> dict[str, NDArray]:
        """Copies of the live steps of environment i from `begin` to before `end`."""
        at = np.arange(begin, end)[batch.valid[begin:end, i]]
        columns = {"obs": batch.obs, "action": batch.extras["label"], "reward": batch.reward}
        columns |= {name: x for name, x in batch.extras.items() if name != "label"}
        return {name: x[at, i] for name, x in columns.items()}

    def _whole(self, i: int, final: NDArray, terminated: bool) -> Trajectory:
        columns = {name: np.concatenate([piece[name] for piece in self.begun[i]]) for name in self.begun[i][0]}
        obs, action = np.concatenate([columns.pop("obs"), final[None]]), self.rollout.to_env(columns.pop("action"))
        reward = columns.pop("reward")
        about = {"actor": self.actor, "seed": self.seed + i, "played": int(self.played[i])}
        return Trajectory(obs, action, reward, terminated, about, columns)
