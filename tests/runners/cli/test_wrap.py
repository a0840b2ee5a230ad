"""Wrappers and texts, from the command line to the run and back."""

import json

import pytest

from gymnast import PPO, load
from gymnast.runners.training import logging

SHORT = "--steps 256 --num-envs 2 --evals 1 --eval-episodes 1 --agent.horizon 64"


def test_a_text_is_left_out_with_one_line(gymnast):
    said = gymnast(f"train ppo own_envs:Mission {SHORT} --out run")
    assert said.code == 0
    assert said.out.count("left out of the observations, for no network reads texts: mission") == 1
    found = gymnast("check own_envs:Mission").out
    assert "left out is mission, a text" in found
    assert "ok      copies" in found


def test_wrappers_are_kept_in_the_run_and_evaluated_with(gymnast, tmp_path):
    line = f"train ppo own_envs:Corridor {SHORT} --wrap own_envs:Twice --wrap own_envs:OnePlus --out run --quiet"
    assert gymnast(line).code == 0
    kept = json.loads((tmp_path / "run" / "run.json").read_text())["run"]
    assert kept["wrappers"] == ["own_envs:Twice", "own_envs:OnePlus"]
    found = json.loads(gymnast("evaluate run --episodes 2 --json").out)
    loaded = load("run").evaluate(2)
    assert gymnast("train --resume run --steps 512 --quiet").code == 0
    # 3 for a step to the right and 1 for any other; without wrappers it would be 1 and 0, no more than 5 in 5 steps
    pairs = [(found["returns"], found["lengths"]), (loaded.returns, loaded.lengths)]
    rows = logging.read(tmp_path / "run" / "metrics.csv")
    for kind in ("episode", "eval"):
        seen = [row for row in rows if f"{kind}/return" in row]
        pairs.append(tuple([row[f"{kind}/{what}"] for row in seen] for what in ("return", "length")))
    for returns, lengths in pairs:
        assert returns
        assert all(x >= y and x > 5 for x, y in zip(returns, lengths, strict=True))


def test_demonstrations_are_recorded_in_wrappers(gymnast):
    line = "collect own_experts:right own_envs:Corridor --episodes 2 --out demos --wrap own_envs:Twice"
    assert "return  mean 10.00" in gymnast(line).out


def test_an_agent_in_a_program_takes_classes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(__import__("pathlib").Path(__file__).parents[1]))
    own_envs = pytest.importorskip("own_envs")
    agent = PPO("own_envs:Corridor", wrappers=[own_envs.Twice], num_envs=2, agent={"horizon": 64})
    agent.save(tmp_path / "saved")
    kept = json.loads((tmp_path / "saved" / "run.json").read_text())["run"]
    assert kept["wrappers"] == ["own_envs:Twice"]
