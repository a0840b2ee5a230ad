"""A folder of somebody else's: nothing in its files makes Python run what is not installed, unless it is trusted."""

import json
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import gymnast as package
from gymnast import envs
from gymnast.core.errors import UsageError
from gymnast.core.files import write_whole
from gymnast.core.names import Stored
from gymnast.runners.api import load
from gymnast.runners.imitation.demonstrations import collect
from gymnast.runners.runs import run as runs
from gymnast.runners.training import experts
from gymnast.runners.training.train import resume, train

PROGRAM = """
from pathlib import Path
Path("ran").touch()
import gymnasium as gym
def make(**kwargs):
    return gym.make("CartPole-v1")
class Pole(gym.Wrapper):
    def __init__(self, render_mode=None):
        super().__init__(make())
"""


@pytest.fixture
def foreign(gymnast, tmp_path, monkeypatch):
    """A run's folder in whose files another name can be put, and a module in the current folder."""
    (tmp_path / "foreign_levels.py").write_text(PROGRAM)
    monkeypatch.delitem(sys.modules, "foreign_levels", raising=False)
    run = runs.preset("ppo", "CartPole-v1", "none", steps=64, num_envs=2, agent={"horizon": 32}, evals=0)
    package.PPO("CartPole-v1", preset="none", num_envs=2, evals=0, agent={"horizon": 32}).learn(64).save("run")

    def altered(**fields):
        path = tmp_path / "run" / "run.json"
        whole = json.loads(path.read_text())
        whole["run"] |= fields
        path.write_text(json.dumps(whole))
        return run

    return altered


COMMANDS = ("evaluate run", "train --resume run --steps 128", "play run", "render run --video x.gif")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("env", "would"),
    [
        ("os:system", "call 'os:system', which is no subclass of gymnasium.Env"),
        ("foreign_levels:make", "import 'foreign_levels', which is no installed package"),
        ("foreign_levels:Pole", "import 'foreign_levels'"),
        ("antigravity:fly", "import 'antigravity'"),
        ("numpy:load", "call 'numpy:load', which is no subclass"),
        ("pip.__main__:main", "import 'pip.__main__'"),
    ],
)
def test_a_foreign_run_makes_no_other_environment_than_those_installed(command, env, would, foreign, gymnast, tmp_path):
    foreign(env=env, env_args={"command": "touch ran"} if env == "os:system" else {})
    said = gymnast(command)
    assert said.code == 2
    assert would in said.err
    assert "say --trust (in Python trust=True)" in said.err
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def own(foreign, gymnast, tmp_path):
    """The folder of a run in an environment of the current folder, which no import has seen since."""
    line = "train ppo foreign_levels:Pole --steps 64 --num-envs 2 --agent.horizon 32 --evals 0 --out own"
    said = gymnast(line)
    assert "gymnast evaluate own --trust" in said.out, said.err
    assert "trust" not in json.loads((tmp_path / "own" / "run.json").read_text())["run"]
    del sys.modules["foreign_levels"]
    (tmp_path / "ran").unlink()
    return tmp_path / "own"


def test_load_acts_without_it_and_learns_with_trust_alone(own, tmp_path):
    loaded = package.load(own)
    assert loaded.predict(np.zeros(4))[0] in (0, 1)
    for act in (lambda: loaded.learn(64), lambda: loaded.evaluate(2)):
        with pytest.raises(UsageError, match="import 'foreign_levels'"):
            act()
    assert not (tmp_path / "ran").exists()
    assert package.load(own, trust=True).learn(64).run.env == "foreign_levels:Pole"
    assert package.load(own).learn(64).steps == 128, "which the program has imported by now"


def test_a_command_that_trusts_takes_it(own, gymnast):
    assert gymnast("evaluate own --episodes 2").code == 2
    assert gymnast("evaluate own --episodes 2 --trust").code == 0
    assert gymnast("train --resume own --steps 128 --quiet --trust").code == 0


def test_a_file_does_not_vouch_for_itself(foreign):
    foreign(env="foreign_levels:Pole", trust=True)
    with pytest.raises(UsageError, match="import 'foreign_levels'"):
        package.load("run").learn(64)


def test_a_network_out_of_a_file_is_not_built(foreign, gymnast):
    foreign(net="foreign_levels:make")
    for command in ("evaluate run", "train dagger CartPole-v1 --expert run", "collect run CartPole-v1 --out demos"):
        said = gymnast(command)
        assert (said.code, "import 'foreign_levels'" in said.err) == (2, True), command
    assert "import 'foreign_levels'" in gymnast("train ppo CartPole-v1 --init-from run").err


@pytest.mark.parametrize("command", COMMANDS[:2])
@pytest.mark.parametrize("wrapper", ["foreign_levels:make", "foreign_levels:Pole"])
def test_no_wrapper_out_of_a_file_is_put_around_an_environment(command, wrapper, foreign, gymnast, tmp_path):
    foreign(wrappers=[wrapper])
    said = gymnast(command)
    assert (said.code, "import 'foreign_levels'" in said.err) == (2, True)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("expert", ["os:system", "model.zip"])
def test_an_expert_out_of_a_file_is_neither_called_nor_unpickled(expert, gymnast, tmp_path):
    (tmp_path / "model.zip").touch()
    run = runs.preset("dagger", "CartPole-v1", expert=expert)
    runs.save(run, tmp_path / "run.json")
    read = runs.load(tmp_path / "run.json")
    with (
        closing(envs.make("CartPole-v1")) as env,
        pytest.raises(UsageError, match="If you trust whoever made that file"),
    ):
        experts.of_run(read, env, 0)


@pytest.mark.parametrize("name", ["sys:exit", "os:system", "subprocess:call", "shutil:rmtree", "functools:partial"])
def test_what_is_no_environment_is_not_called_on_the_command_line(name, gymnast):
    said = gymnast(f"train ppo {name}")
    assert (said.code, "is Python's own and no environment" in said.err) == (2, True)
    assert "is Python's own and no expert" in gymnast(f"collect {name} CartPole-v1 --out demos").err


def test_installed_modules_and_own_ones_are_told_apart(monkeypatch, tmp_path):
    stored = Stored("gymnasium.envs.classic_control:CartPoleEnv", tmp_path / "run.json")
    monkeypatch.delitem(sys.modules, "gymnasium.envs.classic_control")
    envs.make(stored, backend="loop").close()
    (tmp_path / "sb3_contrib.py").write_text("raise SystemExit('ran')")  # as somebody's folder might shadow it
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sb3_contrib", raising=False)
    with pytest.raises(UsageError, match="import 'sb3_contrib'"):
        envs.make(Stored("sb3_contrib:Pole", "run.json"))


def test_a_registered_id_that_makes_others_is_refused_from_a_file():
    with pytest.raises(UsageError, match="make the environment that its arguments name"):
        envs.make(Stored("GymV21Environment-v0", "run.json"), env_id="os:system")


def test_the_current_folder_stands_behind_what_is_installed(gymnast, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", str(tmp_path))])
    gymnast("list agents")
    assert sys.path.index(str(tmp_path)) == len(sys.path) - 1


def test_recorded_demonstrations_do_not_choose_the_environment(gymnast, tmp_path, monkeypatch):
    """A folder of `imitate` that came from elsewhere holds demonstrations of an environment that they name."""
    from gymnast.runners.imitation import imitate

    recorded = collect("own_experts:balance", "CartPole-v1", tmp_path / "demos", 2)
    index = json.loads((tmp_path / "demos" / "demos.json").read_text())
    (tmp_path / "demos" / "demos.json").write_text(json.dumps(index | {"env": "os:system"}))
    run = imitate._cloning("CartPole-v1", recorded, 2, 0)
    assert run.env == "CartPole-v1"


@pytest.mark.parametrize(
    "moments", ["vecnormalize.pkl", "vec_normalize.pkl", "model/vecnormalize.pkl", "any/vecnormalize.pkl"]
)
def test_a_pickle_near_a_model_is_not_opened_without_being_asked(gymnast, tmp_path, moments):
    (tmp_path / moments).parent.mkdir(exist_ok=True)
    for name in ("model.zip", moments):
        (tmp_path / name).touch()
    said = gymnast("collect model.zip CartPole-v1 --out demos")
    assert (said.code, f"{moments} would be unpickled" in said.err) == (2, True)
    assert (
        "not a model that Stable-Baselines3 saved" in gymnast("collect model.zip CartPole-v1 --out demos --trust").err
    )


def test_writing_follows_no_symlink(tmp_path):
    (tmp_path / "mine").write_text("precious")
    for name in ("eval.json", "eval.json.part"):
        (tmp_path / name).symlink_to(tmp_path / "mine")
    write_whole(tmp_path / "eval.json", "new")
    assert (tmp_path / "mine").read_text() == "precious"
    assert (tmp_path / "eval.json").read_text() == "new"
    assert not (tmp_path / "eval.json").is_symlink()
    assert not (tmp_path / "eval.json.part").exists()


def test_a_symlink_that_is_put_there_meanwhile_is_not_followed_either(tmp_path, monkeypatch):
    (tmp_path / "mine").write_text("precious")
    unlink = Path.unlink

    def put_back(path, missing_ok=False):
        path.symlink_to(tmp_path / "mine")

    monkeypatch.setattr(Path, "unlink", put_back)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "eval.json", "new")
    monkeypatch.setattr(Path, "unlink", unlink)
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_file_names_no_folder_to_write_to(tmp_path):
    agent = {"replay_dir": str(tmp_path / "elsewhere"), "hidden": (8,), "learning_starts": 100}
    train(runs.preset("dqn", "CartPole-v1", "none", steps=64, evals=0, agent=agent), tmp_path / "run")
    for go_on in (
        lambda **trust: resume(tmp_path / "run", 128, **trust),
        lambda **trust: load(tmp_path / "run", **trust),
    ):
        with pytest.raises(UsageError, match="write files there"):
            go_on()
    assert resume(tmp_path / "run", 128, trust=True).steps == 128
