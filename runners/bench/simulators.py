"""MuJoCo and Atari on threads, beside the loops of Gymnasium and SB3 and the simulators themselves."""

from collections.abc import Callable, Iterator
from typing import Any

import ale_py
import mujoco
import numpy as np
from ale_py import roms
from gymnasium.vector import VectorEnv
from mujoco import rollout
from stable_baselines3.common.vec_env import VecEnv

from ... import envs
from ...envs.threads import cores
from . import Row, alternate, peers, rate
from .stepping import stepper, sync

_SKIP = 4  # emulator frames per step of Atari


def measure(repeats: int, seconds: float, copies: int = 8) -> Iterator[Row]:
    """Agent steps per second."""
    threads = min(cores(), copies)
    yield _mujoco("HalfCheetah-v5", repeats, seconds, copies, threads)
    yield _atari(repeats, seconds, copies, threads)


def _mujoco(env_id: str, repeats: int, seconds: float, copies: int, threads: int) -> Row:
    env = envs.make(env_id, copies, backend="mujoco")
    ours, peer, one, all_threads = alternate(
        repeats,
        rate(stepper(env), seconds),
        rate(stepper(sync(env_id, copies), rows=64), seconds),
        rate(_raw_mujoco(env, 1), seconds),
        rate(_raw_mujoco(env, threads), seconds),
    )
    limits = {"raw mj_step, 1 thread": one, f"{threads} threads": all_threads}
    what = f"step {env_id}, {copies} copies, {threads} threads"
    return Row(what, "steps/s", ours, peer, "SyncVectorEnv", limits=limits)


def _atari(repeats: int, seconds: float, copies: int, threads: int) -> Row:
    ours, peer, limit = alternate(
        repeats,
        rate(stepper(envs.make("ALE/Pong-v5", copies)), seconds),
        rate(_vec_env(peers.vec_env("ALE/Pong-v5", copies, seed=0)), seconds),
        rate(_raw_ale("pong"), seconds),
    )
    what = f"step Pong, {copies} copies, {threads} threads"
    return Row(what, "steps/s", ours, peer, peers.NAME, limits={"raw ALE, 1 thread": limit})


def _raw_mujoco(env: VectorEnv, threads: int, steps: int = 100) -> Callable[[], int]:
    """`mj_step` in C++ from the same starts with random controls, as many physics steps as the environment takes."""
    inner: Any = env.unwrapped
    single = inner.single
    model, skip, n = single.model, single.frame_skip, env.num_envs
    start = np.zeros((n, mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)))
    for row, data in zip(start, inner.datas, strict=True):
        mujoco.mj_getState(model, data, row, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    space = single.action_space
    random = np.random.default_rng(0)
    control = random.uniform(space.low, space.high, (n, steps, *space.shape)).repeat(skip, axis=1)
    workers, datas = rollout.Rollout(nthread=threads if threads > 1 else 0), [mujoco.MjData(model) for _ in range(n)]

    def work() -> int:
        workers.rollout(model, datas[:threads], start, control)
        return n * steps

    return work


def _raw_ale(game: str, steps: int = 64) -> Callable[[], int]:
    """The emulator on one thread: four frames per step, the last two of them as grey pictures."""
    ale = ale_py.ALEInterface()
    rom = roms.get_rom_path(game)
    assert rom is not None
    ale.loadROM(rom)
    legal = ale.getMinimalActionSet()
    actions = [legal[k] for k in np.random.default_rng(0).integers(len(legal), size=steps)]
    screen = np.empty(ale.getScreenDims(), np.uint8)

    def work() -> int:
        for action in actions:
            for frame in range(_SKIP):
                ale.act(action)
                if frame >= _SKIP - 2:
                    ale.getScreenGrayscale(screen)
            if ale.game_over():
                ale.reset_game()
        return steps

    return work


def _vec_env(env: VecEnv, rows: int = 64) -> Callable[[], int]:
    """`stepper` for the vector environments of SB3."""
    env.reset()
    actions = np.random.default_rng(0).integers(env.action_space.n, size=(rows, env.num_envs))  # type: ignore[attr-defined]

    def work() -> int:
        for action in actions:
            env.step(action)
        return rows * env.num_envs

    return work
