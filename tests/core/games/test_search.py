"""The batched search against a slow and obvious one, and what must hold of any search."""

import numpy as np
import pytest
from own_games import COUNTDOWN
from slow_search import SlowSearch, hashed, middles

from gymnast.core.games.game import GOES_ON, NONE
from gymnast.core.games.search import Search, Settings, random_play
from gymnast.core.games.tree import UNKNOWN, Formula
from gymnast.envs import games

NAMES = ["tictactoe", "connect4", "othello6", "gomoku5"]
FORMULAS = [Formula(), Formula(c_init=0.7, fpu=0.0), Formula(forced=2.0), Formula(c_init=1.4, uct=True)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("formula", FORMULAS, ids=["puct", "fpu 0", "forced", "uct"])
def test_every_node_is_as_a_slow_and_obvious_search_has_it(name, formula):
    game = games.load(name)
    states, simulations = middles(game, 6), 120
    search = Search(game, hashed(game), Settings(formula), len(states), simulations)
    search.run(states, np.full(len(states), simulations), np.ones(len(states), np.bool_))
    for i, state in enumerate(states):
        same(search.tree, i, 0, SlowSearch(game, hashed(game), formula).run(state, simulations))


def same(tree, i, index, node):
    """Compare a subtree node by node."""
    np.testing.assert_array_equal(tree.state[i, index], node.state)
    assert tree.solved[i, index] == (UNKNOWN if node.solved is None else node.solved)
    assert tree.value[i, index] == pytest.approx(node.value, abs=1e-6)
    legal = {a for a in range(tree.prior.shape[2]) if tree.prior[i, index, a] >= 0}
    assert legal == set(node.prior)
    for a in legal:
        assert tree.prior[i, index, a] == pytest.approx(node.prior[a], rel=1e-5)
        assert tree.visits[i, index, a] == node.visits[a]
        assert tree.total[i, index, a] == pytest.approx(node.total[a], abs=1e-4)
        child = tree.child[i, index, a]
        assert (child == NONE) == (a not in node.children)
        if child != NONE:
            same(tree, i, child, node.children[a])


SETTINGS = {
    "puct": Settings(Formula(forced=2.0), noise_fraction=0.25),
    "gumbel": Settings(Formula(), reuse=False, gumbel=8),
    "cached": Settings(Formula(), noise_fraction=0.25, cached=512),
    "leaves": Settings(Formula(loss=1.0), leaves=4),
}


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("name", ["connect4", "othello6"])
def test_games_searched_together_go_as_they_go_alone_bit_for_bit(name, kind):
    game, count = games.load(name), 5
    simulations = np.array([40, 7, 60, 25, 1])
    noisy = np.array([True, False, True, True, False])

    def moves(which):
        search = Search(game, hashed(game), SETTINGS[kind], count, 60, seed=3)
        search.random[: len(which)] = search.random[which].copy()
        states, seen = middles(game, count)[which], []
        for _ in range(3):
            search.run(states, simulations[which], noisy[which])
            policy = search.policies(len(which))
            action = search.choose(policy, np.full(len(which), 0.8, np.float32))
            seen.append((policy, search.values(len(which)), search.visits(len(which)), action))
            outcome, _ = game.advance(states, action)
            states[outcome != GOES_ON] = game.begin(int((outcome != GOES_ON).sum()))
        return seen

    together = moves(list(range(count)))
    for i in range(count):
        for all_, one in zip(together, moves([i]), strict=True):
            for x, y in zip(all_, one, strict=True):
                np.testing.assert_array_equal(x[i], y[0])


def test_only_full_searches_force_playouts_and_prune_them():
    game = games.load("connect4")
    plain, forcing = (Search(game, hashed(game), Settings(Formula(forced=f)), 2, 200) for f in (0.0, 50.0))
    for search in (plain, forcing):
        search.run(game.begin(2), np.full(2, 200), np.array([True, False]))
    assert (forcing.visits(2)[0] != plain.visits(2)[0]).any()
    np.testing.assert_array_equal(forcing.visits(2)[1], plain.visits(2)[1])
    np.testing.assert_array_equal(forcing.policies(2)[1], plain.policies(2)[1])


def test_simulations_are_counted_and_visits_add_up():
    game = games.load("connect4")
    search = Search(game, hashed(game), Settings(), 3, 100)
    search.run(game.begin(3), np.array([100, 10, 0]))
    assert search.visits(3).sum(1).tolist() == [100, 10, 0]
    assert search.simulated == 110
    nodes = search.tree
    for node in range(nodes.size[0]):  # every visit of an edge is a visit of the node it leads to
        for a in range(7):
            child = nodes.child[0, node, a]
            if child >= 0 and nodes.solved[0, child] == UNKNOWN:
                assert nodes.visits[0, node, a] == nodes.seen[0, child]


def test_without_simulations_the_policy_is_the_networks():
    game = games.load("connect4")
    search = Search(game, hashed(game), Settings(), 2, 10)
    states = middles(game, 2)
    search.run(states, np.zeros(2, np.int64))
    np.testing.assert_array_equal(search.policies(2), np.maximum(search.tree.prior[:2, 0], 0))


def test_what_follows_from_the_moves_made_is_kept():
    """The root's child with n visits starts the next search with its n - 1 simulations, and grows as it would have."""
    game = games.load("connect4")
    search = Search(game, hashed(game), Settings(), 1, 300)
    state = game.begin(1)
    search.run(state, np.array([200]))
    visits = search.visits(1)[0]
    before = search.tree.total[0, search.tree.child[0, 0, 3]].copy(), search.move_values(1)[0, 3]
    game.advance(state, np.array([3]))
    evaluated = search.evaluated
    search.run(state, np.array([0]))
    assert search.evaluated == evaluated
    assert search.visits(1).sum() == visits[3] - 1
    np.testing.assert_array_equal(search.tree.total[0, 0], before[0])
    assert search.values(1)[0] == pytest.approx(-before[1], abs=1e-5)
    assert_whole(search.tree, 0)
    search.run(state, np.array([300]))
    assert search.visits(1).sum() == 300
    assert_whole(search.tree, 0)


def assert_whole(tree, i):
    """Parents and children agree, and no node is out of reach."""
    reached = {0}
    for node in range(tree.size[i]):
        assert node in reached
        for a in range(tree.child.shape[2]):
            child = tree.child[i, node, a]
            if child >= 0:
                assert (tree.parent[i, child], tree.action[i, child]) == (node, a)
                reached.add(int(child))
    assert reached == set(range(tree.size[i]))


def test_random_play_finds_a_win_in_one_and_avoids_a_loss_in_one():
    game = games.load("connect4")
    state = game.begin(1)
    for move in (3, 0, 3, 0, 3):  # three in the middle: the other must block there
        game.advance(state, np.array([move]))
    search = Search(game, random_play(game), Settings(Formula(c_init=1.4, uct=True)), 1, 400)
    search.run(state, np.array([400]))
    assert search.choose(search.policies(1), np.zeros(1, np.float32)).tolist() == [3]
    game.advance(state, np.array([1]))  # it does not
    search.run(state, np.array([400]))
    assert search.tree.solved[0, 0] == 1
    assert search.policies(1)[0].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert search.values(1).tolist() == [1]


def test_a_game_in_plain_python_is_searched_and_solved():
    """Positions with a multiple of three stones are lost."""
    search = Search(COUNTDOWN, hashed(COUNTDOWN), Settings(), 1, 200)
    search.run(COUNTDOWN.begin(1), np.array([200]))  # seven stones: take one
    assert search.values(1).tolist() == [1]
    assert search.principal_line()[0] == 0


def test_leaves_of_one_tree_are_different_positions():
    game, batches = games.load("connect4"), []
    evaluate = hashed(game)

    def watched(states, mask):
        batches.append(states.copy())
        return evaluate(states, mask)

    search = Search(game, watched, Settings(Formula(loss=1.0), leaves=8), 1, 200)
    search.run(game.begin(1), np.array([200]))
    assert search.visits(1).sum() == 200
    assert (search.tree.child[0] != -2).all()  # nothing is left waiting
    assert max(map(len, batches)) > 4
    for states in batches:
        assert len(np.unique(states, axis=0)) >= len(states) - 1  # transpositions aside
    total = search.tree.total[0, 0].sum() / 200
    assert abs(total) <= 1  # virtual losses are taken back


def test_remembered_answers_change_nothing_but_the_work():
    game = games.load("connect4")
    states = middles(game, 4)
    plain = Search(game, hashed(game), Settings(), 4, 100)
    cached = Search(game, hashed(game), Settings(cached=4096), 4, 100)
    for _ in range(2):
        for search in (plain, cached):
            search.run(states, np.full(4, 100))
        np.testing.assert_array_equal(plain.visits(4), cached.visits(4))
        plain.tree.size[:] = cached.tree.size[:] = 0
    assert cached.evaluated < 0.6 * plain.evaluated


def test_noise_keeps_priors_a_distribution_and_is_where_it_is_asked_for():
    game = games.load("connect4")
    search = Search(game, hashed(game), Settings(noise_fraction=0.5, noise_total=10.0), 2, 5)
    search.run(game.begin(2), np.zeros(2, np.int64), np.array([True, False]))
    prior = search.tree.prior[:, 0]
    np.testing.assert_allclose(prior.sum(1), 1, rtol=1e-5)
    assert not np.allclose(prior[0], prior[1])
    logits, _ = hashed(game)(game.begin(1), None)
    np.testing.assert_allclose(prior[1], np.exp(logits[0]) / np.exp(logits[0]).sum(), rtol=1e-5)


def test_temperature_sharpens_what_is_played():
    game = games.load("connect4")
    search = Search(game, hashed(game), Settings(), 4000, 1)
    policy = np.tile(np.array([0, 0, 0.2, 0.8, 0, 0, 0], np.float32), (4000, 1))
    share = [(search.choose(policy, np.full(4000, t, np.float32)) == 3).mean() for t in (0.0, 0.5, 1.0)]
    assert share[0] == 1
    assert share[1] == pytest.approx(0.64 / 0.68, abs=0.02)  # squares
    assert share[2] == pytest.approx(0.8, abs=0.02)


def test_a_saved_search_goes_on_bit_for_bit():
    game = games.load("connect4")
    states = middles(game, 3)
    settings = Settings(Formula(forced=2.0), noise_fraction=0.25)
    one, two = (Search(game, hashed(game), settings, 3, 80, seed) for seed in (1, 2))
    one.run(states, np.full(3, 80), np.ones(3, np.bool_))
    two.load_state(one.state())
    for search in (one, two):
        moved = states.copy()
        game.advance(moved, np.array([2, 3, 4]))
        search.run(moved, np.full(3, 80), np.ones(3, np.bool_))
    np.testing.assert_array_equal(one.visits(3), two.visits(3))
    np.testing.assert_array_equal(one.tree.total[:, 0], two.tree.total[:, 0])


def test_the_tree_of_256_games_at_600_simulations_fits_in_a_gibibyte():
    for name in ("connect4", "othello8", "gomoku15"):
        game = games.load(name)
        per_game = Search(game, hashed(game), Settings(), 1, 600).nbytes
        assert 256 * per_game < 2**30, name
