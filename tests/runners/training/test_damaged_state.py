"""Checkpoints that are whole but were made up: one line, and no compiled loop that runs on without bounds."""

import numpy as np
import pytest

from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.games.game import Positions
from gymnast.core.spaces.keys import STATE
from gymnast.core.spaces.layout import Layout
from gymnast.envs import games, snapshot
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last
from gymnast.runners.training.train import resume, train


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a run and its checkpoint, by algorithm."""
    folder = tmp_path_factory.mktemp("damaged")

    def made(algo, env, **agent):
        out = folder / f"{algo}-{env}-{len(agent)}"
        if not out.exists():
            train(runs.preset(algo, env, "none", steps=64, num_envs=2, evals=0, agent=agent), out)
            made.trees[out] = last(out).read_bytes()
        last(out).write_bytes(made.trees[out])
        return out, checkpoint.load(last(out))

    made.trees = {}
    return made


def refused(out, tree):
    checkpoint.save(last(out), tree)
    with pytest.raises(UsageError) as caught:
        resume(out, 128)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("algo", "env"), [("dqn", "CartPole-v1"), ("sac", "Pendulum-v1")])
@pytest.mark.parametrize(("name", "value"), [("steps", 2**40), ("updates", -(2**40)), ("steps", "x"), ("steps", None)])
def test_counters_that_owe_steps_for_ever_are_refused(name, value, algo, env, saved):
    out, tree = saved(algo, env, capacity=128, minibatch=8, learning_starts=8, hidden=(8,))
    tree["agent"]["pace"][name] = value
    assert "damaged" in refused(out, tree)


@pytest.mark.parametrize("name", ["9" * 5000, "f4,", "O", 7])
def test_a_type_that_is_none_is_refused(name, saved):
    out, tree = saved("dqn", "CartPole-v1", capacity=128, minibatch=8, learning_starts=8, hidden=(8,))
    tree["agent"]["replay"]["layout"]["obs"][1] = name
    assert "damaged" in refused(out, tree)


@pytest.mark.parametrize("waiting", [[16.0, 0, 0], [0, 4.0, 0], [-7.0, 0, 0], [np.nan, 0, 0], [0, 0, np.nan], [0.0, 0]])
def test_a_step_beyond_the_table_does_not_wait(waiting, saved):
    out, tree = saved("tabular", "FrozenLake-v1", method="sarsa")
    tree["agent"]["waiting"]["waiting"] = np.array([waiting] * 2)
    assert "waiting has places" in refused(out, tree)


@pytest.mark.parametrize(
    ("name", "value"), [("state", 1e9), ("state", -1.0), ("state", np.nan), ("rng", 0), ("elapsed", -5)]
)
def test_a_native_environment_stays_inside_its_table(name, value, saved):
    out, tree = saved("tabular", "FrozenLake-v1", method="sarsa")
    tree["source"]["env"]["env"][name][:] = value
    assert "FrozenLake: the saved" in refused(out, tree)


GAMES = {"simulations": 4, "fast_simulations": 2, "minibatch": 8, "window": 64, "window_most": 128, "hidden": (8,)}


@pytest.mark.parametrize(
    "states",
    [
        np.array([[0, 0, 2**40]] * 2),
        np.array([[0, 0, -1]] * 2),
        np.array([[511, 0, 4]] * 2),
        np.zeros((2, 3)),
        np.zeros((2, 9), np.int64),
    ],
    ids=["ply", "negative ply", "no move", "fractions", "another game"],
)
def test_games_go_on_from_positions_alone(states, saved):
    out, tree = saved("alphazero", "tictactoe", **GAMES)
    tree["source"]["env"]["env"]["states"] = states
    assert "saved position" in refused(out, tree)


def test_games_are_seen_as_they_are_and_not_as_a_file_says(saved):
    part = next(part for part in Layout(Positions(games.load("tictactoe"))).parts if part.name == STATE)
    policies = []
    for crafted in (False, True):
        out, tree = saved("alphazero", "tictactoe", **GAMES)
        if crafted:
            tree["source"]["rollout"]["obs"][:, part.start : part.start + part.nbytes] = 255
        checkpoint.save(last(out), tree)
        resume(out, 128)
        policies.append(checkpoint.load(last(out))["agent"]["window"]["columns"]["policy"])
    np.testing.assert_array_equal(*policies)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", np.full((40, 3), 2**40)),
        ("policy", np.zeros((0, 10**9), np.float32)),
        ("value", np.full(40, np.nan, np.float32)),
        ("unknown", np.zeros(40)),
    ],
)
def test_only_positions_are_learned_from(name, value, saved):
    out, tree = saved("alphazero", "tictactoe", **GAMES)
    window = tree["agent"]["window"]["columns"]
    count = len(window["state"])
    window[name] = value[:1].repeat(count, 0) if len(value) else value
    assert "saved position" in refused(out, tree) or name == "unknown"


@pytest.mark.parametrize("name", ["reward", "policy"])
def test_games_under_way_have_all_that_is_kept_of_them(name, saved):
    out, tree = saved("alphazero", "tictactoe", **GAMES)
    under_way = tree["agent"]["unfinished"]
    assert under_way
    del under_way[name]
    assert "other games under way" in refused(out, tree)


OPPONENTS = {"past_share": 0.5, "gate": 0.5, "gate_games": 2, "generation": 1, "resign": 0.3}


@pytest.mark.parametrize("damage", ["lacks one", "another shape", "of another number", "sides", "given up"])
def test_opponents_of_another_network_or_of_other_games_are_refused(damage, saved):
    out, tree = saved("alphazero", "tictactoe", **GAMES, **OPPONENTS)
    networks = [*tree["agent"]["past"]["weights"], tree["agent"]["champion"]["gate"]["weights"]]
    name = next(name for name, x in networks[0].items() if x.ndim > 1)
    match damage:
        case "lacks one":
            del networks[0][name]
        case "another shape":
            networks[-1][name] = np.concatenate([networks[-1][name]] * 2)
        case "of another number":
            tree["agent"]["past"]["playing"] = len(networks)
        case "sides":
            tree["acting"]["sides"]["side"] = np.zeros(4, np.int8)
        case "given up":
            tree["acting"]["never"]["never"] = np.zeros(4, tree["acting"]["never"]["never"].dtype)
    assert "does not fit" in refused(out, tree)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("physics", np.full((2, 12), np.nan)),
        ("physics", np.zeros((2, 3))),
        ("elapsed", np.full(2, -(2**60))),
        ("elapsed", np.full((2, 1), 1)),
        ("generators", []),
        ("fields", {"qpos": np.zeros((2, 2))}),
    ],
)
def test_physics_goes_on_from_finite_numbers_of_its_own(name, value, saved):
    out, tree = saved("ppo", "InvertedPendulum-v5", horizon=32, hidden=(8,))
    tree["source"]["env"]["env"][name] = value
    assert "saved" in refused(out, tree)


@pytest.mark.parametrize("name", ["steps", "agent", "acting", "source", "metrics", "seconds"])
def test_a_missing_part_is_one_line_that_names_the_file(name, saved):
    out, tree = saved("ppo", "CartPole-v1", horizon=32, hidden=(8,))
    del tree[name]
    assert str(last(out)) in refused(out, tree)


def test_weights_that_are_not_finite_are_refused(saved):
    out, tree = saved("ppo", "CartPole-v1", horizon=32, hidden=(8,))
    next(x for x in tree["agent"]["net"].values() if x.ndim)[:] = np.nan
    assert "not finite" in refused(out, tree)


def test_a_snapshot_calls_no_other_function_of_numpy():
    with pytest.raises(KeyError, match="test"):
        snapshot._Reader([]).value({"object": 0, "generator": "test", "state": {}})


@pytest.mark.parametrize("name", ["step", "spec", "env", "metadata"])
def test_a_snapshot_replaces_no_method_and_nothing_of_how_an_environment_was_made(name):
    class Thing:
        def step(self):
            """What the environment does."""

    thing = Thing()
    with pytest.raises(UsageError, match=f"sets '{name}'"):
        snapshot._Reader([thing]).match([thing], [{"class": Thing.__qualname__, "state": {name: 1}}])
