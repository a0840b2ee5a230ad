"""What tests of rollouts share: scripts for the clocks, ways to act, and the episodes that a batch reports."""

import numpy as np
from gymnasium.vector import AutoresetMode

from gymnast.core.acting import Stateless

SAME, NEXT, DISABLED = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED
MODES = [SAME, NEXT, DISABLED]
SCRIPTS = ("3| 2~ 1!", "1~ 4|", "5! 1|", "2~", "9|")
"""Every mixture of terminations and truncations, at different times."""


@Stateless
def zeros(obs):
    return {"action": np.zeros(len(obs), np.int64)}


@Stateless
def counting(obs):
    """Actions 0, 1, 0, 1, ... and what was seen, for the record."""
    return {"action": obs[:, 2].astype(np.int64) % 2, "value": obs @ np.array([100, 10, 1], np.float32)}


def episodes_of(batch, i):
    mine = batch.episodes.env == i
    return list(zip(batch.episodes.returns[mine].tolist(), batch.episodes.lengths[mine].tolist(), strict=True))


def worth(obs):
    """A value that is different for every observation of the clocks."""
    return (np.asarray(obs) @ np.array([100, 10, 1])).astype(np.float32)
