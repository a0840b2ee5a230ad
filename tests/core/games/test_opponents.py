"""Past networks as opponents, and the gate."""

import numpy as np
import pytest
import torch

from gymnast.core.games.opponents import Gate, PastSelves, Sides
from gymnast.core.games.search import Search, Settings
from gymnast.envs import games
from gymnast.runners.evaluation.arena import random_mover, uct

GAME = games.load("tictactoe")
WEIGHTS = {"w": torch.zeros(1)}


def search(count, weights):
    """A network that likes the cell of its number."""

    def evaluate(states, mask):
        logits = np.zeros(mask.shape, np.float32)
        logits[:, int(weights["w"])] = 50
        return logits, np.zeros(len(states), np.float32)

    return Search(GAME, evaluate, Settings(reuse=False), count, 1)


def made(games=1, share=0.5, most=3, seed=0):
    past = PastSelves(most, np.random.default_rng(seed), WEIGHTS)
    return past, Sides(games, past, search, share, np.random.default_rng(seed + 1))


def at(ply, games):
    """The plies (N,) of games, and whether they begin."""
    return np.full(games, ply), np.full(games, ply == 0)


def test_there_are_no_past_opponents_before_one_joins():
    _, sides = made(100)
    assert not sides.to_move(*at(0, 100)).any()
    assert (sides.side == -1).all()


def test_a_share_of_the_games_is_against_a_past_network_that_keeps_its_side():
    past, sides = made(4000)
    past.join(WEIGHTS)
    first = sides.to_move(*at(0, 4000))
    assert first.mean() == pytest.approx(0.25, abs=0.03)
    second = sides.to_move(*at(1, 4000))
    assert second.mean() == pytest.approx(0.25, abs=0.03)
    assert not (first & second).any()
    np.testing.assert_array_equal(sides.to_move(*at(2, 4000)), first)
    assert (sides.side[first] == 0).all()
    assert (sides.side[second] == 1).all()


def test_past_networks_move_as_they_would_and_the_latest_are_kept():
    past, sides = made(6, share=1.0)
    for k in range(5):
        past.join({"w": torch.full((1,), float(k))})
        assert [float(w["w"]) for w in past.weights] == list(range(max(0, k - 2), k + 1))
        sides.to_move(*at(0, 6))
        moves = sides.moves(GAME.begin(6), np.zeros(6, np.float32))
        assert len(set(moves.tolist())) == 1
        assert moves[0] in range(max(0, k - 2), k + 1)


def test_joining_keeps_a_copy():
    (past, _), weights = made(), {"w": torch.zeros(1)}
    past.join(weights)
    weights["w"] += 5
    assert float(past.weights[0]["w"]) == 0


def test_the_gate_opens_for_who_wins_enough():
    """A player that searches against one that plays at random, and the other way round."""

    def player(weights):
        return random_mover(GAME) if float(weights["w"]) == 0 else uct(GAME, 30)

    gate = Gate(GAME, player, 0.6, 60, {"w": torch.zeros(1)})
    assert gate.challenge({"w": torch.ones(1)}) > 0.6
    assert float(gate.weights["w"]) == 1
    assert gate.challenge({"w": torch.zeros(1)}) < 0.4
    assert float(gate.weights["w"]) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"weights": [{"v": np.zeros(1, np.float32)}] * 2},
        {"weights": [{"w": np.zeros(1, np.float32)}, {"w": np.zeros(2, np.float32)}]},
        {"weights": [{"w": np.zeros(1, np.float32)}, {"w": np.full(1, np.nan, np.float32)}]},
        {"weights": []},
        {"playing": 2},
    ],
    ids=str,
)
def test_past_networks_that_never_joined_are_refused(damage):
    saved = {"weights": [{"w": np.zeros(1, np.float32)}] * 2, "playing": 1, "joined": 2}
    made()[0].load_state(saved)
    with pytest.raises(ValueError, match=r"lacks w|is of shape|not finite|no past network"):
        made()[0].load_state(saved | damage)


@pytest.mark.parametrize("side", [np.zeros(3, np.int8), np.array([0, 2], np.int8), np.array([-2, 1], np.int8)])
def test_sides_of_other_games_are_refused(side):
    _, sides = made(2)
    with pytest.raises(ValueError, match="the sides of past networks are not those of 2 games"):
        sides.load_state({"side": side, "random": None, "joined": 0})


@pytest.mark.parametrize(
    "weights", [{}, {"w": np.zeros(2, np.float32)}, {"w": np.full(1, np.inf, np.float32)}], ids=str
)
def test_a_gate_lets_no_other_network_in_from_a_file(weights):
    gate = Gate(GAME, lambda weights: random_mover(GAME), 0.6, 2, WEIGHTS)
    with pytest.raises(ValueError, match=r"lacks w|is of shape|not finite"):
        gate.load_state({"weights": weights, "matches": 3})
    assert float(gate.weights["w"]) == 0
