from dataclasses import replace

import pytest

from gymnast.runners.runs import run as runs
from gymnast.runners.tuning.preset import toml


@pytest.mark.parametrize(
    ("algo", "env", "given"),
    [
        ("ppo", "CartPole-v1", {}),
        ("ppo", "HalfCheetah-v5", {"hidden": (8, 8), "normalize_obs": False, "target_kl": 0.02, "evals": 3}),
        ("dqn", "ALE/Pong-v5", {"env_args": {"frameskip": 4, "a b": ['"x"\n\\\x7f', 1.5, True, {"c": 1e-7}]}}),
        ("sac", "gymnasium:Pendulum-v1", {"eval_args": {"g": 9.81}, "steps": 10**12}),
        ("reinforce", "gymnasium.envs.classic_control:CartPoleEnv", {"lr": 1e-30, "baseline": "none"}),
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


def test_a_field_that_is_none_is_a_remark_for_toml_has_no_word_for_it():
    assert "\n# agent.clip = none\n" in toml(runs.preset("reinforce", "CartPole-v1", "none", agent={"clip": None}), "")
