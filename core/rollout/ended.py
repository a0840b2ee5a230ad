"""Episodes that ended: what the engine counts of them, and what environments say."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..batch import Episodes
from ..spaces.keys import SUCCESS


@njit(cache=True, nogil=True)
def episodes(reward, done, live, valid, return_so_far, length_so_far):  # type: ignore[no-untyped-def]
    """Environment, return and length of each episode that ended within the budget; advances what is running in place.

    Steps beyond the budget belong to their episode all the same, for the next call goes on from there.
    """
    steps, n = reward.shape
    count = 0
    for t in range(steps):
        for i in range(n):
            count += done[t, i] and valid[t, i]
    env, returns, lengths = np.empty(count, np.int64), np.empty(count), np.empty(count, np.int64)
    k = 0
    for t in range(steps):
        for i in range(n):
            if live[t, i]:
                return_so_far[i] += reward[t, i]
                length_so_far[i] += 1
            if done[t, i]:
                if valid[t, i]:
                    env[k], returns[k], lengths[k] = i, return_so_far[i], length_so_far[i]
                    k += 1
                return_so_far[i], length_so_far[i] = 0.0, 0
    return env, returns, lengths


def reported_episodes(reported: list[tuple[dict[str, NDArray[Any]], NDArray[Any]]]) -> Episodes:
    """Whole games as the environment counts them, where an episode is less than a game (a life of Atari)."""
    which = [np.flatnonzero(mask) for _, mask in reported]
    returns = [np.zeros(0), *(stats["r"][i] for (stats, _), i in zip(reported, which, strict=True))]
    lengths = [np.zeros(0, np.int64), *(stats["l"][i] for (stats, _), i in zip(reported, which, strict=True))]
    env = np.concatenate([np.zeros(0, np.int64), *which])
    return Episodes(env, np.concatenate(returns), np.concatenate(lengths).astype(np.int64))


def success(info: dict[str, Any], which: NDArray[np.int64], envs: int) -> NDArray[np.float64]:
    """Whether environments (K,) whose episodes ended say in their last infos that they succeeded; nan if nothing."""
    out = np.full(len(which), np.nan)
    for name in SUCCESS:
        if name in info:
            told = np.broadcast_to(info.get(f"_{name}", True), envs)[which]
            out[told] = np.asarray(info[name])[which[told]].astype(np.float64)
            break
    return out
