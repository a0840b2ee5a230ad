"""Recording: demonstrations played back as Batches, in the place of an environment that is stepped."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..acting import Acting
from ..batch import Batch, Episodes
from ..errors import UsageError
from ..spaces.history import stack, stacked
from ..spaces.layout import Layout
from .demos import Demos, Trajectory


class Recorded(NamedTuple):
    """As a horizon: one pass over recorded demonstrations, instead of steps in an environment."""


class Recording:
    """Gives all steps of the demonstrations as one Batch of a single environment, every time; nothing is stepped.

    Args:
        history: how many of the last observations an agent sees as one.
        episodes: learn from so many of them, drawn by the seed; None: from all.

    Raises:
        UsageError: if there are fewer episodes, or actions that are none.
    """

    cut = False
    remark = ""

    def __init__(self, demos: Demos, history: int = 1, episodes: int | None = None, seed: int = 0) -> None:
        self.seconds: dict[str, float] = {}
        self._random = np.random.default_rng(seed)
        count = demos.episodes if episodes is None else episodes
        if not 1 <= count <= demos.episodes:
            raise UsageError(f"cannot learn from {count} episodes: {demos.folder} holds {demos.episodes}")
        chosen = set(self._random.permutation(demos.episodes)[:count].tolist())
        trajectories = [trajectory for k, trajectory in enumerate(demos) if k in chosen]
        self.layout = Layout(stacked(demos.observation_space, history))
        self._batch = _batch(trajectories, demos, history)

    def collect(self, acting: Acting, limit: int | None = None, stop: Sequence[Any] = ()) -> Batch:
        """All steps, or `limit` of them drawn at random as the valid ones; `acting` is not asked."""
        whole = self._batch
        total = whole.steps
        if limit is None or limit >= total:
            return whole
        valid = np.zeros_like(whole.valid)
        valid[self._random.permutation(total)[:limit]] = True
        return replace(whole, valid=valid)

    def state(self) -> dict[str, Any]:
        """Nothing that matters: only the last pass may draw."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""


def _batch(trajectories: list[Trajectory], demos: Demos, history: int) -> Batch:
    """Episodes one after the other, as an environment that resets in the step that ends an episode gives them."""
    lengths = np.array([len(trajectory.action) for trajectory in trajectories])
    ends = lengths.cumsum() - 1
    total = int(lengths.sum())
    obs = [stack(trajectory.obs, history, demos.observation_space) for trajectory in trajectories]
    final = np.stack([x[-1] for x in obs])
    terminated, truncated = np.zeros((2, total, 1), np.bool_)
    terminated[ends, 0] = [trajectory.terminated for trajectory in trajectories]
    truncated[ends, 0] = ~terminated[ends, 0]
    action = np.concatenate([trajectory.action for trajectory in trajectories])
    names = set(trajectories[0].extras).intersection(*(t.extras for t in trajectories))
    return Batch(
        obs=np.concatenate([*(x[:-1] for x in obs), final[-1:]])[:, None],
        action=_chosen(action, demos.action_space)[:, None],
        reward=np.concatenate([trajectory.reward for trajectory in trajectories]).astype(np.float32)[:, None],
        terminated=terminated,
        truncated=truncated,
        valid=np.ones((total, 1), np.bool_),
        first=np.concatenate([[True], (terminated | truncated)[:, 0]])[:, None],
        final_at=np.stack([ends, np.zeros_like(ends)], 1),
        final_obs=final,
        episodes=Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)),
        extras={name: np.concatenate([t.extras[name] for t in trajectories])[:, None] for name in sorted(names)},
    )


def _chosen(action: NDArray[Any], space: spaces.Space[Any]) -> NDArray[Any]:
    """Actions (B, *act) as an agent chooses them: counted from 0, float32 for a Box."""
    match space:
        case spaces.Box():
            return action.astype(np.float32)
        case spaces.Discrete(start=start) | spaces.MultiDiscrete(start=start):
            return action.astype(np.int64) - start
    return action.astype(np.int8)
