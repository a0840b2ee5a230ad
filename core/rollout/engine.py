"""Rollout: the only place where environments are stepped."""

import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple, NoReturn

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from ..acting import Acting
from ..batch import Batch, Episodes
from ..errors import DIVERGED, TrainingError, UsageError
from ..spaces.actions import action_adapter
from ..spaces.layout import Layout, add_axis, choices, flaw, refuse_late_mask, take
from .ended import episodes, reported_episodes, success
from .fused import FusedActor, FusedLoop, is_native

_WILD = f"the policy's actions are not finite; {DIVERGED}"
_FIRST_ROWS = 256  # in the storage for whole episodes, which grows to the longest


class Whole(NamedTuple):
    """As a horizon: so many whole episodes of each environment, every time from a reset on.

    The same number of each, because the first to end, whosever they are, would more often be short ones.
    """

    episodes: int


class Rollout:
    """Steps a `VectorEnv` and records Batches into storage that is allocated once.

    Handles all three autoreset modes. Box actions are clipped to the action space on their way to the
    environment and recorded as the policy chose them (Huang et al. 2022, "The 37 implementation details
    of PPO", detail 16 of the continuous ones). `seconds` accumulates the time spent per phase. An acting's compiled
    twin acts in its place where it offers one, in a native environment for the whole horizon in one call.

    Raises:
        UsageError: if the environment does not say which autoreset mode it uses, or its rows wait for each other and so
            take nothing but whole episodes.
    """

    def __init__(self, env: VectorEnv, horizon: int | Whole, seed: int = 0) -> None:
        self.env = env
        self.whole = horizon if isinstance(horizon, Whole) else None
        if self.whole is None and env.metadata.get("waits", False):
            raise UsageError(
                "rows of this environment that have ended wait for the others, which takes an algorithm that learns "
                "from whole episodes, not from a number of steps; leave out group and waits"
            )
        self.cut = False
        """Whether the limit or a stop cut episodes of the last collection of whole ones: the whole ones are biased."""
        self._loop: FusedLoop | None = None  # for the last twin that acted
        self._acting: Acting | None = None  # whose columns `_extras` holds
        self.horizon = _FIRST_ROWS if isinstance(horizon, Whole) else horizon
        self.layout = Layout(env.single_observation_space, env.single_action_space)
        self.mode = _autoreset_mode(env)
        self.seconds: dict[str, float] = {}
        n = env.num_envs
        self._counts_games = env.metadata.get("counts_games", False)
        self.to_env = action_adapter(env.single_action_space)
        self._obs = self.layout.empty(self.horizon + 1, n)
        self._reward = np.zeros((self.horizon, n), np.float32)
        self._raw_reward = np.zeros((self.horizon, n), np.float64)  # as given: sums of float32 drift over long episodes
        self._terminated, self._truncated, self._valid = np.zeros((3, self.horizon, n), np.bool_)
        self._first = np.zeros((self.horizon + 1, n), np.bool_)
        self._live = np.ones((self.horizon, n), np.bool_)  # steps that the environment took, within the budget or not
        self._extras: dict[str, NDArray[Any]] = {}
        self._unmasked = self.layout.mask is None and len(choices(env.single_action_space)) > 0
        self._return_so_far = np.zeros(n)
        self._length_so_far = np.zeros(n, np.int64)
        self._dead = np.zeros(n, np.bool_)  # environments whose next step only resets (NEXT_STEP)
        self._left = np.zeros(n, np.int64)  # whole episodes that are still to come in this collection
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Start every environment anew; environment i is seeded with seed + i."""
        try:
            obs, _ = self.env.reset(seed=seed)
        except SystemExit as left:
            raise TrainingError(f"the environment called sys.exit({left.code!r}) in reset") from left
        self.coarse = self.layout.coarse(obs)  # what float32 loses of observations, in words
        self.layout.write(self._obs[-1], obs)
        self._look(self._obs[-1])
        self._first[-1] = True
        self._end = self.horizon  # row of `_obs` that holds the present observation
        self._return_so_far[:], self._length_so_far[:], self._dead[:] = 0, 0, False
        self._fresh = True

    def collect(self, acting: Acting, limit: int | None = None, stop: Sequence[Any] = ()) -> Batch:
        """The next `horizon` steps of every environment, or fewer so as not to exceed `limit` valid steps.

        For whole episodes: that many of each from a reset on. Steps of an environment while others finish theirs are
        not valid, and so count neither as experience nor for the `limit`. Once `stop` holds something, episodes that
        are longer than all before, and may never end, are cut.
        """
        if self.whole:
            if not self._fresh:
                self.reset()
            self._left[:] = self.whole.episodes
        limit = sys.maxsize if limit is None else limit
        self._fresh = False
        self._obs[0], self._first[0] = self._obs[self._end], self._first[self._end]
        if acting is not self._acting:  # a batch has the columns of the one who acted, and no others
            self._acting, self._extras, self._loop = acting, {}, None
        twin = acting.twin
        if not self.whole and isinstance(twin, FusedActor) and is_native(self.env):
            return self._collect_fused(twin, limit)
        act = acting if twin is None else twin
        ends: list[tuple[NDArray[Any], ...]] = []  # per step with ends: final_at rows, final_obs and success
        reported: list[tuple[dict[str, NDArray[Any]], NDArray[Any]]] = []  # episodes that the environment counts itself
        clock, count, t, room = perf_counter(), 0, 0, self.horizon
        while count < limit and not (stop and t >= room) and self._goes_on(t):
            out = act(self._obs[t], self._first[t])
            clock = self._tick("act", clock)
            count += self._mark_valid(t, limit - count)
            self._record(t, out)  # before the environments take the action, in which they may write
            obs, reward, terminated, truncated, info = self._step(self.to_env(out["action"]))
            self._raw_reward[t] = reward
            self._terminated[t], self._truncated[t] = terminated, truncated
            self.layout.write(self._obs[t + 1], obs)
            done = self._terminated[t] | self._truncated[t]
            if done.any():
                ends.append(self._end_episodes(t, done, info))
            self._look(self._obs[t + 1], t)
            self._first[t + 1] = done
            if self.mode is AutoresetMode.NEXT_STEP:
                self._first[t + 1], self._dead = self._dead, done
            if self.whole:
                self._left -= done & self._valid[t]
            if self._counts_games and "episode" in info:
                reported.append((info["episode"], info["_episode"]))
            clock = self._tick("env", clock)
            t += 1
        self._end = t
        self.cut = self.whole is not None and bool((self._left > 0).any())
        no_end = np.zeros((0, 2), np.int64), self.layout.empty(0), np.zeros(0)
        final_at, final_obs, told = (np.concatenate(x) for x in zip(*(ends or [no_end]), strict=True))
        return self._batch(t, final_at, final_obs, told, reported)

    def _step(self, action: Any) -> tuple[Any, ...]:
        """What the environments give; where they refuse actions that are not finite, these are to blame."""
        try:
            given = self.env.step(action)
        except SystemExit as left:
            raise TrainingError(f"the environment called sys.exit({left.code!r}) in a step") from left
        except Exception as problem:
            if np.isfinite(action).all():
                raise
            raise TrainingError(_WILD) from problem
        if given[4] and self._unmasked:
            refuse_late_mask(given[4])
        return given

    def _look(self, obs: NDArray[Any], t: int = -1) -> None:
        """Refuse observations (..., N, *obs) after step t, or after a reset, that are in no space."""
        if found := self.layout.outside(obs):
            self._refuse(t, found[0] % self.env.num_envs, found[1])

    def _refuse(self, t: int, i: int, what: str) -> NoReturn:
        """Name environment i and what it gave at step t, or the policy whose actions it was given."""
        if t >= 0 and not np.isfinite(self._extras["action"][: t + 1]).all():
            raise TrainingError(_WILD)
        raise TrainingError(f"environment {i} gave {what}")

    def state(self) -> dict[str, Any]:
        """State that `collect` depends on beside the environments themselves."""
        return {
            "obs": self._obs[self._end].copy(),
            "first": self._first[self._end].copy(),
            "return_so_far": self._return_so_far.copy(),
            "length_so_far": self._length_so_far.copy(),
            "dead": self._dead.copy(),
            "fresh": self._fresh,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`; the caller restores the environments.

        Raises:
            UsageError: if the state holds an observation that is in no space.
            ValueError: if it is of other environments.
        """
        own = self.state()
        for name in ("obs", "first", "return_so_far", "length_so_far", "dead"):
            if not isinstance(state[name], np.ndarray) or state[name].shape != own[name].shape:
                raise ValueError(f"{name} of the saved rollout is not of shape {own[name].shape}")
            if state[name].dtype != own[name].dtype:
                raise ValueError(f"{name} of the saved rollout is of {state[name].dtype}, not {own[name].dtype}")
        self._obs[-1], self._first[-1], self._end = state["obs"], state["first"], self.horizon
        if found := self.layout.outside(self._obs[-1]):
            raise UsageError(f"the saved state of environment {found[0]} is {found[1]}")
        self._return_so_far[:] = state["return_so_far"]
        self._length_so_far[:] = state["length_so_far"]
        self._dead, self._fresh = state["dead"].copy(), state["fresh"]

    def look(self, obs: Any) -> None:
        """Take `obs` for the present observations, which the environments know better than a file does."""
        self.layout.write(self._obs[self._end], obs)

    def _collect_fused(self, actor: FusedActor, limit: int) -> Batch:
        clock = perf_counter()
        if self._loop is None or self._loop.actor is not actor:
            self._loop = FusedLoop(self.env, actor)
            shapes = {"action": (actor.action_shape, actor.action_dtype)}
            shapes |= {name: ((), np.dtype(np.float32)) for name in actor.extras}
            for name, (shape, dtype) in shapes.items():
                self._extras[name] = np.zeros((self.horizon, self.env.num_envs, *shape), dtype)
        steps = min(self.horizon, -(-limit // self.env.num_envs))
        terminated, truncated, valid = self._terminated[:steps], self._truncated[:steps], self._valid[:steps]
        columns = {name: column[:steps] for name, column in self._extras.items()}
        ends = self._loop.fill(self._obs[: steps + 1], columns, self._raw_reward[:steps], terminated, truncated)
        np.logical_or(terminated, truncated, out=self._first[1 : steps + 1])
        valid[:] = True
        valid.reshape(-1)[limit:] = False  # the last row can go beyond the budget
        self._end = steps
        self._look(self._obs[1 : steps + 1].reshape(-1, *self.layout.shape), steps - 1)
        self._tick("rollout", clock)
        return self._batch(steps, *ends, np.full(len(ends[0]), np.nan), [])

    def _goes_on(self, t: int) -> bool:
        """Whether there is a step t to take, for which there is room then."""
        if self.whole is None:
            return t < self.horizon
        if t == self.horizon:
            self._grow()
        return bool((self._left > 0).any())

    def _grow(self) -> None:
        """Twice the rows, for episodes that are longer than all before."""
        self.horizon *= 2
        for name in ("_obs", "_first", "_reward", "_raw_reward", "_terminated", "_truncated", "_valid", "_live"):
            setattr(self, name, _longer(getattr(self, name), self.horizon + (name in ("_obs", "_first"))))
        self._extras = {name: _longer(x, self.horizon) for name, x in self._extras.items()}

    def _tick(self, phase: str, since: float) -> float:
        now = perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - since
        return now

    def _mark_valid(self, t: int, budget: int) -> int:
        """Mark which environments' step t counts: the live ones, as far as the budget goes."""
        live, valid = np.logical_not(self._dead, out=self._live[t]), self._valid[t]
        np.copyto(valid, live)
        if self.whole:
            valid &= self._left > 0
        if live.size > budget:
            valid &= valid.cumsum() <= budget
        return int(np.count_nonzero(valid))

    def _end_episodes(self, t: int, done: NDArray[Any], info: dict[str, Any]) -> tuple[NDArray[Any], ...]:
        """Where episodes ended at step t, how, and with what success; afterwards `_obs[t + 1]` starts the next ones."""
        which = np.flatnonzero(done)
        final = self._obs[t + 1, which]
        if self.mode is AutoresetMode.SAME_STEP:
            for k, i in enumerate(which.tolist()):
                self.layout.write(final[k : k + 1], add_axis(take(info["final_obs"], i)))
        if self.layout.outside(final):
            final = self.layout.settled(final, self._terminated[t, which])
            if found := self.layout.outside(final):
                self._refuse(t, which[found[0]], found[1])
        if self.mode is AutoresetMode.NEXT_STEP:
            self._obs[t + 1, which] = final
        elif self.mode is AutoresetMode.DISABLED:
            obs, _ = self.env.reset(options={"reset_mask": done})
            self.layout.write(self._obs[t + 1], obs)
        last = info.get("final_info", {}) if self.mode is AutoresetMode.SAME_STEP else info
        return np.stack([np.full_like(which, t), which], 1), final, success(last, which, len(done))

    def _record(self, t: int, out: dict[str, NDArray[Any]]) -> None:
        for name, value in out.items():
            if name not in self._extras:
                self._extras[name] = np.zeros((self.horizon, *value.shape), value.dtype)
            self._extras[name][t] = value

    def _batch(
        self,
        steps: int,
        final_at: NDArray[np.int64],
        final_obs: NDArray[Any],
        told: NDArray[np.float64],
        reported: list[tuple[dict[str, NDArray[Any]], NDArray[Any]]],
    ) -> Batch:
        raw = self._raw_reward[:steps]
        with np.errstate(over="ignore"):
            np.copyto(self._reward[:steps], raw)
        if not np.isfinite(self._reward[:steps]).all():
            t, i = np.argwhere(~np.isfinite(self._reward[:steps]))[0]
            self._refuse(t, i, f"a reward of {raw[t, i]}, which is {flaw(raw[t, i])}")
        terminated, truncated, valid = self._terminated[:steps], self._truncated[:steps], self._valid[:steps]
        running = self._return_so_far, self._length_so_far
        env, returns, lengths = episodes(raw, terminated | truncated, self._live[:steps], valid, *running)
        counted = Episodes(env, returns, lengths, told[valid[tuple(final_at.T)]])
        return Batch(
            obs=self._obs[: steps + 1],
            action=self._extras["action"][:steps],
            reward=self._reward[:steps],
            terminated=terminated,
            truncated=truncated,
            valid=valid,
            first=self._first[: steps + 1],
            final_at=final_at,
            final_obs=final_obs,
            episodes=reported_episodes(reported) if self._counts_games else counted,
            extras={name: value[:steps] for name, value in self._extras.items() if name != "action"},
        )


def _longer(x: NDArray[Any], rows: int) -> NDArray[Any]:
    """`x` followed by zeros, `rows` in all."""
    return np.concatenate([x, np.zeros((rows - len(x), *x.shape[1:]), x.dtype)])


def _autoreset_mode(env: VectorEnv) -> AutoresetMode:
    mode = env.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise UsageError(
            f"{type(env).__name__}.metadata['autoreset_mode'] is {mode!r}; it must be one of "
            f"{', '.join(str(m) for m in AutoresetMode)} for episodes to end where they do."
        )
    return mode
