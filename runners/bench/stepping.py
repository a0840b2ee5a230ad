"""Native environments through `env.step`, beside Gymnasium's `SyncVectorEnv` and a jitted loop without bookkeeping."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from ... import envs
from ...core.jitted.instantiate import instantiate
from ...envs.native import load
from ...envs.native.pcg64 import seed_row
from . import Row, alternate, rate

if TYPE_CHECKING:
    from ...envs.native.cartpole import reset, step

CLASSICS = ("CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1")

_TARGET = 1e7  # steps per second of CartPole, 64 copies on one core


def measure(
    repeats: int, seconds: float, ids: Sequence[str] = CLASSICS, copies: Sequence[int] = (8, 64)
) -> Iterator[Row]:
    """One core, random actions drawn beforehand."""
    for env_id in ids:
        for n in copies:
            ours, peer, limit = alternate(
                repeats,
                rate(stepper(envs.make(env_id, n, backend="native")), seconds),
                rate(stepper(sync(env_id, n), rows=64), seconds),
                rate(_bare(env_id, n), seconds),
            )
            limits = {"jitted loop without bookkeeping": limit}
            yield Row(f"step {env_id}, {n} copies", "steps/s", ours, peer, "SyncVectorEnv", limits=limits)
            if (env_id, n) == ("CartPole-v1", 64):
                yield Row(f"step {env_id}, {n} copies", "steps/s", ours, [_TARGET], "target", limits=limits)


def stepper(env: VectorEnv, rows: int = 256) -> Callable[[], int]:
    """Work for `rate`: so many steps of every copy, with the same random actions each time."""
    env.reset(seed=0)
    actions = list(_actions(env, rows))

    def work() -> int:
        for action in actions:
            env.step(action)
        return rows * env.num_envs

    return work


def sync(env_id: str, n: int) -> SyncVectorEnv:
    """Gymnasium's own loop, without the checks of `gymnasium.make`."""
    return SyncVectorEnv([lambda: gym.make(env_id, disable_env_checker=True)] * n)


def bare(state, params, actions, random, ended):  # type: ignore[no-untyped-def]
    """Dynamics and resets alone: nothing is observed or counted. (Without writing `ended`, LLVM does 4x worse.)"""
    for t in range(len(actions)):
        for i in range(len(state)):
            _, ended[i] = step(state[i], params, actions[t, i], random[i])
            if ended[i]:
                reset(state[i], params, random[i])


def _bare(env_id: str, n: int) -> Callable[[], int]:
    kernel = load(env_id)
    loop = instantiate(bare, kernel.name, reset=kernel.reset, step=kernel.step)
    state, random = np.zeros((n, kernel.state_size)), np.stack([seed_row(i) for i in range(n)])
    env = envs.make(env_id, n, backend="native")
    env.reset(seed=0)
    state[:] = env.unwrapped.state  # type: ignore[attr-defined]
    actions, ended = _actions(env, 256), np.zeros(n, np.bool_)

    def work() -> int:
        loop(state, kernel.params, actions, random, ended)
        return actions.shape[0] * n

    return work


def _actions(env: VectorEnv, rows: int) -> NDArray[Any]:
    """Random actions (rows, N, *act)."""
    env.action_space.seed(0)
    return np.stack([env.action_space.sample() for _ in range(rows)])
