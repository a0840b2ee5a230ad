import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from gymnast.agents import champion
from gymnast.core.errors import UsageError
from gymnast.envs.games import board
from gymnast.runners.runs import run as runs
from gymnast.runners.screen.play import Table
from gymnast.runners.training.train import train
from gymnast.runners.web import episodes, games
from probes import Match


@pytest.fixture(scope="module")
def agent():
    """One that knows nothing of tic-tac-toe but its rules."""
    small = {"hidden": (8,), "simulations": 8}
    return train(runs.preset("alphazero", "tictactoe", steps=64, num_envs=8, evals=0, agent=small)).agent


@pytest.fixture(name="table")
def _table(agent):
    return Table(champion(agent), 20, second=False)


@pytest.fixture(name="asks")
def _asks(table):
    return TestClient(games.play(table, "an agent", "127.0.0.1", None), base_url="http://127.0.0.1")


def tell(asks, what, **told):
    return asks.post(f"/api/{what}", json=told).json()


def test_a_game_takes_turns_and_the_agents_thoughts_are_of_the_position_before_its_move(asks):
    begun = asks.get("/api/state").json()
    assert (begun["rows"], begun["columns"], begun["legal"]) == (3, 3, list(range(9)))
    moved = tell(asks, "move", action=4)
    assert (moved["cells"][4], moved["last"], moved["to_move"], moved["moves"]) == (1, 4, 1, ["b2"])
    answered = tell(asks, "answer")
    chosen = answered["thought"]["chosen"]
    assert answered["cells"][chosen] == 2
    assert (answered["last"], answered["thought"]["ply"], answered["thought"]["side"]) == (chosen, 1, "O")
    assert sum(answered["thought"]["visits"]) >= 19
    assert sum(answered["thought"]["share"]) == pytest.approx(1, abs=1e-3)
    assert 0 <= answered["thought"]["win"] <= 100


def test_what_is_not_allowed_is_said_and_changes_nothing(asks):
    tell(asks, "move", action=4)
    assert tell(asks, "move", action=0)["error"] == "it is not your turn"
    tell(asks, "answer")
    assert tell(asks, "move", action=4)["error"] == "that is no move here"
    assert tell(asks, "move", action="x")["error"] == "that is no move here"
    assert "simulations is 100001" in tell(asks, "strength", simulations=100_001)["error"]
    assert "whole number" in tell(asks, "strength", simulations=True)["error"]
    assert len(asks.get("/api/state").json()["moves"]) == 2


def test_moves_are_taken_back_sides_changed_and_strength_set(asks):
    tell(asks, "move", action=4)
    tell(asks, "answer")
    assert tell(asks, "undo")["moves"] == []
    assert tell(asks, "switch")["person"] == 1
    assert len(tell(asks, "answer")["moves"]) == 1
    assert tell(asks, "strength", simulations=5)["simulations"] == 5
    assert tell(asks, "hint")["thought"]["ply"] == 1
    assert tell(asks, "new")["cells"] == [0] * 9


def test_a_won_game_ends_with_its_line(asks, table):
    for action in (0, 3, 1, 4, 2):
        table.move(action)
    said = asks.get("/api/state").json()
    assert (said["over"], said["result"], said["line"], said["legal"]) == (True, "X wins: you do.", [0, 1, 2], [])
    assert tell(asks, "answer")["moves"] == said["moves"]


@pytest.mark.parametrize(
    ("cells", "last", "line"),
    [
        (["...", ".X.", "..."], (1, 1), [(1, 1)]),
        (["X..", ".X.", "..X"], (0, 0), [(0, 0), (1, 1), (2, 2)]),
        (["OOX", ".X.", "X.."], (1, 1), [(0, 2), (1, 1), (2, 0)]),
        (["XXX", "X..", "X.."], (0, 1), [(0, 0), (0, 1), (0, 2)]),
    ],
)
def test_the_line_that_won_goes_through_the_last_stone(cells, last, line):
    position = np.array([[".XO".index(c) for c in row] for row in cells], np.int8)
    assert sorted(board.winning_line(position, last, "marks")) == line
    assert board.winning_line(position, last, "discs") == []
    assert board.winning_line(position, None, "marks") == []


@pytest.fixture(name="stage")
def _stage(cartpole):
    made = episodes.watch(cartpole, "last", False, 5, False, "127.0.0.1", None)
    return TestClient(made, base_url="http://127.0.0.1")


def test_a_policy_is_watched_step_by_step(stage):
    begun = stage.get("/api/state").json()
    assert begun["picture"].startswith("data:image/png;base64,")
    assert (begun["step"], begun["return"], begun["ended"]) == (0, 0.0, False)
    bars = begun["thoughts"]["bars"]
    assert [bar["name"] for bar in bars] == ["left", "right"]
    assert sum(bar["value"] for bar in bars) == pytest.approx(1, abs=1e-5)
    assert bars[max((0, 1), key=lambda i: bars[i]["value"])]["chosen"]
    after = tell(stage, "step", steps=3)
    assert (after["step"], after["return"]) == (3, 3.0)
    assert after["picture"] != begun["picture"]


def test_a_person_takes_over_until_the_pole_falls(stage):
    said = {"ended": False}
    while not said["ended"]:
        said = tell(stage, "step", keys=["left"])
    assert 8 <= said["step"] <= 11  # who only pushes left falls at once
    assert said["thoughts"] is None
    following = tell(stage, "step")
    assert (following["step"], following["episode"]) == (0, said["episode"])
    assert tell(stage, "restart")["episode"] == said["episode"] + 1


@pytest.mark.parametrize("told", [{"steps": 0}, {"steps": 65}, {"steps": "1"}, {"keys": "left"}, {"keys": [1]}])
def test_what_is_told_is_checked(stage, told):
    assert "must be" in tell(stage, "step", **told)["error"]


def test_keys_push_continuous_actions(tmp_path):
    out = tmp_path / "pendulum"
    train(runs.preset("a2c", "Pendulum-v1", "none", steps=16, num_envs=2, evals=0), out)
    made = episodes.watch(out, "last", True, 5, False, "127.0.0.1", None)
    stage = TestClient(made, base_url="http://127.0.0.1")
    begun = stage.get("/api/state").json()
    assert begun["keys"] == [["left / right", "a0"]]
    (bar,) = begun["thoughts"]["bars"]
    assert (bar["low"], bar["high"]) == (-2, 2)
    assert tell(stage, "step", keys=["right"])["step"] == 1


class Counted(gym.Env):
    """Actions 5, 6 and 7, each worth what it is called."""

    observation_space, action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(3, start=5)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), float(action), False, False, {}

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)


def test_actions_that_begin_elsewhere_are_the_keys_and_bars_of_their_place(tmp_path):
    out = tmp_path / "counted"
    train(runs.preset("a2c", Counted, "none", steps=16, num_envs=2, evals=0, backend="loop"), out)
    stage = TestClient(episodes.watch(out, "last", False, 5, True, "127.0.0.1", None), base_url="http://127.0.0.1")
    begun = stage.get("/api/state").json()
    (chosen,) = [k for k, bar in enumerate(begun["thoughts"]["bars"]) if bar["chosen"]]
    after = tell(stage, "step")
    assert after["return"] == 5 + chosen
    assert tell(stage, "step", keys=["1"])["return"] == after["return"] + 6


def test_games_and_others_are_told_apart(cartpole):
    assert not episodes.is_game(cartpole, False)


def test_an_environment_that_draws_nothing_is_refused_at_once(tmp_path):
    out = tmp_path / "plain"
    train(runs.preset("a2c", Match, "none", steps=16, num_envs=2, evals=0), out)
    with pytest.raises(UsageError, match="draws no pictures"):
        episodes.watch(out, "last", True, 5, True, "127.0.0.1", None)
