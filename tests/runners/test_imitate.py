"""The comparison by number of demonstrations."""

import json

from gymnast.core.stats import iqm
from gymnast.runners.imitate import Comparison, imitate, report


def test_a_score_is_0_for_random_actions_and_1_for_the_expert():
    found = Comparison("Env-v0", "expert", 5, {"random": 20.0, "expert": 120.0}, {"bc/1/0": 20.0, "bc/1/1": 120.0})
    assert [found.score(key) for key in found.returns] == [0.0, 1.0]
    found.returns["bc/10/0"] = 70.0
    assert found.scores("bc", 1) == [0.0, 1.0]
    assert found.scores("bc", 10) == [0.5]
    lines = list(report(found))
    assert lines[0] == "Env-v0: random 20.0, expert 120.0 (expert), 5 episodes each"
    assert f"{iqm([0.0, 1.0])}" in lines[3]


def test_a_comparison_goes_on_where_it_stopped(gymnast, tmp_path, monkeypatch):
    line = "imitate own_experts:right own_envs:Corridor --out found --seeds 1 --episodes 4 --demonstrations"
    assert gymnast(f"{line} 2").code == 0
    before = json.loads((tmp_path / "found" / "comparison.json").read_text())
    assert set(before["returns"]) == {"bc/2/0", "dagger/2/0"}
    assert before["references"]["expert"] == 5.0
    told = []
    monkeypatch.syspath_prepend(str(__import__("pathlib").Path(__file__).parent))
    found = imitate("own_experts:right", "own_envs:Corridor", tmp_path / "found", [2], 2, 4, told.append)
    assert len(told) == 2, "one seed more, of each algorithm"
    assert {key: found.returns[key] for key in before["returns"]} == before["returns"]
    assert found.scores("bc", 2) == [1.0, 1.0]
    assert "clone" not in gymnast(f"{line} 2 --json").out
    said = gymnast(line.replace("own_experts:right", "own_experts:either"), 2)
    assert said.code == 2
    assert "give another --out" in said.err
    assert "holds 2 demonstrations" in gymnast(f"{line} 5").err
    assert "must be at least 1" in gymnast(f"{line} 0").err
