"""Replay and advantages beside SB3's buffers, and the memory that a million Atari frames take."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer

from ... import envs
from ...core.acting import Stateless
from ...core.batch import Batch, Episodes
from ...core.learn.returns import gae
from ...core.replay.replay import Replay
from ...core.rollout.engine import Rollout
from . import Row, alternate, duration, peers

_OBS, _ACTION = spaces.Box(-10.0, 10.0, (17,), np.float32), spaces.Box(-1.0, 1.0, (6,), np.float32)  # HalfCheetah's


def measure(repeats: int, seconds: float = 0.5, capacity: int = 1_000_000) -> Iterator[Row]:
    """Microseconds per call, and bytes."""
    yield from _uniform(repeats, seconds, capacity)
    yield _prioritised(repeats, seconds, capacity)
    yield _atari_memory(max(capacity // 100, 400), 1_000_000)
    for steps, copies in ((128, 64), (128, 1024)):
        yield from _advantages(repeats, seconds, steps, copies)


def _uniform(repeats: int, seconds: float, capacity: int, size: int = 256, at_once: int = 16) -> Iterator[Row]:
    """Both give the tensors that a Q-learner wants."""
    replay, theirs = _filled(Replay(capacity)), _filled_peer(capacity)
    record = np.ones((capacity, 2 * 17 + 6 + 2), np.float32)
    random = np.random.default_rng(0)
    single, several, peer, limit = alternate(
        repeats,
        duration(lambda: _tensors(replay.sample(size)), seconds, 50),
        duration(lambda: _tensors(replay.sample(size, at_once)), seconds, 5, 1e6 / at_once),
        duration(lambda: theirs.sample(size), seconds, 50),
        duration(lambda: record.take(random.integers(capacity, size=size), axis=0, mode="clip"), seconds, 50),
    )
    limits = {"one `take` of as many whole rows": limit}
    for how, ours in (("", single), (f", {at_once} minibatches at once", several)):
        what = f"sample {size} of {capacity:,}{how}"
        yield Row(what, "us", ours, peer, peers.NAME, higher_is_better=False, limits=limits)


def _tensors(sample: dict[str, NDArray]) -> list[torch.Tensor]:
    return [torch.from_numpy(sample[name]) for name in ("obs", "action", "reward", "next_obs", "discount")]


def _prioritised(repeats: int, seconds: float, capacity: int, size: int = 256) -> Row:
    replay = _filled(Replay(capacity, alpha=0.6))
    random = np.random.default_rng(0)
    errors = [random.exponential(size=size) for _ in range(64)]
    for error in errors * 16:  # priorities that differ
        replay.update_priorities(replay.sample(size)["indices"], error)

    def work() -> None:
        for error in errors:
            replay.update_priorities(replay.sample(size)["indices"], error)

    (ours,) = alternate(repeats, duration(work, seconds, scale=1e6 / len(errors)))
    what = f"prioritised sample and update, {size} of {capacity:,}"
    return Row(what, "us", ours, [100.0], "target", higher_is_better=False)


def _atari_memory(played: int, frames: int, copies: int = 8) -> Row:
    """From a full replay of `played` frames of Pong, by proportion."""
    env = envs.make("ALE/Pong-v5", copies)
    env.action_space.seed(0)
    replay = Replay(played, stack=4)
    rollout = Rollout(env, 50)
    for _ in range(-(-played // (50 * copies))):
        replay.add(rollout.collect(Stateless(lambda _: {"action": env.action_space.sample()})))
    space, action = env.single_observation_space, env.single_action_space
    theirs = ReplayBuffer(played, space, action, "cpu", copies, True, handle_timeout_termination=False)
    arrays = (x for x in vars(theirs).values() if isinstance(x, np.ndarray))
    gibibytes = frames / played / 2**30
    ours, peer = [replay.nbytes * gibibytes], [sum(x.nbytes for x in arrays) * gibibytes]
    note, limits = f"from {played:,} of them", {"one 84x84 picture each": [frames * 84 * 84 / 2**30], "target": [8.0]}
    name = f"{peers.NAME}, optimize_memory_usage"
    return Row(f"memory of {frames:,} Atari frames", "GiB", ours, peer, name, False, note, limits)


def _advantages(repeats: int, seconds: float, steps: int, copies: int) -> Iterator[Row]:
    """GAE alone; and with the value of what follows each step, which SB3 puts into the rewards while it collects."""
    batch, last = _batch(steps, copies, np.random.default_rng(0))
    value, edge_value = batch.extras["value"], np.concatenate([last, np.zeros(len(batch.final_at), np.float32)])
    theirs = RolloutBuffer(steps, _OBS, _ACTION, "cpu", 0.95, 0.99, copies)
    theirs.rewards[:], theirs.values[:] = batch.reward, value
    theirs.episode_starts[1:] = batch.done[:-1]
    last_value = torch.as_tensor(last)

    next_value = batch.next_value(value, edge_value)

    def targets(following: NDArray) -> NDArray:
        return gae(batch.reward, value, following, batch.done, 0.99, 0.95) + value

    source, target = np.ones((4, steps, copies), np.float32), np.ones((4, steps, copies), np.float32)
    alone, whole, peer, limit = alternate(
        repeats,
        duration(lambda: targets(next_value), seconds, 20),
        duration(lambda: targets(batch.next_value(value, edge_value)), seconds, 20),
        duration(lambda: theirs.compute_returns_and_advantage(last_value, batch.done[-1]), seconds),
        duration(lambda: np.copyto(target, source), seconds, 20),
    )
    limits = {"copying reward, value, advantage and target": limit}
    for how, ours in (("", alone), (", next values included", whole)):
        what = f"advantages and value targets, {steps}x{copies}{how}"
        yield Row(what, "us", ours, peer, peers.NAME, higher_is_better=False, limits=limits)


def _filled(replay: Replay, copies: int = 8) -> Replay:
    """With random transitions, until it is full."""
    random = np.random.default_rng(0)
    steps = max(replay.capacity // copies // 10, 1)
    first = None
    while len(replay) < replay.capacity // copies * copies:
        batch, _ = _batch(steps, copies, random)
        if first is not None:
            batch.obs[0] = first
        replay.add(batch)
        first = batch.obs[-1].copy()
    return replay


def _filled_peer(capacity: int, copies: int = 8) -> ReplayBuffer:
    buffer = ReplayBuffer(capacity, _OBS, _ACTION, "cpu", copies)
    random = np.random.default_rng(0)
    columns: Any = (buffer.observations, buffer.next_observations, buffer.actions, buffer.rewards)
    for column in columns:
        column[:] = random.standard_normal(column.shape, np.float32)
    buffer.dones[:], buffer.timeouts[:], buffer.full = 0.0, 0.0, True
    return buffer


def _batch(steps: int, copies: int, random: np.random.Generator) -> tuple[Batch, NDArray[np.float32]]:
    """Random steps, one in a hundred of which ends its episode, and values (N,) of what follows the last ones."""

    def normal(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, np.float32)

    terminated = random.random((steps, copies)) < 0.01
    final_at = np.argwhere(terminated)
    no_episodes = Episodes(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    batch = Batch(
        obs=normal(steps + 1, copies, 17),
        action=normal(steps, copies, 6),
        reward=normal(steps, copies),
        terminated=terminated,
        truncated=np.zeros_like(terminated),
        valid=np.ones_like(terminated),
        first=np.concatenate([np.ones((1, copies), np.bool_), terminated]),
        final_at=final_at,
        final_obs=normal(len(final_at), 17),
        episodes=no_episodes,
        extras={"value": normal(steps, copies)},
    )
    return batch, normal(copies)
