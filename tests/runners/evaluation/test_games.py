"""Games on the command line: train, evaluate, play, render."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest

import gymnast
from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.games.match import Score
from gymnast.envs import games
from gymnast.runners.cli.main import main as cli
from gymnast.runners.evaluation import arena, strength
from gymnast.runners.evaluation.evaluate import Stopped
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last
from gymnast.runners.screen import play
from gymnast.runners.training.logging import read
from gymnast.runners.training.train import Training, resume, train

SMALL = {"simulations": 12, "fast_simulations": 4, "minibatch": 64, "hidden": (32,), "window": 500}


def small(**overrides):
    fields = {"num_envs": 16, "steps": 1500, "evals": 2, "eval_episodes": 4, **overrides}
    return runs.preset("alphazero", "tictactoe", agent=SMALL, **fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("game") / "run"
    train(small(), out)
    return out


def command(*args):
    with pytest.raises(SystemExit) as stop:
        cli([str(arg) for arg in args])
    return stop.value.code


def test_strength_is_logged_while_it_trains(folder):
    rows = [row for row in read(folder / "metrics.csv") if "strength/elo" in row]
    assert len(rows) == 2
    for row in rows:
        assert np.isfinite(row["strength/elo"])
        assert 0 <= row["strength/uct_100"] <= 1


def test_a_table_of_strength_is_printed_and_kept(folder, capsys):
    assert command("evaluate", folder, "--episodes", 2, "--simulations", 20) == 0
    said = capsys.readouterr().out
    for name in ("network alone", "64 simulations", "20 simulations", "uct-1000", "perfect", "random"):
        assert name in said
    assert command("evaluate", folder, "--episodes", 2, "--simulations", 10, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert {row["player"] for row in figures["ladder"]} >= {"random", "perfect", "10 simulations"}
    assert json.loads((folder / "eval.json").read_text())[-1] == figures


def test_the_agent_plays_first_against_perfect_play(folder, capsys):
    assert command("evaluate", folder, "--versus", "perfect", "--episodes", 6, "--simulations", 50) == 0
    assert "as first  0 won, " in capsys.readouterr().out
    assert command("evaluate", folder, "--versus", "perfect", "--episodes", 6, "--simulations", 50, "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts.keys() == {"run", "first"}
    assert counts["first"]["wins"] == 0
    assert sum(counts["first"].values()) == 6


@pytest.mark.parametrize("name", ["random", "uct-20", "alpha-beta-2"])
def test_the_agent_plays_both_sides_against_a_baseline(folder, capsys, name):
    assert command("evaluate", folder, "--versus", name, "--episodes", 8, "--simulations", 50, "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    assert [sum(counts[side].values()) for side in ("first", "second")] == [4, 4]


@pytest.mark.parametrize("name", ["uct", "uct-0", "stockfish"])
def test_an_unknown_opponent_is_named(folder, capsys, name):
    assert command("evaluate", folder, "--versus", name) == 2
    assert f"unknown player '{name}'" in capsys.readouterr().err


def test_a_video_of_a_game_is_written(folder, tmp_path):
    assert command("render", folder, "--video", tmp_path / "game.gif") == 0
    assert (tmp_path / "game.gif").stat().st_size > 1000


def test_the_ladder_goes_on_after_a_stop(tmp_path):
    run, out = small(), tmp_path / "run"
    whole = train(run, tmp_path / "whole")
    with Training(run, out) as training:
        out.mkdir()
        runs.save(run, out / "run.json")
        while training.steps < 800:
            training.iterate()
        training._save()
    resumed = resume(out)
    assert resumed.steps == whole.steps
    for name in ("strength/elo", "strength/uct_100"):
        assert read(out / "metrics.csv")[-1][name] == read(tmp_path / "whole" / "metrics.csv")[-1][name]


def test_a_ladder_is_left_where_the_run_stops_and_climbed_again_when_it_goes_on(tmp_path):
    run = runs.preset("alphazero", "tictactoe", num_envs=4, steps=200, evals=2, eval_episodes=4, agent=SMALL)
    with Training(run, tmp_path) as training:
        judge, moves = training._judge, []

        def searching(*given, searching=strength._searching):
            player = searching(*given)

            def play(states):
                moves.append(len(states))
                if len(moves) == 2:
                    signal.raise_signal(signal.SIGTERM)
                return player(states)

            return play

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strength, "_searching", searching)
            assert training.advance().interrupted
        assert len(moves) == 2
        assert judge.ladder._points.shape == (2, 2)
    with Training(run, None, checkpoint.load(last(tmp_path))) as again:
        assert again.owed
        assert not again.advance().interrupted
        assert again._judge.ladder._points.shape == (4, 4)


def test_rivals_get_up_as_soon_as_a_run_stops(monkeypatch):
    game, moved = games.load("tictactoe"), []

    def lowest(states):
        moved.append(len(states))
        return game.actions_of(states).argmax(1)

    for name in ("random_mover", "uct"):
        monkeypatch.setattr(arena, name, lambda *_: lowest)
    with pytest.raises(Stopped):
        strength.Ladder(game, 0).climb(None, 4, stop=[signal.SIGTERM])
    assert not moved


def test_the_agent_moves_on_no_solved_positions_once_a_run_stops(monkeypatch):
    game, moved = games.load("tictactoe"), []
    ladder = strength.Ladder(game, 0)
    ladder._sets = {"any": (game.begin(1), np.ones((1, 9), np.bool_))}
    monkeypatch.setattr(strength, "match", lambda *_: (Score(1), Score(1)))
    monkeypatch.setattr(strength, "_searching", lambda *_: lambda states: moved.append(len(states)))
    with pytest.raises(Stopped):
        ladder.climb(None, 4, stop=[signal.SIGTERM])
    assert not moved


def test_connect_four_is_measured_on_solved_positions():
    run = runs.preset("alphazero", "connect4", num_envs=4, steps=4, evals=0, agent={**SMALL, "hidden": (8,)})
    with Training(run) as training:
        ladder = strength.Ladder(training.agent.game, 0)
        ladder._sets = {name: (s[:10], g[:10]) for name, (s, g) in ladder._sets.items()}
        row = ladder.climb(training.agent.champion(), 2)
    assert {"strength/wrong_end_easy", "strength/wrong_middle_easy"} <= set(row)
    assert 0 <= row["strength/wrong_percent"] <= 100


@pytest.mark.parametrize("algo", ["ppo", "reinforce"])
def test_an_algorithm_for_one_is_refused_a_game_for_two(algo):
    with pytest.raises(UsageError, match="tictactoe is a game for two"):
        train(runs.preset(algo, "tictactoe", steps=10))


def table(folder, **options):
    """A person's game against the agent of `folder`."""
    run = runs.load(folder / "run.json")
    with Training(run) as training:
        return play.Table(training.agent.champion(), options.get("simulations", 20), options.get("second", False))


def said(game, lines, capsys):
    """What is printed while a person types `lines`."""
    typed = iter(lines)
    game.loop(lambda prompt: next(typed, None))
    return capsys.readouterr().out


def test_a_person_plays_and_the_agent_answers(folder, capsys):
    game = table(folder)
    out = said(game, ["b2"], capsys)
    assert game.moves[0] == 4
    assert len(game.moves) == 2
    assert "the agent plays" in out
    assert "visits" in out
    assert "expects" in out
    assert ".X." in out.replace(" ", "")


def test_the_agent_begins_where_it_is_asked_to(folder, capsys):
    game = table(folder, second=True)
    said(game, [], capsys)
    assert len(game.moves) == 1
    assert game.to_move == game.person == 1


def test_moves_are_taken_back_in_pairs(folder, capsys):
    game = table(folder)
    out = said(game, ["undo", "b2", "undo"], capsys)
    assert "nothing to take back" in out
    assert game.moves == []
    assert len(game.states) == 1


def test_sides_and_strength_can_change_and_nonsense_is_explained(folder, capsys):
    game = table(folder)
    out = said(game, ["z9", "help", "hint", "sims 5", "sims x", "sims ²", "sims 100001", "switch"], capsys)
    assert "'z9' is no move here. Moves: a1 b1" in out
    assert "undo" in out
    assert "5 simulations per move" in out
    assert "'sims x' is no move" in out
    assert "'sims ²' is no move" in out
    assert "'sims 100001' is no move" in out
    assert game.person == 1
    assert len(game.moves) == 1  # the agent moved for the person


def test_a_game_that_ends_is_told_and_can_begin_anew(folder, capsys):
    game = table(folder)
    for move in (0, 3, 1, 4):
        game.move(move)
    out = said(game, ["c1", "b2", "hint", "new", "quit"], capsys)
    assert "X wins: you win" in out
    assert out.count("the game is over") == 2
    assert game.moves == []


def test_the_end_of_the_input_leaves_the_table(monkeypatch):
    def ended(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    assert play._read("X> ") is None


def test_what_cannot_be_played_is_refused(folder, tmp_path, capsys):
    assert command("play", folder, "--simulations", -1) == 2
    assert "simulations is -1; it must be at least 0" in capsys.readouterr().err
    other = tmp_path / "cartpole"
    train(runs.preset("ppo", "CartPole-v1", steps=64, evals=0, agent={"horizon": 8}), other)
    assert command("play", other) == 2
    assert "no game for two" in capsys.readouterr().err


def test_an_agent_is_an_object_too(tmp_path):
    agent = gymnast.AlphaZero("tictactoe", num_envs=8, evals=0, agent=SMALL).learn(200)
    obs, _ = gymnast.make("tictactoe", 3).reset()
    moves, thoughts = agent.predict(obs)
    assert moves.shape == (3,)
    assert thoughts["action probability"].shape == (3, 9)
    agent.save(tmp_path / "ttt")
    again = gymnast.load(tmp_path / "ttt")
    assert again.predict(obs)[0].tolist() == moves.tolist()
    names = [name for name, *_ in again.strength(simulations=8, games=2).ladder]
    assert "perfect" in names


def test_a_game_of_one_action_is_looked_into():
    game = replace(games.load("tictactoe"), actions=1, symmetries=())
    assert strength._depth(game) == game.max_plies
