import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.cli.grid import combinations


def apart(line, algos="ppo", envs="CartPole-v1"):
    """What sets each run apart."""
    return [differs for _, differs, _, _ in combinations(algos, envs, line.split())]


def test_commas_list_values_and_all_of_their_combinations_are_runs():
    assert apart("--agent.lr 1e-3,3e-4 --steps=1k,2k") == [
        {"lr": 1e-3, "steps": 1000},
        {"lr": 1e-3, "steps": 2000},
        {"lr": 3e-4, "steps": 1000},
        {"lr": 3e-4, "steps": 2000},
    ]


@pytest.mark.parametrize("written", ["--agent.hidden 64,64", "--agent.hidden 64 64", "--agent.hidden=64,64"])
def test_commas_in_a_field_of_several_numbers_make_one_value(written):
    ((run, differs, _, _),) = combinations("ppo", "CartPole-v1", written.split())
    assert (run.agent.hidden, differs) == ((64, 64), {})


def test_a_stroke_lists_values_of_a_field_of_several_numbers():
    assert apart("--agent.hidden 64,64/256/") == [{"hidden": (64, 64)}, {"hidden": (256,)}, {"hidden": ()}]


def test_switches_choices_presets_and_optional_values_are_listed_alike():
    assert len(apart("--agent.normalize-obs true,false --agent.activation tanh,relu")) == 4
    assert [one["preset"] for one in apart("--preset auto,none")] == ["CartPole-v1", "none"]
    assert apart("--demo-episodes 1,None") == [{"demo_episodes": 1}, {"demo_episodes": None}]


def test_arguments_of_the_environment_are_listed_and_brackets_hold_one_value():
    line = "--env.bits 4,5 --env.map [1,2] --eval-env.bits 9"
    found = list(combinations("ppo", "gymnast/BitFlip-v0", line.split()))
    assert [differs for _, differs, _, _ in found] == [{"bits": 4}, {"bits": 5}]
    assert [run.env_args for run, *_ in found] == [{"bits": 4, "map": [1, 2]}, {"bits": 5, "map": [1, 2]}]


def test_algorithms_and_environments_are_listed_too():
    assert apart("", "ppo,a2c", "CartPole-v1,Acrobot-v1")[-1] == {"algo": "a2c", "env": "Acrobot-v1"}


def test_settings_of_one_short_name_keep_their_full_names():
    (first, *_) = apart("--agent.lr 1,2 --env.lr 3,4", envs="gymnast/BitFlip-v0")
    assert first == {"agent.lr": 1.0, "env.lr": 3}


def test_the_command_of_a_run_asks_for_that_run_alone():
    line = "--agent.lr 1e-3,2e-3 --seeds 3 --jobs 2 --out x --quiet"
    found = list(combinations("ppo", "CartPole-v1", line.split()))
    assert [words for _, _, words, _ in found] == [
        ["gymnast", "train", "ppo", "CartPole-v1", f"--agent.lr={lr}"] for lr in ("1e-3", "2e-3")
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--agent.lr 1e-3,1e-3", "twice"),
        ("--agent.lr 1e-3,", "no value beside a comma"),
        ("--agent.lr 1e-3,x", "not a number"),
        ("--agent.lrr 1,2", "Did you mean '--agent.lr'"),
        ("word --agent.lr 1", "one argument too many"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(line, said):
    with pytest.raises(UsageError, match=said):
        apart(line)
