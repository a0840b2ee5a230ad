"""Any Gymnasium environment: worker processes beside the loop and `AsyncVectorEnv`, and what backend "auto" picks."""

from collections.abc import Callable, Iterator
from functools import partial

import gymnasium as gym
from gymnasium.vector import AsyncVectorEnv

from ... import envs
from ...envs.threads import cores
from . import Row, alternate, rate
from .slow_env import Slow, count_in
from .stepping import stepper

MakeEnv = Callable[[], gym.Env]


def measure(repeats: int, seconds: float, milliseconds: float = 1.0, copies: int = 8) -> Iterator[Row]:
    """Environment steps per second."""
    slow = partial(Slow, count_in(milliseconds / 1000))
    workers, loop, asynchronous = _alternate(
        repeats, seconds, envs.make(slow, copies, backend="workers"), envs.make(slow, copies, backend="loop"),
        AsyncVectorEnv([slow] * copies),
    )  # fmt: skip
    limits = {f"{cores()} cores and nothing else": [cores() * 1000 / milliseconds]}
    what = f"step {milliseconds:g} ms of Python, {copies} copies, workers"
    yield Row(what, "steps/s", workers, loop, "loop", limits=limits)
    yield Row(what, "steps/s", workers, asynchronous, "AsyncVectorEnv", limits=limits)
    for what, make_env in ((f"{milliseconds:g} ms of Python", slow), ("CartPole-v1 of Gymnasium", _cartpole)):
        yield _chosen(what, make_env, repeats, seconds, copies)


def _chosen(what: str, make_env: MakeEnv, repeats: int, seconds: float, copies: int) -> Row:
    chosen = envs.make(make_env, copies)
    note = f"picked: {envs.describe(chosen)}"
    auto, loop = _alternate(repeats, seconds, chosen, envs.make(make_env, copies, backend="loop"))
    return Row(f'step {what}, {copies} copies, backend "auto"', "steps/s", auto, loop, "loop", note=note)


def _alternate(repeats: int, seconds: float, *vector_envs: gym.vector.VectorEnv) -> list[list[float]]:
    """Figures of each, which are closed afterwards."""
    try:
        return alternate(repeats, *(rate(stepper(env, rows=16), seconds) for env in vector_envs))
    finally:
        for env in vector_envs:
            env.close()


def _cartpole() -> gym.Env:
    return gym.make("CartPole-v1", disable_env_checker=True)
