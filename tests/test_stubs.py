"""The types that editors and mypy see."""

from inspect import signature

import pytest
import stubs

import gymnast
from gymnast import agents
from gymnast.runners.runs.run import Run, settings

RIGHT = """
import gymnast
from gymnast import DQN

gymnast.PPO("CartPole-v1", lr=3e-4, hidden=(128, 128), seed=0, target_kl=None, head="squashed", agent={"clip": 0.1})
DQN("CartPole-v1", hidden=[64], double=True, num_envs=4)
"""


def test_the_types_are_those_of_the_algorithms():
    assert stubs.FILE.read_text() == stubs.stub(), "write them anew: make stubs"


def checked(program, tmp_path):
    """What mypy says about a program."""
    api = pytest.importorskip("mypy.api")
    package = tmp_path / "gymnast"
    package.mkdir()
    (package / "__init__.pyi").write_text(stubs.FILE.read_text())
    (tmp_path / "program.py").write_text(program)
    files = ["program.py", "gymnast/__init__.pyi"]
    options = ["--no-incremental", "--follow-imports=skip", "--ignore-missing-imports"]
    return api.run([*options, *(str(tmp_path / file) for file in files)])[0]


def test_mypy_passes_settings_of_their_types_and_no_others(tmp_path):
    wrong = {
        "lr='fast'": 'Argument "lr" to "PPO" has incompatible type "str"; expected "float"',
        "hidden=64": 'expected "Sequence[int]"',
        "head='square'": "expected \"Literal['plain', 'squashed', 'mixture', 'autoregressive']\"",
        "learning_rate=3e-4": 'Unexpected keyword argument "learning_rate"',
    }
    lines = "".join(f'gymnast.PPO("CartPole-v1", {call})\n' for call in wrong)
    found = [line for line in checked(RIGHT + lines, tmp_path).splitlines() if ": error: " in line]
    for told, line in zip(wrong.values(), found, strict=True):
        assert told in line


def test_notebooks_see_every_setting_too():
    for title, algo in agents.titles().items():
        assert settings(algo).keys() <= signature(getattr(gymnast, title)).parameters.keys()


def test_no_field_of_an_algorithm_is_hidden_by_one_of_the_run():
    for algo in agents.names():
        own = agents.load(algo).Config.__dataclass_fields__.keys()
        assert not own & Run.__dataclass_fields__.keys(), algo
