import pytest

from gymnast import agents
from gymnast.envs import native, text
from gymnast.runners.cli.inventory import inventory
from gymnast.runners.runs import run as runs


def test_all_agents_environments_and_presets_are_listed():
    said = inventory("all")
    for name in (*agents.names(), *native.NAMES, *text.NAMES, "connect4", "othello6", *runs.presets("ppo")):
        assert name in said


@pytest.mark.parametrize("what", ["agents", "envs", "presets"])
def test_one_list_is_a_part_of_all(what):
    said = inventory(what)
    assert said.startswith(f"{what}\n")
    assert said in inventory("all")


def test_presets_that_are_chosen_by_name_alone_say_so():
    line = next(line for line in inventory("presets").splitlines() if "Hopper-zoo" in line)
    assert "--preset" in line
