import ast
import re
from pathlib import Path

import gymnasium as gym
import pytest

from gymnast import agents
from gymnast.core.errors import UsageError
from gymnast.envs import native
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.elsewhere import ELSEWHERE, meant
from gymnast.runners.runs.run import Run

TABLES = [(algo, name, table) for algo in agents.names() for name, table in runs.presets(algo).items()]


@pytest.fixture(scope="module", autouse=True)
def _atari_is_registered():
    import ale_py

    gym.register_envs(ale_py)


@pytest.mark.parametrize(("algo", "name", "table"), TABLES, ids=[f"{algo} {name}" for algo, name, _ in TABLES])
def test_a_preset_makes_a_run_and_names_its_source(algo, name, table):
    run = runs.preset(algo, "CartPole-v1", name)
    assert run.preset == name
    assert table["source"]


@pytest.mark.parametrize(("algo", "name", "table"), TABLES, ids=[f"{algo} {name}" for algo, name, _ in TABLES])
def test_a_preset_is_for_environments_that_there_are(algo, name, table):
    for pattern in runs.patterns(name, table):
        assert any(Path(env).match(pattern) for env in gym.registry) or pattern in native.NAMES, pattern


def test_the_preset_for_an_environment_is_found_by_its_id_or_pattern():
    found = {env: runs.preset("ppo", env).preset for env in ("CartPole-v1", "Hopper-v5", "ALE/Pong-v5", "My-v0")}
    assert found == {"CartPole-v1": "CartPole-v1", "Hopper-v5": "MuJoCo", "ALE/Pong-v5": "ALE/*-v5", "My-v0": "none"}


def test_an_id_without_its_version_is_the_newest_one():
    run = runs.preset("ppo", "CartPole")
    assert (run.env, run.preset) == ("CartPole-v1", "CartPole-v1")


@pytest.mark.parametrize(
    ("env", "named", "table"),
    [
        ("gymnasium:CartPole-v1", "gymnasium:CartPole-v1", "CartPole-v1"),
        ("gymnasium:CartPole", "gymnasium:CartPole-v1", "CartPole-v1"),
        ("gymnasium.envs.classic_control:CartPoleEnv", "gymnasium.envs.classic_control:CartPoleEnv", "none"),
    ],
)
def test_an_id_with_the_module_that_registers_it_gets_its_version_and_preset(env, named, table):
    run = runs.preset("ppo", env)
    assert (run.env, run.preset) == (named, table)


def test_every_field_is_documented():
    for config in (Run, *(agents.load(name).Config for name in agents.names())):
        module = (
            Path(runs.__file__)
            if config is Run
            else Path(agents.__file__).with_name(f"{config.__module__.rpartition('.')[2]}.py")
        )
        body = next(n.body for n in ast.parse(module.read_text()).body if getattr(n, "name", "") == config.__name__)
        told = [
            isinstance(b, ast.Expr)
            for a, b in zip(body, [*body[1:], None], strict=True)
            if isinstance(a, ast.AnnAssign)
        ]
        assert len(told) == len(config.__annotations__)  # those inherited are told where they stand
        assert all(told)


def test_a_run_survives_its_file(tmp_path):
    run = runs.preset("ppo", "HalfCheetah-v5", seed=3, agent={"hidden": [8, 8]}, env_args={"frame_skip": 2})
    runs.save(run, tmp_path / "run.json", note="anything")
    assert runs.load(tmp_path / "run.json") == run


def test_whole_numbers_become_floats_and_lists_tuples():
    run = runs.preset("ppo", "CartPole-v1", agent={"gamma": 1, "hidden": [8]})
    assert (type(run.agent.gamma), run.agent.hidden) == (float, (8,))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"agent": {"lr": "fast"}}, "agent of ppo: lr is 'fast'; it must be float"),
        ({"agent": {"lr": -1}}, "agent of ppo: lr is -1.0; it must be at least 0"),
        ({"agent": {"epochs": 1.5}}, "epochs is 1.5; it must be int"),
        ({"agent": {"epochs": True}}, "epochs is True; it must be int"),
        ({"agent": {"activation": "swish"}}, "activation is 'swish'; it must be 'tanh' or 'relu'"),
        ({"agent": {"hidden": 64}}, "hidden is 64"),
        ({"agent": {"gama": 1}}, "unknown key 'gama'. Did you mean 'gamma'?"),
        ({"agent": {"learning_rate": 1e-3}}, "unknown key 'learning_rate'. Did you mean 'lr'?"),
        ({"n_epochs": 3}, "ppo has no setting 'n_epochs'. Did you mean 'epochs'?"),
        ({"total_timesteps": 3}, "ppo has no setting 'total_timesteps'. Did you mean 'steps'?"),
        ({"stebs": 1}, "ppo has no setting 'stebs'. Did you mean 'steps'?"),
        ({"name": "cartpole"}, "unknown preset 'cartpole' for ppo. Did you mean 'CartPole-v1'?"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(given, told):
    with pytest.raises(UsageError) as refusal:
        runs.preset("ppo", "CartPole-v1", **given)
    assert told in str(refusal.value)


def test_a_run_of_the_first_version_is_refused_with_the_version_that_reads_it(tmp_path):
    path = tmp_path / "run.json"
    runs.save(runs.preset("ppo", "CartPole-v1"), path, versions={"gymnast": "0.1.0"})
    with pytest.raises(UsageError, match=r"run of gymnast 0\.1\.0, and only version 0\.1 reads it"):
        runs.load(path)


@pytest.mark.parametrize("algo", agents.names())
def test_a_hint_names_a_setting_that_the_algorithm_has(algo):
    known = runs.settings(algo)
    for theirs in ELSEWHERE.keys() - known.keys():
        with pytest.raises(UsageError) as refused:
            runs.preset(algo, "CartPole-v1", **{theirs: 1})
        hint = re.search(r"Did you mean '(\w+)'", str(refused.value))
        assert hint is None or hint[1] in known, theirs


def test_every_name_that_is_known_from_elsewhere_is_one_of_some_algorithms_settings():
    ours = {name for algo in agents.names() for name in runs.settings(algo)}
    assert {name for names in ELSEWHERE.values() for name in names} <= ours


@pytest.mark.parametrize(
    ("algo", "theirs", "ours"),
    [
        ("ppo", "ent_coef", "entropy_coef"),
        ("sac", "ent_coef", "alpha"),
        ("trpo", "ent_coef", None),
        ("trpo", "learning_rate", "critic_lr"),
        ("trpo", "target_kl", "delta"),
        ("ppo", "n_steps", "horizon"),
        ("dqn", "n_steps", "n_step"),
        ("sac", "clip_range", None),
    ],
)
def test_a_hint_is_what_the_algorithm_calls_it(algo, theirs, ours):
    assert meant(theirs, runs.settings(algo)) == (f" Did you mean {ours!r}?" if ours else "")


def test_options_are_hinted_at_as_the_algorithm_calls_them(gymnast):
    assert "Did you mean '--agent.alpha'?" in gymnast("train sac Pendulum-v1 --agent.ent_coef 0.1").err
    assert "Did you mean" not in gymnast("train trpo CartPole-v1 --agent.ent_coef 0.1").err
