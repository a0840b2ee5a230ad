"""A saved replay that was made up: nothing of it reaches compiled loops, which have no bounds."""

import numpy as np
import pytest
from streams import ENVS, Stream, copied

from gymnast.core.replay.replay import Replay


def made(path=None):
    return Replay(12 * ENVS, stack=4, alpha=0.6, choices=10, path=path)


def refused(state, what, path=None):
    with pytest.raises(ValueError, match=f"the saved replay is damaged: {what}$"):
        made(path).load_state(state)


@pytest.fixture
def state():
    replay, stream = made(), Stream(seed=8, stack=4, blank_start=False)
    for steps in (9, 7):
        replay.add(stream.batch(steps))
    return copied(replay.state())


def full(value):
    return lambda old: np.full_like(old, value)


# What is damaged, how, and what the error then says: each check has to be the one that refuses.
DAMAGE = {
    "ends/of": [(full(-(2**30)), "ends"), (full(2**30), "ends"), (lambda old: old[:-1], "ends/of")],
    "ends/free": [(full(-1), "ends"), (full(2**30), "ends"), (lambda old: old.astype(np.int64), "ends/free")],
    "ends/block": [(lambda old: old[..., :1], "ends/block")],
    "starts/of": [(full(2**20), "starts"), (lambda old: old.astype(np.int64), "starts/of")],
    "starts/block": [(lambda old: old.astype(np.float64), "starts/block")],
    "records": [
        (full(127), "the number of transitions"),
        (lambda old: old[:-1], "records"),
        (lambda old: old.astype(np.int8), "records"),
    ],
    "age": [(full(4), "age"), (lambda old: old[:-1], "age"), (lambda old: old.astype(np.int64), "age")],
    "next_age": [(full(255), "next_age")],
    "weights": [(full(value), "the weights") for value in (np.nan, np.inf, -1.0, 1.0, 0.0)]
    + [(lambda old: old[:-1], "weights")],
    "random": [(lambda old: old.astype(np.int64), "random")],
    "cursor": [(lambda _, to=to: to, "its counters") for to in (-1, 12, 2**40, 1.5, None)],
    "filled": [(lambda _, to=to: to, "its counters") for to in (13, 1.5)],
    "count": [
        (lambda old: old + 1, "the number of transitions"),
        (lambda _: 2**40, "the number of transitions"),
        (lambda _: True, "its counters"),
    ],
    "written": [(lambda _, to=to: to, "its counters") for to in (-1, 0, 8, 2**53, 2**70, "many")],
    "top_weight": [(lambda _, to=to: to, "the weight") for to in (float("nan"), float("inf"), 0.0, True, "x")],
    "envs": [(lambda _, to=to: to, "the number of environments") for to in (0, 10**9, True, 1.5)],
    "layout": [
        (lambda _: {}, "the fields"),
        (lambda old: {name: old[name] for name in old if name != "action"}, "the fields"),
        (lambda old: old | {"obs": [[10**9], "|u1"]}, "ends/block"),
        (lambda old: old | {"action": [[-1], "<i8"]}, "the shapes"),
        (lambda old: old | {"action": [[1.5], "<i8"]}, "the shapes"),
        (lambda old: old | {"action": [[], "|O"]}, "the types"),
        (lambda old: old | {"flags": [[], "<u8"]}, "the fields"),
        (lambda old: old | {"reward": [[], "<i4"]}, "the fields"),
    ],
}


@pytest.mark.parametrize(("name", "damage", "what"), [(name, *damage) for name in DAMAGE for damage in DAMAGE[name]])
def test_what_no_replay_has_saved_is_refused(name, damage, what, state):
    made().load_state(copied(state))
    state[name] = damage(state[name])
    refused(state, what)


def test_a_block_without_the_rows_that_are_reserved_is_refused(state):
    state |= {"ends/block": state["ends/block"][:ENVS], "ends/of": np.full_like(state["ends/of"], -1)}
    refused(state | {"ends/free": state["ends/free"][:0]}, "ends")


@pytest.mark.parametrize("name", ["filled", "count", "cursor"])
def test_a_replay_to_which_nothing_was_added_counts_nothing(name):
    refused(made().state() | {name: 1}, "its counters")


@pytest.mark.parametrize("place", ["not valid", "not filled"])
def test_only_transitions_that_may_be_drawn_have_weights(place):
    replay = made()
    replay.add(Stream(seed=8, stack=4).batch(9))
    state = copied(replay.state())
    valid = np.flatnonzero(state["weights"])
    if place == "not filled":
        state["weights"][9 * ENVS] = 1.0
    else:
        flags = replay.fields["flags"].reshape(-1)
        flags[valid[0]] = 0
        state |= {"records": copied(replay.state())["records"], "count": state["count"] - 1}
    refused(state, "the weights")


@pytest.mark.parametrize("action", [-1, 10])
def test_actions_that_there_are_not_are_refused(action):
    replay = made()
    replay.add(Stream(seed=8, stack=4).batch(9))
    replay.fields["action"][:] = action
    refused(copied(replay.state()), "the actions")


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        *(("filled", rows, "its counters") for rows in (13, 11)),
        *(("weights", weight, "the weights") for weight in (np.nan, np.inf, -1.0)),
    ],
)
def test_the_state_of_a_replay_in_files_is_held_to_the_same(name, value, what, tmp_path):
    """Its records are not at hand, which other checks compare with."""
    replay = made(tmp_path)
    replay.add(Stream(seed=8, stack=4).batch(10))
    state = copied(replay.state())
    state[name] = np.full_like(state[name], value) if name == "weights" else value
    refused(state, what, tmp_path)


def test_a_replay_with_nothing_to_draw_and_no_room_for_ends_is_sound():
    replay = made()
    replay.add(Stream(seed=8, stack=4, p_end=0.0, p_invalid=1.0).batch(9))
    state = copied(replay.state())
    assert not state["count"]
    made().load_state(state | {"ends/free": state["ends/free"][:0]})
