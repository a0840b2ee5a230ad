from pathlib import Path

import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.groups import grouped


def named(*found, by=None):
    """Name and count of each group of runs of PPO on CartPole, given by what differs from the preset."""
    made = [(Path(f"run{i}"), runs.preset("ppo", "CartPole-v1", **values)) for i, values in enumerate(found)]
    return [(group.name, group.count) for group in grouped(made, by)]


def test_runs_that_differ_in_their_seed_are_one_group():
    assert named({"seed": 0}, {"seed": 1}, {"seed": 2}) == [("ppo on CartPole-v1", "3 seeds")]


def test_runs_that_differ_in_what_does_not_matter_are_one_group():
    aside = {"seed": 1, "backend": "loop", "device": "cpu", "evals": 3, "agent": {"twins": "none"}}
    assert named({}, aside) == [("ppo on CartPole-v1", "2 seeds")]


def test_one_seed_in_three_lengths_is_three_groups():
    assert named({"steps": 100_000}, {"steps": 20_000}, {"steps": 1500}) == [
        ("ppo on CartPole-v1, steps 100,000", "1 seed"),
        ("ppo on CartPole-v1, steps 20,000", "1 seed"),
        ("ppo on CartPole-v1, steps 1,500", "1 seed"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ({"agent": {"lr": 3e-4}}, {"agent": {"lr": 1e-2}}, ["lr 3e-4", "lr 0.01"]),
        ({"agent": {"hidden": (64, 64)}}, {"agent": {"hidden": ()}}, ["hidden 64 64", "hidden none"]),
        ({"agent": {"normalize_obs": True}}, {}, ["normalize_obs true", "normalize_obs false"]),
        ({"env_args": {"sutton_barto_reward": True}}, {}, ["sutton_barto_reward true", "sutton_barto_reward default"]),
        ({"eval_args": {"n": 5}}, {"eval_args": {"n": 6}}, ["n 5", "n 6"]),
    ],
)
def test_a_group_is_named_by_what_sets_it_apart(one, other, names):
    assert [name for name, _ in named(one, other)] == [f"ppo on CartPole-v1, {name}" for name in names]


def test_many_settings_are_counted():
    ((first, _), _) = named(
        {"agent": {"lr": 1e-2, "gamma": 0.9, "lam": 0.9, "clip": 0.1, "epochs": 1, "sde": True}}, {}
    )
    assert first.endswith("and 2 more")


def test_equal_groups_that_only_the_settings_beyond_the_name_tell_apart_are_not_pooled():
    many = {"lr": 1e-2, "gamma": 0.9, "lam": 0.9, "clip": 0.1, "epochs": 1}
    assert len(named({"agent": many}, {"agent": many | {"minibatch": 9}}, {})) == 3


def test_settings_that_are_asked_for_make_the_groups():
    found = [{"steps": steps, "agent": {"lr": lr}} for steps in (100, 200) for lr in (1e-3, 1e-2)]
    assert [name for name, _ in named(*found, by="lr")] == [
        "ppo on CartPole-v1, lr 1e-3",
        "ppo on CartPole-v1, lr 0.01",
    ]
    assert len(named(*found, by="agent.lr,--steps")) == 4
    assert named(*found, by="env") == [("ppo on CartPole-v1", "4 runs of 1 seed")]
    assert len(named({"seed": 0}, {"seed": 1}, by="seed")) == 2


def test_an_unknown_setting_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"--by lrr: no run has such a setting\. Did you mean 'lr'"):
        named({}, by="lrr")


def test_equal_seeds_and_pooled_settings_are_remarked_on():
    found = [(Path(name), runs.preset("ppo", "CartPole-v1", steps=steps)) for name, steps in (("a", 100), ("b", 200))]
    assert not [remark for group in grouped(found) for remark in group.remarks()]
    assert list(grouped(found, "env")[0].remarks()) == [
        "ppo on CartPole-v1: 2 runs have seed 0 (a, b); one seed is no sample",
        "ppo on CartPole-v1: pools runs that differ in steps",
    ]
