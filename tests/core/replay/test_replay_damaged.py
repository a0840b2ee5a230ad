"""A saved replay that was made up: nothing of it reaches compiled loops, which have no bounds."""

import numpy as np
import pytest
from streams import ENVS, Stream, copied

from gymnast.core.replay.replay import Replay


def made():
    return Replay(12 * ENVS, stack=4, alpha=0.6, choices=10)


@pytest.fixture
def state():
    replay, stream = made(), Stream(seed=8, stack=4, blank_start=False)
    for steps in (9, 7):
        replay.add(stream.batch(steps))
    return copied(replay.state())


def full(value):
    return lambda old: np.full_like(old, value)


DAMAGE = {
    "ends/of": [full(-(2**30)), full(2**30), lambda old: old[:-1], lambda old: old.astype(np.int64)],
    "ends/free": [full(-1), full(2**30), lambda old: old.astype(np.int64)],
    "ends/block": [lambda old: old[:ENVS], lambda old: old[..., :1]],
    "starts/of": [full(2**20)],
    "starts/block": [lambda old: old.astype(np.float64)],
    "records": [full(127), lambda old: old[:-1], lambda old: old.astype(np.int8)],
    "age": [full(4), lambda old: old[:-1], lambda old: old.astype(np.int64)],
    "next_age": [full(255)],
    "weights": [full(np.nan), full(np.inf), full(-1.0), full(1.0), full(0.0), lambda old: old[:-1]],
    "random": [lambda old: old.astype(np.int64)],
    "cursor": [lambda _: -1, lambda _: 12, lambda _: 2**40, lambda _: None],
    "filled": [lambda _: 13, lambda _: 1.5],
    "count": [lambda old: old + 1, lambda _: 2**40],
    "written": [lambda _: -1, lambda _: 0, lambda _: "many"],
    "top_weight": [lambda _: float("nan"), lambda _: 0.0],
    "envs": [lambda _: 0, lambda _: 10**9, lambda _: True],
    "layout": [
        lambda _: {},
        lambda old: old | {"obs": [[10**9], "|u1"]},
        lambda old: old | {"flags": [[], "|O"]},
        lambda old: old | {"action": [old["action"][0], "|O"]},
        lambda old: old | {"reward": [[], "<i4"]},
    ],
}


@pytest.mark.parametrize(("name", "damage"), [(name, damage) for name in DAMAGE for damage in DAMAGE[name]])
def test_what_no_replay_has_saved_is_refused(name, damage, state):
    made().load_state(copied(state))
    state[name] = damage(state[name])
    with pytest.raises((KeyError, TypeError, ValueError)):
        made().load_state(state)


def test_actions_that_there_are_not_are_refused(state):
    with pytest.raises(ValueError, match="the actions"):
        Replay(12 * ENVS, stack=4, alpha=0.6, choices=1).load_state(state)
