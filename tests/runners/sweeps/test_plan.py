import json
from pathlib import Path

import pytest
from sweeping import SMALL

from gymnast.core.errors import UsageError
from gymnast.runners.runs import run as runs
from gymnast.runners.sweeps.plan import FILE, default_out, keep, kept, planned, refuse_taken_by_others, seeds_of

RUN = runs.preset("ppo", "CartPole-v1", steps=100, **SMALL)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", (0, 1, 2)),
        ("0..4", (0, 1, 2, 3, 4)),
        ("0,3,7", (0, 3, 7)),
        ("0..2,7", (0, 1, 2, 7)),
        ("5..5", (5,)),
        ("7,7", (7,)),
    ],
)
def test_seeds_are_a_number_a_range_or_a_list(text, seeds):
    assert seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "4..0", "1,,2", "0..", "0..10000000000", "1.5"])
def test_what_is_no_seeds_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match="--seeds"):
        seeds_of(text)


def test_a_run_is_named_after_what_sets_it_apart():
    settings = [(RUN, {"algo": "ppo", "lr": 3e-4, "hidden": (64, 64), "size": "a/b"})]
    assert [one.name for one in planned(settings, (0, 10))] == [
        "ppo_lr=3e-4_hidden=64x64_size=a-b_s0",
        "ppo_lr=3e-4_hidden=64x64_size=a-b_s10",
    ]


def test_two_runs_of_one_name_are_refused():
    with pytest.raises(UsageError, match="lr=1e-3_s0"):
        planned([(RUN, {"lr": 1e-3}), (RUN, {"lr": 1e-3})], (0,))


def test_the_folder_of_a_sweep_is_the_same_for_the_same_settings():
    assert default_out(planned([(RUN, {"lr": 1e-3})], (0,))) == Path("runs/sweep-ppo-CartPole-v1-lr")


def test_a_plan_is_read_back_as_it_was_written(tmp_path):
    plan = planned([(RUN, {"hidden": (8,), "name": None})], (0, 1))
    keep(plan, tmp_path)
    assert kept(tmp_path) == plan


def test_a_later_command_adds_to_the_plan(tmp_path):
    first, second = planned([(RUN, {})], (0, 1)), planned([(RUN, {})], (1, 2))
    keep(first, tmp_path)
    keep(second, tmp_path)
    assert [one.name for one in kept(tmp_path)] == ["s0", "s1", "s2"]


@pytest.mark.parametrize("name", ["../out", "/out", "a/b", "", ".", ".lock"])
def test_a_plan_of_somebody_else_names_no_folder_elsewhere(tmp_path, name):
    keep(planned([(RUN, {})], (0,)), tmp_path)
    (entry,) = json.loads((tmp_path / FILE).read_text())["runs"].values()
    (tmp_path / FILE).write_text(json.dumps({"runs": {name: entry}}))
    with pytest.raises(UsageError, match="damaged"):
        kept(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"runs": 3}', '{"runs": {}}', '{"runs": {"s0": {}}}'])
def test_a_damaged_plan_is_refused_in_one_line(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UsageError, match="damaged"):
        kept(tmp_path)


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "note").touch()
    with pytest.raises(UsageError, match="not empty"):
        refuse_taken_by_others(planned([(RUN, {})], (0,)), tmp_path)
    with pytest.raises(UsageError, match="not the folder of a sweep"):
        kept(tmp_path)


def test_runs_of_other_settings_are_not_gone_on_with(tmp_path):
    plan = planned([(RUN, {})], (0,))
    keep(plan, tmp_path)
    runs.save(plan[0].run, tmp_path / "s0" / "run.json")
    refuse_taken_by_others(plan, tmp_path)
    (other,) = planned([(runs.preset("ppo", "CartPole-v1", steps=200, gamma=0.9, **SMALL), {})], (0,))
    with pytest.raises(UsageError, match=r"other settings \(steps, agent.gamma\)"):
        refuse_taken_by_others([other], tmp_path)
