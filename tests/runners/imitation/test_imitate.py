"""The comparison by number of demonstrations."""

import json
from pathlib import Path

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.core.learn.stats import iqm
from gymnast.runners.imitation.imitate import Comparison, imitate, kept_in, report


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A corridor needs fewer steps than what the comparison is for."""
    for steps in ("_FEWEST", "_LEARNED"):
        monkeypatch.setitem(imitate.__globals__[steps], True, 5_000)


def test_a_score_is_0_for_random_actions_and_1_for_the_expert():
    found = Comparison("Env-v0", "expert", 5, {"random": 20.0, "expert": 120.0}, {"bc/1/0": 20.0, "bc/1/1": 120.0})
    assert [found.score(key) for key in found.returns] == [0.0, 1.0]
    found.returns["bc/10/0"] = 70.0
    assert found.scores("bc", 1) == [0.0, 1.0]
    assert found.scores("bc", 10) == [0.5]
    assert found.cells == {("bc", 1), ("bc", 10)}


def test_the_table_has_the_scores_of_each_environment_and_their_mean_over_all():
    found = []
    for k, env in enumerate(("A-v0", "B-v0")):
        returns = {f"{algo}/{count}/{seed}": float(k + seed) for algo in ("bc", "dagger") for count in (1, 5)
                   for seed in range(4)}  # fmt: skip
        one = Comparison(env, "expert", 5, {"random": 0.0, "expert": 1.0}, returns, dict.fromkeys(returns, 2.0))
        found.append(one)
    del found[1].returns["dagger/5/0"], found[1].seconds["dagger/5/0"]
    lines = list(report(found))
    assert lines[0] == "A-v0: random 0.0, expert 1.0 (expert), 5 episodes each"
    cells = {tuple(row.split()[1:4:2]): row.split("|")[3:] for row in lines[4:]}
    assert set(cells) == {(env, algo) for env in ("A-v0", "B-v0", "all") for algo in ("bc", "dagger")}
    assert cells["A-v0", "bc"][0].startswith(" 1.500 [")
    assert cells["B-v0", "bc"][0].startswith(" 2.500 [")
    assert cells["all", "bc"][0].startswith(f" {iqm([0, 1, 2, 3, 1, 2, 3, 4]):.3f} [")
    assert cells["all", "bc"][2].strip() == "2"
    for one in found:
        for seed in range(4):
            one.returns.pop(f"bc/5/{seed}", None)
        break
    row = next(line for line in report(found) if line.split()[1:4:2] == ["all", "bc"]).split("|")
    assert (row[3].strip() != "", row[4].strip()) == (True, ""), "nothing is summed up that an environment lacks"


def test_a_comparison_goes_on_where_it_stopped(gymnast, tmp_path, monkeypatch):
    line = "imitate own_experts:right own_envs:Corridor --out found --seeds 1 --episodes 4 --demonstrations"
    said = gymnast(f"{line} 2")
    assert said.code == 0
    assert "| own_envs:Corridor | bc " in said.out
    before = json.loads((tmp_path / "found" / "own_envs-Corridor" / "comparison.json").read_text())
    assert set(before["returns"]) == set(before["seconds"]) == {"bc/2/0", "dagger/2/0"}
    assert before["references"]["expert"] == 5.0
    told = []
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    found = imitate("own_experts:right", "own_envs:Corridor", tmp_path / "found", [2], 2, 4, told.append)
    assert len(told) == 2, "one seed more, of each algorithm"
    assert {key: found.returns[key] for key in before["returns"]} == before["returns"]
    assert found.scores("bc", 2) == [1.0, 1.0]
    assert kept_in(tmp_path / "found") == [found]
    assert json.loads(gymnast(f"{line} 2 --json").out)[0]["env"] == "own_envs:Corridor"
    said = gymnast(line.replace("own_experts:right", "own_experts:either") + " 2")
    assert said.code == 2
    assert "give another --out" in said.err
    assert "holds 2 demonstrations" in gymnast(f"{line} 5").err
    assert "must be at least 1" in gymnast(f"{line} 0").err


def test_each_seed_has_demonstrations_of_its_own(gymnast, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    line = "imitate own_experts:balance CartPole-v1 --out found --seeds 2 --episodes 2 --demonstrations 1"
    assert gymnast(line).code == 0
    from gymnast.core.rollout import demos

    first, second = (next(iter(demos.load(tmp_path / "found" / "CartPole-v1" / f"demos-{k}"))) for k in range(2))
    assert not np.array_equal(first.obs[0], second.obs[0])


def test_a_damaged_comparison_is_refused(tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "comparison.json").write_text('{"env": 1, "other": 2}')
    with pytest.raises(UsageError, match="is damaged or of another gymnast"):
        kept_in(tmp_path)
