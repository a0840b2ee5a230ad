"""Self-play: what it records, what it learns from, and that it goes on exactly where it stopped."""

import numpy as np
import pytest
import torch
from small_selfplay import SMALL, go_on_alike, learned, made, weights

from gymnast.agents import alphazero
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.games.inference import inference
from gymnast.core.games.net import PolicyValueNet
from gymnast.core.games.selfplay import Unfinished, Window
from gymnast.core.nets.config import BoardConfig
from gymnast.envs import games
from gymnast.envs.games import load
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last
from gymnast.runners.training.train import Training, resume, train
from playing import act, collect, thoughts


class Fixed(torch.nn.Module):
    """A network that answers the same whatever it is asked."""

    def __init__(self, logits, values):
        super().__init__()
        self.answer = torch.tensor(logits), torch.tensor(values)

    def forward(self, planes):
        return self.answer


@pytest.mark.learns
def test_results_have_the_right_sign_at_every_ply():
    """Each recorded position is followed to the end of its game by hand: who moved last there, and won or not."""
    agent, rollout = made(full_share=1.0, search_value=0.0)
    seen = []
    for _ in range(12):
        batch = collect(agent, rollout)
        seen.append((agent.states_of(batch.obs[:-1].reshape(64, -1)).reshape(4, 16, 3), batch.reward.copy()))
        seen[-1] += (batch.terminated.copy(),)
        agent.update(batch, 0.0)
    states, rewards, ends = (np.concatenate(x) for x in zip(*seen, strict=True))
    expected = []
    for n in range(16):
        for t in range(len(states)):
            later = np.flatnonzero(ends[t:, n])
            if len(later):
                end = t + later[0]
                same_player = (end - t) % 2 == 0  # the one to move at t also made the last move
                expected.append((*states[t, n], rewards[end, n] * (1 if same_player else -1)))
    columns = agent.window.columns
    got = [(*s, v) for s, v in zip(columns["state"][: agent.window.added], columns["value"], strict=False)]
    assert sorted(map(tuple, np.array(got).tolist())) == sorted(map(tuple, np.array(expected, float).tolist()))
    assert {-1.0, 1.0} <= {row[-1] for row in expected}


@pytest.mark.learns
def test_games_under_way_wait_for_their_result():
    agent, rollout = made("connect4", 8, full_share=1.0)
    agent.update(collect(agent, rollout), 0.0)  # four moves: no game can have ended
    assert agent.window.added == 0
    learned(agent, rollout, 20)
    ended = agent.window.added
    assert ended > 0
    waiting = int(agent.unfinished.columns["keep"].sum())
    assert ended + waiting == 21 * 4 * 8  # every position is learned from once, now or later


def test_only_full_searches_are_learned_from():
    agent, rollout = made(full_share=0.25)
    count = 0
    for _ in range(20):
        batch = collect(agent, rollout)
        count += int(batch.extras["full"].sum())
        agent.update(batch, 0.0)
    assert agent.window.added + int(agent.unfinished.columns["keep"].sum()) == count


@pytest.mark.learns
def test_of_fast_searches_the_values_can_be_learned():
    agent, rollout = made("connect4", full_share=0.25, fast_values=True, random_plies=3)
    count, full = 0, 0
    for _ in range(20):
        batch = collect(agent, rollout)
        assert not (batch.extras["full"] & ~batch.extras["own"]).any()
        count += int(batch.extras["own"].sum())
        full += int(batch.extras["full"].sum())
        agent.update(batch, 0.0)
    assert agent.window.added + int(agent.unfinished.columns["keep"].sum()) == count
    known = agent.window.columns["full"][: agent.window.added]
    assert known.mean() == pytest.approx(full / count, abs=0.05)
    assert full < 0.35 * count


def test_the_policy_of_a_fast_search_is_not_learned():
    net = Fixed([[0.0, np.log(3)], [0.0, 0.0]], [0.5, -0.5])
    mb = {
        "planes": torch.zeros(2, 2, 1, 1),
        "mask": torch.ones(2, 2),
        "policy": torch.tensor([[1.0, 0.0], [0.5, 0.5]]),
        "value": torch.tensor([1.0, -1.0]),
        "full": torch.tensor([False, True]),
    }
    _, logs = alphazero.loss(net, mb, alphazero.Config(fast_values=True))
    assert logs["loss/policy"].item() == pytest.approx(np.log(2))
    assert logs["policy/kl"].item() == pytest.approx(0, abs=1e-6)
    assert logs["loss/value"].item() == pytest.approx(0.25)
    none = {**mb, "full": torch.zeros(2, dtype=torch.bool)}
    total, logs = alphazero.loss(net, none, alphazero.Config(fast_values=True))
    assert logs["loss/policy"].item() == 0
    assert total.item() == pytest.approx(0.25)


@pytest.mark.learns
def test_random_openings_are_of_every_length_and_not_learned_from():
    agent, rollout = made("connect4", 400, full_share=1.0, random_plies=3)
    batch = collect(agent, rollout)  # four moves of each game
    learned_from = batch.extras["full"]
    assert learned_from[3].all()
    np.testing.assert_allclose(learned_from.mean(1), [0.25, 0.5, 0.75, 1.0], atol=0.1)
    assert (np.diff(learned_from.astype(int), axis=0) >= 0).all()  # random moves come first
    random = batch.action[0][~learned_from[0]]
    assert set(random.tolist()) == set(range(7))


def test_the_loss_is_cross_entropy_and_squared_error():
    """Two positions of two moves. Logits (0, ln 3): p = (1/4, 3/4); the second has one legal move: no policy loss."""
    net = Fixed([[0.0, np.log(3)], [5.0, 7.0]], [0.5, -1.0])

    mb = {
        "planes": torch.zeros(2, 2, 1, 1),
        "mask": torch.tensor([[1, 1], [1, 0]]),
        "policy": torch.tensor([[0.5, 0.5], [1.0, 0.0]]),
        "value": torch.tensor([1.0, -1.0]),
    }
    total, logs = alphazero.loss(net, mb, alphazero.Config(value_coef=2.0))
    cross_entropy = -0.5 * (np.log(0.25) + np.log(0.75)) / 2
    assert logs["loss/policy"].item() == pytest.approx(cross_entropy, rel=1e-5)
    assert logs["loss/value"].item() == pytest.approx(0.5**2 / 2)
    assert total.item() == pytest.approx(cross_entropy + 2 * 0.125, rel=1e-5)
    assert logs["policy/kl"].item() == pytest.approx(cross_entropy - np.log(2) / 2, rel=1e-5)


@pytest.mark.learns
def test_the_reply_is_the_policy_of_the_next_position_and_the_last_move_has_none():
    agent, rollout = made(full_share=1.0, reply_coef=0.5)
    policies, ends = [], []
    for _ in range(6):
        batch = collect(agent, rollout)
        policies.append(batch.extras["policy"].copy())
        ends.append(batch.done.copy())
        rows = agent.update(batch, 0.0)
    policy, done = np.concatenate(policies), np.concatenate(ends)
    columns = {name: x[: agent.window.added] for name, x in agent.window.columns.items()}
    last = columns["reply"].sum(1) == 0
    assert last.sum() == done.sum()  # one per game
    first = np.flatnonzero(columns["state"][:, 2] == 0)[0]  # an empty board; its reply is some second move's policy
    assert (np.abs(policy[1] - columns["reply"][first]).sum(1) < 1e-6).any()
    assert rows["loss/reply"] > 0


@pytest.mark.learns
def test_images_of_a_position_keep_moves_and_discs_together():
    agent, _ = made("connect4")
    state = agent.game.begin(1)
    agent.game.advance(state, np.array([0]))
    policy = np.array([[0.0, 0.9, 0.1, 0, 0, 0, 0]], np.float32)
    agent.window.add({"state": state, "policy": policy, "value": np.ones(1, np.float32)})
    mb = agent._minibatch()
    left = mb["planes"][:, 1, 5, 0] == 1
    assert 0 < left.sum() < len(left)
    for mine, shares in zip(left, mb["policy"], strict=True):
        assert shares.tolist() == pytest.approx([0, 0.9, 0.1, 0, 0, 0, 0] if mine else [0, 0, 0, 0, 0.1, 0.9, 0])


def test_the_window_grows_slower_than_the_data_and_forgets_the_oldest():
    window = Window(load("connect4"), 100, 300, np.random.default_rng(0))
    for k in range(50):
        window.add({"x": np.full(10, k)})
        expected = min(10 * (k + 1), 100) if k < 10 else window.size
        assert window.size == expected
    # 100 (1 + 0.4 (5^0.75 - 1) / 0.75)
    assert window.size == int(100 * (1 + 0.4 * (5**0.75 - 1) / 0.75))
    drawn = window.sample(4000)["x"]
    assert drawn.max() == 49
    assert drawn.min() == (500 - window.size) // 10


def test_a_window_read_back_draws_the_same():
    one, two = (Window(load("connect4"), 50, 80, np.random.default_rng(1)) for _ in range(2))

    def add(window, values):
        window.add({"state": np.zeros((len(values), 3), np.int64), "value": values})

    for k in range(13):
        add(one, np.arange(10) + 10 * k)
    two.load_state(one.state())
    np.testing.assert_array_equal(one.sample(100)["value"], two.sample(100)["value"])
    for window in (one, two):
        add(window, np.arange(15))
    np.testing.assert_array_equal(one.sample(100)["value"], two.sample(100)["value"])


@pytest.mark.parametrize(
    "config",
    [{}, {"gumbel": 4, "reuse": False}, {"cached": 256}, {"random_plies": 6}, {"fast_values": True}],
    ids=["puct", "gumbel", "cached", "openings", "fast_values"],
)
def test_an_agent_restored_in_the_middle_of_games_goes_on_bit_for_bit(config, tmp_path):
    agent, rollout = made("connect4", 12, **config)
    learned(agent, rollout, 12)
    assert len(agent.unfinished.columns["keep"])  # games are under way
    go_on_alike(agent, rollout, config, tmp_path, 4)


def test_a_run_that_stops_in_the_middle_of_games_resumes_bit_for_bit(tmp_path):
    run = runs.preset("alphazero", "connect4", num_envs=8, steps=1200, evals=0, agent=SMALL)
    whole = train(run, tmp_path / "whole")
    part = tmp_path / "part"
    with Training(run, part) as training:
        part.mkdir()
        runs.save(run, part / "run.json")
        while training.steps < 500:
            training.iterate()
        training._save()
    assert checkpoint.load(last(part))["steps"] == training.steps
    resumed = resume(part)
    assert resumed.steps == 1200
    assert torch.equal(weights(whole.agent), weights(resumed.agent))


def test_the_same_seed_learns_the_same_and_another_seed_something_else():
    def run(seed):
        agent, rollout = made(seed=seed)
        learned(agent, rollout, 10)
        return weights(agent)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_metrics_are_finite_and_tell_the_speed():
    agent, rollout = made()
    rows = [row for row in learned(agent, rollout, 12) if row]
    assert rows
    for row in rows:
        assert row.keys() == rows[0].keys()
        assert np.isfinite(list(row.values())).all()
    for name in ("games_per_hour", "simulations_per_second", "evaluations_per_second"):
        assert rows[-1][f"speed/{name}"] > 0


def test_a_greedy_move_repeats_itself_and_changes_nothing():
    agent, rollout = made()
    learned(agent, rollout, 4)
    obs = collect(agent, rollout).obs[0]
    before = agent.random.bit_generator.state
    moves = [act(agent, obs, "best")["action"].tolist() for _ in range(3)]
    assert moves[0] == moves[1] == moves[2]
    assert agent.random.bit_generator.state == before
    thought = thoughts(agent, obs)
    assert thought["action probability"].argmax(1).tolist() == moves[0]


@pytest.mark.parametrize("blocks", [0, 2])
@pytest.mark.parametrize("actions", [7, 8])
def test_inference_says_what_the_net_says(blocks, actions):
    torch.manual_seed(0)
    net = PolicyValueNet((2, 6, 7), actions, BoardConfig(blocks=blocks, channels=8, hidden=(16, 24)))
    planes = torch.rand(300, 2, 6, 7) * (torch.rand(300, 2, 6, 7) < torch.rand(300, 1, 1, 1))  # empty to full boards
    for _ in range(3):
        net(planes)  # moves the running moments
    net.eval()
    answer = inference(net)
    for part in (planes, planes[:5]):
        with torch.no_grad():
            expected = [x.numpy() for x in net(part)]
        for x, got in zip(expected, answer(part.numpy()), strict=True):
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, x, atol=1e-5, rtol=1e-4)


def test_a_tower_learns_and_plays_a_game_of_any_shape():
    agent, rollout = made("othello6", 8, blocks=1, channels=8, horizon=40)
    before = weights(agent).clone()
    assert any(learned(agent, rollout, 2))
    assert not torch.equal(weights(agent), before)


@pytest.mark.learns
def test_it_learns_a_game_of_ones_own_in_plain_python():
    agent, rollout = made("own_games:COUNTDOWN", 16, full_share=1.0, lr=1e-2)
    learned(agent, rollout, 60)
    states = np.array([[n, 0] for n in range(1, 8)])
    _, values = agent.champion().evaluate(states, agent.game.actions_of(states))
    assert (np.sign(values) == [1, 1, -1, 1, 1, -1, 1]).all()


def test_an_environment_for_one_is_refused():
    with pytest.raises(UsageError, match="plays games for two"):
        train(runs.preset("alphazero", "CartPole-v1", steps=10))
    with pytest.raises(UsageError, match="reuse"):
        alphazero.Config(gumbel=4)


def test_unfinished_games_drop_moves_as_soon_as_they_can():
    unfinished = Unfinished()
    agent, rollout = made("tictactoe", 4)
    for _ in range(30):
        batch = collect(agent, rollout)
        states = agent.states_of(batch.obs[:-1].reshape(16, -1)).reshape(4, 4, 3)
        unfinished.settle(batch, states, batch.valid)
        assert len(unfinished.columns["keep"]) <= 9
    assert games.load("tictactoe").max_plies == 9


def test_games_under_way_are_of_the_same_moves():
    with pytest.raises(ValueError, match="columns of games under way differ in shape"):
        Unfinished().load_state({"reward": np.zeros((2, 3)), "done": np.zeros((1, 3))})


POSITIONS = {"state": np.zeros((3, 3), np.int64), "policy": np.full((3, 7), 1 / 7), "value": np.zeros(3)}


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("value", np.zeros(2), "value of the saved positions is of shape"),
        ("value", np.zeros((3, 1)), "value of the saved positions is of shape"),
        ("policy", np.zeros((3, 8)), "policy of the saved positions is of shape"),
        ("value", np.array([0, np.inf, 0]), "value of the saved positions is not finite"),
        ("state", np.full((3, 3), 50), "have plies outside 0 to 41"),
        ("state", np.zeros((3, 2), np.int64), "no whole numbers"),
    ],
)
def test_a_window_holds_positions_of_its_game_alone(name, column, said):
    window = Window(load("connect4"), 50, 80, np.random.default_rng(1))
    window.load_state({"added": 3, "columns": POSITIONS})
    with pytest.raises(ValueError, match=said):
        window.load_state({"added": 3, "columns": POSITIONS | {name: column}})
    with pytest.raises((KeyError, ValueError)):
        window.load_state({"added": 3, "columns": {}})
