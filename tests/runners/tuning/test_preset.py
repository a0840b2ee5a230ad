from dataclasses import replace
from types import NoneType
from typing import Literal, get_args

import pytest

from gymnast import agents
from gymnast.core.errors import UsageError, type_hints
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.presets import takes_nothing
from gymnast.runners.tuning.preset import toml


@pytest.mark.parametrize(
    ("algo", "env", "given"),
    [
        ("ppo", "CartPole-v1", {}),
        ("ppo", "HalfCheetah-v5", {"hidden": (8, 8), "normalize_obs": False, "target_kl": 0.02, "evals": 3}),
        ("dqn", "ALE/Pong-v5", {"env_args": {"frameskip": 4, "a b": ['"x"\n\\\x7f', 1.5, True, {"c": 1e-7}]}}),
        ("sac", "gymnasium:Pendulum-v1", {"eval_args": {"g": 9.81}, "steps": 10**12}),
        ("reinforce", "gymnasium.envs.classic_control:CartPoleEnv", {"lr": 1e-30, "baseline": "none"}),
        ("reinforce", "CartPole-v1", {"agent": {"clip": None}}),
        ("sac", "Pendulum-v1", {"sde_freq": None}),
    ],
)
def test_a_preset_file_makes_the_run_again_that_it_was_written_of(tmp_path, algo, env, given):
    run = runs.preset(algo, env, **given)
    path = tmp_path / "best.toml"
    path.write_text(toml(run, 'found "by" nobody'))
    assert runs.preset(algo, env, str(path)) == replace(run, preset=str(path))


def test_what_names_code_or_folders_or_this_machine_is_no_part_of_a_preset_file(tmp_path):
    run = runs.preset("dqn", "CartPole-v1", net="mine:net", device="cpu", seed=3, replay_dir=str(tmp_path))
    text = toml(run, "")
    assert not [word for word in ("mine", "device", "seed", "replay_dir") if word in text]


def test_an_argument_that_is_none_is_refused_in_one_line():
    for given in ({"a": None}, {"a": [1, None]}):
        with pytest.raises(UsageError, match="argument of the environment is None") as refusal:
            toml(runs.preset("ppo", "CartPole-v1", env_args=given), "")
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("algo", agents.names())
def test_a_preset_file_can_say_none_wherever_the_default_is_something_else(algo):
    config = agents.load(algo).Config
    hints, plain = type_hints(config), vars(config())
    nullable = [name for name, hint in hints.items() if NoneType in get_args(hint) and plain[name] is not None]
    assert all(takes_nothing(hints[name]) for name in nullable)


def test_none_stays_a_word_where_a_field_takes_words():
    assert takes_nothing(float | None)
    assert not any(map(takes_nothing, (float, str | None, Literal["none"] | None, Literal["none"], None)))
