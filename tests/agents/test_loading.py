"""Loading an algorithm: its Config has no field that nothing reads."""

import importlib.util
import sys

import pytest

from gymnast import agents
from gymnast.core.errors import UsageError

FILE = """
from dataclasses import dataclass

from gymnast.core.nets.config import NetConfig


@dataclass(frozen=True)
class Config(NetConfig):
    hidden: tuple[int, ...] = (8,)
    lr: float = 1.0
    {field}

    def __post_init__(self):
        assert self.lr > 0 and self.extra > 0

    @property
    def doubled(self):
        return 2 * {inside}


class Agent:
    extra = 1.0

    def update(self, cfg):
        self.extra = cfg.lr
        return self.extra, {outside}
"""


def loaded(tmp_path, monkeypatch, field="", inside=0, outside=0):
    path = tmp_path / "somebodys.py"
    path.write_text(FILE.format(field=field, inside=inside, outside=outside))
    spec = importlib.util.spec_from_file_location("somebodys", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "somebodys", module)
    spec.loader.exec_module(module)
    return module


def test_a_field_that_nothing_reads_is_an_error_that_names_it_and_the_file(tmp_path, monkeypatch):
    module = loaded(tmp_path, monkeypatch, "extra: float = 2.0")
    with pytest.raises(UsageError, match=r"somebodys\.py: nothing reads the field extra of Config"):
        agents.refuse_unread(module)


@pytest.mark.parametrize("where", [{"outside": "cfg.extra"}, {"outside": "self.cfg.extra"}, {"inside": "self.extra"}])
def test_a_field_is_read_in_the_algorithm_or_in_a_method_of_config(tmp_path, monkeypatch, where):
    agents.refuse_unread(loaded(tmp_path, monkeypatch, "extra: float = 2.0", **where))


def test_inherited_fields_are_not_the_algorithms_to_read(tmp_path, monkeypatch):
    agents.refuse_unread(loaded(tmp_path, monkeypatch))


@pytest.mark.parametrize("algo", agents.names())
def test_every_algorithm_reads_all_its_fields(algo):
    agents.load(algo)
