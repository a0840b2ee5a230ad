"""Saved trees that were made up: nothing of them reaches compiled loops, which have no bounds."""

import numpy as np
import pytest
from slow_search import hashed, middles

from gymnast.core.games.search import Search, Settings
from gymnast.envs import games


def made():
    game = games.load("connect4")
    return Search(game, hashed(game), Settings(), 2, 40)


@pytest.fixture
def state():
    search = made()
    search.run(middles(search.game, 2), np.full(2, 40))
    return search.state()


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("size", 0, -1),
        ("size", 0, 10**6),
        ("child", (0, 1, 0), 10**6),
        ("child", (0, 3, 0), 2),  # back to where the walk came from: it would never end
        ("child", (0, 3, 0), -2),
        ("parent", (0, 2), 5),
        ("parent", (0, 2), -5),
        ("visits", (0, 1, 0), -1),
        ("action", (0, 2), 7),
        ("action", (0, 2), -2),
        ("solved", (0, 2), 7),
        ("prior", (0, 1, 0), np.nan),
        ("total", (0, 1, 0), np.inf),
    ],
)
def test_trees_that_lead_out_of_themselves_are_refused(name, place, value, state):
    made().load_state(state)
    state["tree"][name][place] = value
    with pytest.raises(ValueError, match="the saved trees are none"):
        made().load_state(state)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("visits", lambda old: old.astype(np.int64)),
        ("prior", lambda old: old[..., :3]),
        ("state", lambda old: old[:1]),
        ("value", lambda old: old[0]),
        ("size", lambda old: old[:, None]),
    ],
)
def test_trees_of_another_shape_or_type_are_refused(name, damage, state):
    state["tree"][name] = damage(state["tree"][name])
    with pytest.raises(ValueError, match="the saved trees have"):
        made().load_state(state)
