"""Descriptions of networks: every field is honoured by what takes it."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

import gymnast
from gymnast import agents
from gymnast.core.errors import UsageError
from gymnast.core.nets import config

ROOT = Path(gymnast.__file__).parent
DESCRIPTIONS = [x for x in vars(config).values() if isinstance(x, type) and x.__name__.endswith("Config")]
READERS = [*(ROOT / "core" / "nets").glob("*.py"), ROOT / "core" / "games" / "net.py", ROOT / "core/learn/actor.py"]


def read(path):
    """Names of the fields that a file reads from a description."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cfg":
            yield node.attr


def test_every_field_of_a_network_is_read_where_networks_are_built():
    known = {name for path in READERS for name in read(path)}
    described = {f.name for description in DESCRIPTIONS for f in fields(description)}
    # these two are read where a network's precision and its twins are chosen
    assert described - known <= {"twins", "bfloat16"}
    assert "hidden" in described


@pytest.mark.parametrize("algo", sorted(set(agents.names()) - {"tabular"}))
def test_every_algorithm_with_a_network_describes_it_in_these_terms(algo):
    assert issubclass(agents.load(algo).Config, config.HiddenConfig | config.BoardConfig)


@pytest.mark.parametrize("bad", [{"components": 0}, {"bins": 0}])
def test_heads_of_nothing_are_refused(bad):
    with pytest.raises(UsageError, match="at least 1"):
        config.PolicyConfig(**bad)
