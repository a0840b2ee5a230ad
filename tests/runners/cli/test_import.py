"""A module of one's own that cannot be imported: one line that says which and why, wherever it is named."""

import sys

import pytest

MODULES = {
    "import no_such_thing": "ModuleNotFoundError: No module named 'no_such_thing'",
    "from math import no_such_thing": "ImportError: cannot import name 'no_such_thing' from 'math'",
    "def broken(:": "SyntaxError: invalid syntax (needs_more.py, line 1)",
    "raise ValueError('no map\\nanywhere')": "ValueError: no map",
    "raise SystemExit": "SystemExit",
    "import numpy; numpy.zeros(-1)": "ValueError: negative dimensions are not allowed",
}
COMMANDS = [
    "train ppo needs_more:Pole",
    "check needs_more:Pole",
    "collect own_experts:right needs_more:Pole --out demos",
    "collect needs_more:act CartPole-v1 --out demos",
    "train dagger CartPole-v1 --expert needs_more:act",
    "train ppo CartPole-v1 --wrap needs_more:Wrapper",
    "train ppo CartPole-v1 --net needs_more:net",
]


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    monkeypatch.delitem(sys.modules, "needs_more", raising=False)


def told(said):
    """The one line of a command that was given what it cannot use."""
    assert (said.code, said.err.count("\n"), said.out) == (2, 1, "")
    return said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_module_is_named_wherever_a_module_is(command, gymnast, tmp_path):
    (tmp_path / "needs_more.py").write_text("import no_such_thing")
    assert "importing 'needs_more' raised ModuleNotFoundError: No module named 'no_such_thing'" in told(
        gymnast(command)
    )


@pytest.mark.parametrize("module", MODULES)
def test_whatever_a_module_raises_is_told_in_one_line(module, gymnast, tmp_path):
    (tmp_path / "needs_more.py").write_text(module)
    assert f"importing 'needs_more' raised {MODULES[module]}" in told(gymnast("train ppo needs_more:Pole"))


def test_a_constructor_that_imports_too_late_is_told_alike(gymnast, tmp_path):
    (tmp_path / "needs_more.py").write_text("def pole(**_):\n    import no_such_thing\n")
    assert "pole: No module named 'no_such_thing'" in told(gymnast("train ppo needs_more:pole"))
