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
