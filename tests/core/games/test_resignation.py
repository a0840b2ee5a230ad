"""When games are given up, and how often that is wrong."""

import numpy as np
import pytest

from gymnast.core.batch import Batch, Episodes
from gymnast.core.errors import UsageError
from gymnast.core.games.resignation import GivingUp, Resignation

NONE = np.zeros(0, np.int64)


def played(value, watched, reward, done):
    """A batch of T moves of N games with these columns (T, N)."""
    value, watched, reward, done = (np.atleast_2d(x) for x in (value, watched, reward, done))
    no = np.zeros(done.shape, np.bool_)
    extras = {"search_value": value.astype(np.float32), "watched": watched.astype(np.bool_)}
    episodes = Episodes(NONE, np.zeros(0), NONE)
    return Batch(NONE, np.zeros(done.shape, np.int64), reward, done, no, ~no, no, NONE, NONE, episodes, extras)


def made(bound=0.25):
    return Resignation(bound)


def test_nobody_gives_up_before_it_is_known_how_often_that_is_wrong():
    giving_up = GivingUp(8, 0.5, np.random.default_rng(0))
    begins, lost = np.ones(8, np.bool_), np.full(8, -1, np.float32)
    given_up, _ = giving_up.decide(begins, lost, np.ones(8, np.bool_), made().threshold)
    assert not given_up.any()


def game(values, result_for_last):
    """One watched game of these values by ply; who moves last gets the result."""
    t = len(values)
    column = np.array(values)[:, None]
    reward, done = np.zeros((t, 1)), np.zeros((t, 1), np.bool_)
    reward[-1], done[-1] = result_for_last, True
    return played(column, np.ones((t, 1)), reward, done), np.arange(t)[:, None]


def test_the_threshold_is_the_highest_with_few_enough_wrong_ones():
    """Bound 1/4: (wrong + 1) / (given up + 1) <= 1/4. At -0.9 three games of three are lost: 1/4. At -0.7 there is a
    fourth, which is not: 2/5."""
    resignation = made()
    for _ in range(3):
        resignation.learn(*game([0.5, -0.95, 0.9], 1))  # the second player sees -0.95, and the first one wins
    assert resignation.threshold == pytest.approx(-0.5)
    row = resignation.learn(*game([-0.7, 0.1, 0.2], 1))  # the first player would have given up, and wins
    assert row["resign/threshold"] == pytest.approx(-0.71)
    assert row["resign/wrong"] == 0
    assert row["resign/watched"] == 4
    resignation.learn(
        *game([-0.97, 0.1], -1)
    )  # wrong everywhere, for the other side moves last and loses: 2/5 at -0.95
    assert resignation.threshold is None


def test_who_gives_up_first_counts():
    """The loser falls to -0.6 before the winner does: at -0.6 that is right, at -0.8 only the winner gives up."""
    resignation = made(bound=0.5)
    for _ in range(4):
        resignation.learn(*game([-0.6, -0.8, 0.0, 1.0], 1))  # the second player moves last and wins
    wrong, given_up = resignation._measure()
    at = {round(float(t), 2): k for k, t in enumerate(np.linspace(-1, -0.5, 51))}
    assert (wrong[at[-0.6]], given_up[at[-0.6]]) == (0, 4)
    assert (wrong[at[-0.8]], given_up[at[-0.8]]) == (4, 4)
    assert (wrong[at[-0.9]], given_up[at[-0.9]]) == (0, 0)


def test_a_draw_is_not_lost():
    resignation = made(bound=0.9)
    resignation.learn(*game([-0.9, -0.9], 0))
    wrong, given_up = resignation._measure()
    assert wrong[-1] == given_up[-1] == 1


def test_a_game_that_is_spread_over_batches_is_one_game():
    resignation, whole = made(), made()
    batch, ply = game([-0.9, 0.1, 0.3, 0.8], 1)
    for t in range(4):
        part = slice(t, t + 1)
        extras = {name: x[part] for name, x in batch.extras.items()}
        piece = played(extras["search_value"], extras["watched"], batch.reward[part], batch.done[part])
        resignation.learn(piece, ply[part])
    whole.learn(batch, ply)
    np.testing.assert_array_equal(resignation._verdicts, whole._verdicts)
    assert len(whole._verdicts) == 1


def test_games_played_to_the_end_are_a_share_chosen_at_the_start_and_kept():
    giving_up = GivingUp(4000, 0.3, np.random.default_rng(0))
    value, able = np.full(4000, -1, np.float32), np.ones(4000, np.bool_)
    begins, goes_on = np.ones(4000, np.bool_), np.zeros(4000, np.bool_)
    _, watched = giving_up.decide(begins, value, able, None)
    assert watched.mean() == pytest.approx(0.3, abs=0.03)
    able[:2000] = False
    _, later = giving_up.decide(goes_on, value, able, None)
    np.testing.assert_array_equal(later, watched & able)
    given_up, _ = giving_up.decide(goes_on, value, able, -0.8)
    np.testing.assert_array_equal(given_up, ~watched & able)


@pytest.mark.parametrize("bound", [0.05, 0.2])
def test_the_bound_holds_in_games_to_come(bound):
    """Games that drift at random between lost and won; what is measured on some holds for the others."""
    random = np.random.default_rng(0)

    def play(n):
        """Games of 30 moves: a walk that ends at the result, which the values follow with noise."""
        walk = np.cumsum(random.normal(0, 0.25, (30, n)), 0)
        sign = np.where(np.arange(30) % 2 == 0, 1, -1)[:, None]
        value = np.tanh(sign * walk + random.normal(0, 0.3, walk.shape))
        reward, done = np.zeros_like(walk), np.zeros(walk.shape, np.bool_)
        reward[-1], done[-1] = np.sign(walk[-1]) * sign[-1], True
        ply = np.repeat(np.arange(30)[:, None], n, 1)
        return played(value, np.ones_like(walk), reward, done), ply, value, np.sign(walk[-1])

    resignation = made(bound)
    for _ in range(4):
        batch, ply, *_ = play(300)
        resignation.learn(batch, ply)
    assert resignation.threshold is not None
    _, ply, value, result = play(20_000)
    below = value <= resignation.threshold
    gave_up = below.any(0)
    first = below.argmax(0)
    lost = np.where(first % 2 == 0, result, -result) < 0
    assert gave_up.mean() > 0.1
    assert (~lost[gave_up]).mean() < 1.3 * bound


def test_saved_and_read_back_it_decides_alike():
    one, two = made(), made()
    for _ in range(5):
        one.learn(*game([0.5, -0.95, 0.9], 1))
    two.load_state(one.state())
    assert two.threshold == one.threshold
    np.testing.assert_array_equal(two._verdicts, one._verdicts)


def test_games_under_way_of_another_checkpoint_are_refused():
    resignation, begun = made(), game([0.5, -0.95, 0.9], 1)
    resignation.learn(*begun)
    state = resignation.state()
    with pytest.raises(ValueError, match="at 50 thresholds, not at 51"):
        made().load_state(state | {"first": state["first"][:, 1:]})
    resignation.load_state(state | {"first": np.repeat(state["first"], 2, 0)})
    with pytest.raises(UsageError, match="2 games under way, not 1"):
        resignation.learn(*begun)
