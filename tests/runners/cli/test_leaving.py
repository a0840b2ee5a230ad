"""Environments that call sys.exit: the command answers all the same, with a code of its own."""

import json

from gymnast.core import checkpoint
from gymnast.runners.runs.folder import best, last
from gymnast.runners.training import logging

SHORT = "--steps 256 --num-envs 2 --evals 1 --eval-episodes 1 --agent.horizon 64 --out run"


def test_in_a_step_it_is_an_error_of_one_line(gymnast):
    said = gymnast(f"train ppo own_envs:Leaves {SHORT}")
    assert said.code == 1
    assert said.err.startswith("gymnast: the environment called sys.exit(0) in a step")
    assert said.err.count("\n") == 1


def test_at_the_end_nothing_is_lost(gymnast, tmp_path):
    said = gymnast(f"train ppo own_envs:Script {SHORT} --backend loop")
    assert (said.code, said.err) == (0, "")
    assert "the run is in run" in said.out
    run = tmp_path / "run"
    assert checkpoint.load(last(run))["steps"] == checkpoint.load(best(run))["steps"] == 256
    row = logging.read(run / "metrics.csv")[-1]
    assert (row["step"], "eval/return" in row) == (256, True)
    found = gymnast("evaluate run --episodes 2 --json")
    assert (found.code, json.loads(found.out)["episodes"]) == (0, 2)


def test_at_the_end_it_hides_no_error_from_before(gymnast):
    said = gymnast(f"train ppo own_envs:BrokenScript {SHORT} --steps 512 --backend loop")
    assert said.code == 1
    assert "the motor burned out" in said.err


def test_at_the_end_it_breaks_no_contract(gymnast):
    said = gymnast("check own_envs:Script")
    assert (said.code, "failed" in said.out) == (0, False)
