import dataclasses
import json
from pathlib import Path

import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.cli.arguments import Evaluate
from gymnast.runners.cli.options import chosen, env_args, parse, train_options
from gymnast.runners.runs import run as runs

BASE = runs.preset("ppo", "CartPole-v1", "none")
OPTIONS = train_options(BASE, BASE, "Train.")
SHORT = "--steps 64 --evals 0 --agent.horizon 8 --quiet --out run"


def parsed(*flags):
    return chosen(BASE, parse(OPTIONS, flags, "gymnast train ppo CartPole-v1"))


def kept():
    return json.loads(Path("run/run.json").read_text())["run"]


@pytest.mark.parametrize("spelling", ["--preset none", "--preset=none"])
def test_both_spellings_of_a_preset_choose_it(gymnast, spelling):
    assert gymnast(f"train ppo CartPole-v1 {SHORT} {spelling}").code == 0
    assert kept()["preset"] == "none"


def test_the_last_preset_counts(gymnast):
    gymnast(f"train ppo CartPole-v1 {SHORT} --preset none --preset=CartPole-v1")
    assert kept()["preset"] == "CartPole-v1"


@pytest.mark.parametrize("spelling", ["--preset bogus", "--preset=bogus"])
def test_both_spellings_of_an_unknown_preset_are_refused(gymnast, spelling):
    said = gymnast(f"train ppo CartPole-v1 {spelling}")
    assert (said.code, "unknown preset 'bogus'" in said.err) == (2, True)


@pytest.mark.parametrize("spelling", ["--init-from {}", "--init-from={}", "--init_from={}", "--init_from {}"])
def test_every_spelling_of_a_source_takes_over_its_network(gymnast, cartpole, tmp_path, spelling):
    source = tmp_path / "source"
    narrow = dataclasses.replace(runs.load(cartpole / "run.json"), agent=dataclasses.replace(BASE.agent, hidden=(8,)))
    source.mkdir()
    runs.save(narrow, source / "run.json")
    said = gymnast(f"train ppo CartPole-v1 {spelling.format(source)} --help")
    assert "Widths of the hidden layers. (default: 8)" in " ".join(said.out.replace("│", " ").split())


@pytest.mark.parametrize(
    ("spaced", "joined"),
    [
        ("--steps 64", "--steps=64"),
        ("--num-envs 3", "--num_envs=3"),
        ("--agent.log-std-init -1", "--agent.log_std_init=-1"),
        ("--agent.hidden 8", "--agent.hidden=8"),
        ("--agent.activation relu", "--agent.activation=relu"),
        ("--agent.normalize-obs", "--agent.normalize-obs=true"),
        ("--agent.normalize-obs true", "--agent.normalize_obs=True"),
        ("--agent.no-orthogonal-init", "--agent.orthogonal-init=false"),
    ],
)
def test_both_spellings_of_an_option_mean_the_same(spaced, joined):
    assert parsed(*spaced.split()) == parsed(joined) != BASE


def test_a_switch_at_the_top_can_be_off():
    assert parse(Evaluate, ["run", "--json=false", "--stochastic=true"], "gymnast evaluate").stochastic
    assert not parse(Evaluate, ["run", "--json", "--json=false"], "gymnast evaluate").json


def test_a_switch_takes_true_and_false_alone():
    with pytest.raises(UsageError, match="--quiet is 'maybe'; it must be true or false"):
        parsed("--quiet=maybe")


@pytest.mark.parametrize("flags", [["--eval-env.size", "9"], ["--eval-env.size=9"], ["--eval_env.size=9"]])
def test_every_spelling_of_an_environments_argument_reaches_it(flags):
    assert env_args(flags) == ([], {"env_args": {}, "eval_args": {"size": 9}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100k", 100_000),
        ("1.5k", 1500),
        ("4.1k", 4100),  # which is 4099.999... in floating point
        ("-2M", -2_000_000),
        ("1.00005k", 1000.05),
        ("1e5", 100_000.0),
        ("7", 7),
        ("7.0", 7.0),
        ("inf", float("inf")),
        ("007", "007"),
        ("007k", "007k"),
        ("nan", "nan"),
        ("True", True),
        ("false", False),
        ("[1, 2]", [1, 2]),
        ("hard", "hard"),
    ],
)
def test_an_environments_argument_is_a_number_where_it_is_written_as_one(text, value):
    found = env_args(["--env.n", text])[1]["env_args"]["n"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", ["1e30", "1e999999999", "inf", "nan", "1.5", "ten", "snan"])
def test_steps_are_a_whole_number_of_64_bits(text):
    with pytest.raises(UsageError, match=r"whole number|too large|not a number"):
        parsed("--steps", text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("evaluate x --seed -1", "seed is -1; it must be at least 0"),
        ("evaluate x --episodes 0", "episodes is 0; it must be at least 1"),
        ("evaluate x --simulations -3", "simulations is -3; it must be at least 1"),
        ("render x --episodes 0", "episodes is 0; it must be at least 1"),
        ("render x --seed -1", "seed is -1; it must be at least 0"),
        ("play x --simulations -1", "simulations is -1; it must be at least 0"),
        ("play x --seed -1", "seed is -1; it must be at least 0"),
        ("collect x CartPole-v1 --out y --noise nan", "noise is nan; it must be finite"),
        ("collect x CartPole-v1 --out y --noise 2", "noise is 2.0; it must be between 0 and 1"),
        ("collect x CartPole-v1 --out y --seed -1", "seed is -1; it must be at least 0"),
        ("imitate x CartPole-v1 --out y --demonstrations 5 0", "demonstrations is 0; it must be at least 1"),
        ("lab bias --seed -1", "seed is -1; it must be at least 0"),
        ("train --resume x --steps -1", "steps is -1; it must be at least 1"),
        ("train ppo CartPole-v1 --agent.lr nan", "lr is nan; it must be finite"),
        ("train ppo CartPole-v1 --agent.lr -1", "lr is -1.0; it must be at least 0"),
        ("train ppo CartPole-v1 --agent.hidden 64 0", "hidden is 0; it must be at least 1"),
        ("train ppo CartPole-v1 --steps 1e30", "steps is beyond 64 bits"),
    ],
)
def test_a_number_out_of_range_is_refused_by_every_command(gymnast, tmp_path, line, told):
    said = gymnast(line)
    assert (said.code, told in said.err, said.err.count("\n")) == (2, True, 1), said
    assert not list(tmp_path.iterdir())
