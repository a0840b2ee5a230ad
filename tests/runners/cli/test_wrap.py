"""Wrappers and texts, from the command line to the run and back."""

import json

import pytest

from gymnast import PPO

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
    assert found["mean"] >= 10  # 1 + 2 in each step to the right, 1 in every other
    assert gymnast("train --resume run --steps 512 --quiet").code == 0


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
