"""What `gymnast new` writes runs as it is written."""

import subprocess
import sys
from pathlib import Path

import pytest

from gymnast.runners.cli import new as module


@pytest.mark.learns
def test_what_is_written_passes_its_own_tests(gymnast, tmp_path):
    for what in ("env", "game"):
        said = gymnast(f"new {what} my_{what}")
        assert said.code == 0
        assert f"wrote my_{what}.py" in said.out
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "5 passed" in tested.stdout


def test_an_environment_that_is_written_keeps_the_contract(gymnast):
    gymnast("new env my_env")
    said = gymnast("check my_env:MyEnv")
    assert said.code == 0
    assert gymnast("train a2c my_env:MyEnv --steps 100 --evals 0 --quiet --out run").code == 0


def test_an_agent_is_the_one_that_the_guide_prints(monkeypatch, gymnast, tmp_path):
    guide = (module._ROOT / "CONTRIBUTING.md").read_text()
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    for folder in ("agents", "configs", "tests/agents"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "CONTRIBUTING.md").write_text(guide)
    said = gymnast("new agent mine")
    assert said.code == 0
    assert (tmp_path / "agents" / "mine.py").read_text() in guide
    assert "mine.refit(" in (tmp_path / "tests" / "agents" / "test_mine.py").read_text()
    assert (tmp_path / "configs" / "mine.toml").read_text().startswith('["CartPole-v1"]')
    assert gymnast("new agent mine").code == 2
    assert "there is an agent ppo already" in gymnast("new agent ppo").err
    (tmp_path / "CONTRIBUTING.md").unlink()
    assert "clone its repository" in gymnast("new agent other").err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("new env My-Env", "no name for a module"),
        ("new env json", "json is the name of a module that Python has already"),
        ("new world my_world", "invalid choice"),
    ],
)
def test_names_that_cannot_be_are_refused(gymnast, line, told):
    said = gymnast(line)
    assert said.code == 2
    assert told in said.err
    assert not list(Path().glob("*.py"))


def test_what_is_there_is_not_written_over(gymnast):
    Path("my_env.py").write_text("mine")
    assert "my_env.py exists already" in gymnast("new env my_env").err
    assert Path("my_env.py").read_text() == "mine"


def test_without_a_command_it_says_what_to_do_next(gymnast, cartpole):
    assert "gymnast train ppo CartPole-v1" in gymnast("").out
    Path("runs").symlink_to(cartpole.parent)
    assert f"gymnast evaluate runs/{cartpole.name}" in gymnast("").out


def test_one_algorithm_is_described_whole(gymnast):
    said = gymnast("list sac").out
    assert said.startswith("Soft actor-critic")
    assert "(chosen by --preset crossq alone)" in said
    assert "  tau = 0.005\n      Share of the networks that their slow copies take over." in said
    assert "Did you mean 'sac'?" in gymnast("list scac").err
