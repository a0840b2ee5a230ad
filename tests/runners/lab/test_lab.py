"""The lab: what it shows of an experiment, and the small MDPs against brute force."""

import json
from itertools import product

import numpy as np
import pytest
from PIL import Image

from gymnast.runners import lab
from gymnast.runners.lab import Finding, _mdp
from probes import SEED


def experiment(held):
    def run(seed):
        rows = [("one", 0.12345, True), ("two", 123456.0, False)]
        checks = {"one is less than two": True, f"seed {seed} is lucky": held}
        return Finding(("what", "number", "good"), rows, checks, lambda figure: figure.subplots().plot([0, 1]))

    return run


@pytest.fixture
def staged(monkeypatch):
    """Puts an experiment that costs nothing in the place of `variance`."""

    def stage(held):
        monkeypatch.setattr("gymnast.runners.lab.variance.experiment", experiment(held))

    __import__("gymnast.runners.lab.variance")
    return stage


def test_alone_it_lists_every_experiment_with_its_claim(gymnast):
    said = gymnast("lab")
    assert said.code == 0
    for name in lab.names():
        assert f"{name} " in said.out
        assert lab.summary(name) in said.out
        assert lab.summary(name).endswith(".")


@pytest.mark.parametrize("held", [True, False])
def test_a_report_shows_the_table_the_checks_and_the_verdict(gymnast, staged, tmp_path, held):
    staged(held)
    said = gymnast("lab variance --seed 7")
    assert said.code == (0 if held else 1)
    assert "| one  | 0.1235  | yes  |" in said.out
    assert "| two  | 123,456 | no   |" in said.out
    assert f"  {'yes' if held else 'NO '}  seed 7 is lucky" in said.out
    assert f"The claim {'held' if held else 'did NOT hold'}" in said.out
    assert "Figure: lab-variance.png" in said.out
    with Image.open(tmp_path / "lab-variance.png") as picture:
        assert np.asarray(picture.convert("RGB")).std() > 5


def test_json_is_one_object(gymnast, staged, tmp_path):
    staged(False)
    (tmp_path / "figures").mkdir()
    said = gymnast("lab variance --json --out figures")
    told = json.loads(said.out)
    assert said.code == 1
    assert (told["experiment"], told["held"], told["seed"]) == ("variance", False, 0)
    assert told["rows"][0] == {"what": "one", "number": 0.12345, "good": True}
    assert told["figure"] == "figures/lab-variance.png"
    assert (tmp_path / told["figure"]).exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("lab varience", "unknown experiment 'varience'. Did you mean 'variance'?"),
        ("lab variance --sead 1", "Did you mean '--seed'?"),
        ("lab variance --out x.doc", "cannot write x.doc"),
    ],
)
def test_wrong_input_is_said_in_one_line(gymnast, staged, line, told):
    staged(True)
    said = gymnast(line)
    assert said.code == 2
    assert told in said.err


def test_the_policy_gradient_of_a_small_mdp_is_the_sum_over_all_that_can_happen():
    rng = np.random.default_rng(0)
    mdp = _mdp.random_mdp(rng, states=2, actions=2, horizon=3)
    logits, gamma, total = rng.normal(size=(2, 2)), 0.7, 0.0
    pi = _mdp.softmax(logits)
    for states in product(range(2), repeat=3):
        for actions in product(range(2), repeat=3):
            s, a = np.array(states)[:, None], np.array(actions)[:, None]
            p = 0.5 * pi[s, a].prod() * mdp.following[s[:-1], a[:-1], s[1:]].prod()
            reward = mdp.reward[s, a]
            to_go = np.array([[gamma ** np.arange(3 - t) @ reward[t:, 0]] for t in range(3)])
            total = total + p * _mdp.score_sums(_mdp.Play(s, a, reward), to_go, logits)[0]
    np.testing.assert_allclose(mdp.gradient(logits, gamma), total, atol=1e-12)


def test_games_of_a_small_mdp_follow_its_tables():
    rng = np.random.default_rng(0)
    mdp = _mdp.random_mdp(rng, states=3, actions=2, horizon=2)
    logits = rng.normal(size=(3, 2))
    play = mdp.play(logits, 100_000, rng)
    pairs = np.bincount(play.state[0] * 2 + play.action[0], minlength=6) / 100_000
    np.testing.assert_allclose(pairs.reshape(3, 2), _mdp.softmax(logits) / 3, atol=0.01)
    first = (play.state[0] == 1) & (play.action[0] == 1)
    moved = np.bincount(play.state[1, first], minlength=3) / first.sum()
    np.testing.assert_allclose(moved, mdp.following[1, 1], atol=0.02)
    assert (play.reward == mdp.reward[play.state, play.action]).all()


@pytest.mark.learns
@pytest.mark.parametrize("name", ["variance", "bias"])
def test_a_quick_experiment_holds(name):
    finding = lab.find(name, seed=SEED)
    assert finding.held, finding.checks


@pytest.mark.slow
@pytest.mark.parametrize("name", lab.names())
def test_every_experiment_holds(name):
    finding = lab.find(name, seed=0)
    assert finding.held, finding.checks
