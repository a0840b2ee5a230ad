"""Searches from their beginning to the preset that they write; in real processes that are stopped and killed."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import stopping
import sweeping
from gymnasium.vector import SyncVectorEnv
from sweeping import SMALL, TINY, command, forking

import gymnast
from gymnast.core import checkpoint
from gymnast.core.errors import TrainingError, UsageError
from gymnast.runners.cli.tune import _command as best_command
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last
from gymnast.runners.sweeps import child
from gymnast.runners.sweeps.many import How
from gymnast.runners.training.logging import read
from gymnast.runners.tuning.study import Budget, Study
from gymnast.runners.tuning.tune import FILE, PICTURE, PRESET, begin, kept, planned, search

pytest.importorskip("optuna")
SHORT = {"steps": 200, "evals": 2, "eval_episodes": 1}
RUN = runs.preset("ppo", "CartPole-v1", **SHORT, **SMALL)
FEW = {"agent.lr": [1e-3, 1e-2], "agent.gamma": [0.9, 0.99]}
KEPT = ["agent.horizon", "agent.epochs", "agent.minibatch", "agent.lam", "agent.clip", "agent.entropy_coef"]
QUIET = How(jobs=2, quiet=True)


def tuned(tmp_path, **more):
    own = {name: value for name, value in SMALL["agent"].items()}
    given = {"preset": "none", "num_envs": 2, "lr": [1e-3, 1e-2], "gamma": [0.9, 0.99], **own, **SHORT, **more}
    return gymnast.tune("ppo", "CartPole-v1", 4, 2, 2, tmp_path / "tuned", lam=0.9, clip=0.1, entropy_coef=0.0, **given)


def test_a_search_from_python_gives_a_preset_that_makes_the_best_run_again(tmp_path):
    found = tuned(tmp_path)
    assert [row["trial"] for row in found.trials] == [0, 1, 2, 3]
    assert all(row["state"] == "done" and row["return"] > 0 and row["error"] is None for row in found.trials)
    assert found.best.keys() == {"lr", "gamma"} >= found.importances.keys()  # none of equal returns
    assert found.seeds == [1, 2]
    assert found.picture.stat().st_size > 10_000
    again = runs.preset("ppo", "CartPole-v1", str(found.preset))
    settings = {**SMALL["agent"], "lam": 0.9, "clip": 0.1, **found.best}
    assert again.agent == runs.preset("ppo", "CartPole-v1", "none", agent=settings).agent
    assert (again.steps, again.num_envs, again.evals) == (200, 2, 2)
    for trial in range(4):
        run = runs.load(tmp_path / f"tuned/trial-{trial:04}/run.json")
        row = found.trials[trial]
        assert (run.seed, run.agent.lr, run.agent.gamma) == (0, row["lr"], row["gamma"])
        assert read(tmp_path / f"tuned/trial-{trial:04}/metrics.csv")[-1]["eval/return"] == row["return"]
    finals = sorted(path.name for path in (tmp_path / "tuned").glob("trial-*_s*"))
    assert len(finals) in (4, 6)  # the first trial takes part, whether it is among the best or not
    assert {name.partition("_")[2] for name in finals} == {"s1", "s2"}
    means = {}
    for path in finals:
        means.setdefault(path[:10], []).append(read(tmp_path / f"tuned/{path}/metrics.csv")[-1]["eval/return"])
    assert found.mean == max(map(np.mean, means.values()))
    assert found.before == np.mean(means["trial-0000"])
    written = last(tmp_path / "tuned/trial-0003").stat().st_mtime_ns
    again = tuned(tmp_path)
    assert (list(again.trials), again.best, again.mean) == (list(found.trials), found.best, found.mean)
    assert last(tmp_path / "tuned/trial-0003").stat().st_mtime_ns == written  # nothing is made anew


def test_trials_that_diverge_are_failures_and_not_the_end(tmp_path):
    found = tuned(tmp_path, lr=[1e-3, 1e38], gamma=0.9)
    states = {row["lr"]: (row["state"], row["error"]) for row in found.trials}
    assert states[1e-3] == ("done", None)
    state, error = states[1e38]
    assert state == "failed"
    assert "diverged" in error
    assert found.best == {"lr": 1e-3}


def test_a_search_of_which_nothing_can_be_trained_says_why(tmp_path):
    with pytest.raises(TrainingError, match=r"none of 4 trials .*diverged"):
        tuned(tmp_path, lr=[1e37, 1e38], gamma=0.9)


def test_wrong_input_ends_the_search_in_one_line_and_with_exit_code_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("tune dqn Pendulum-v1 --trials 5 --steps 200 --quiet")
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith("gymnast: Q-learning compares actions")


def test_hopeless_runs_are_stopped_and_good_ones_are_not(tmp_path):
    for name, scores in (("good", 1e6), ("bad", -1.0)):
        plan = planned(runs.preset("ppo", "CartPole-v1", **{**SHORT, **SMALL, "steps": 3_000, "evals": 9}), FEW, KEPT)
        begin(plan, tmp_path / name)
        study = Study(tmp_path / name, plan.run, plan.space, Budget(6, 1, 1))
        for _ in range(5):
            trial = study.ask()
            for k in range(1, 10):
                study.report(trial, k, scores)
            study.end(trial, scores)
        for final in study.finals():
            study.end_final(final, 0.0)
        study.close()
        if name == "bad":  # against which the real one wins
            assert search(plan, tmp_path / name, How(1, quiet=True)).records[5].state == "done"
            assert read(tmp_path / "bad/trial-0005/metrics.csv")[-1]["step"] == 3_000
        else:
            stopped = search(plan, tmp_path / name, How(1, quiet=True)).records[5]
            assert stopped.state == "pruned"
            assert max(stopped.curve) < 9
            assert checkpoint.load(last(tmp_path / "good/trial-0005"))["steps"] < 3_000


def test_an_environment_without_a_name_takes_part(tmp_path):
    own = {"steps": 64, "evals": 1, "eval_episodes": 1, "num_envs": 2, "preset": "none", **SMALL["agent"]}
    found = gymnast.tune("ppo", lambda: gym.make("CartPole-v1"), 1, 1, 1, tmp_path, lr=[1e-3, 1e-2], **own)
    assert found.mean == found.before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hidden": [64, 64]}, "hidden holds several numbers"),
        ({"lr": [1e-3, 1e-3]}, "lists 1e-3 twice"),
        ({"lr": []}, "lists no values"),
        ({"steps": [1, 2]}, "steps is not searched"),
        ({"seed": [1, 2]}, "one seed"),
        ({"trials": 0}, "trials is 0"),
        ({"evals": 0}, "--evals 0"),
        ({"env_args": {"size": None}}, "argument of the environment is None"),
        ({"env": SyncVectorEnv([lambda: gym.make("CartPole-v1")])}, "not a VectorEnv"),
        ({"env": "CartPole-v7"}, "does not exist"),
        ({"lrr": [1]}, "no setting 'lrr'"),
        ({"algo": "bc"}, "nothing to search"),
    ],
)
def test_what_is_no_search_is_refused_in_one_line(tmp_path, given, said):
    with pytest.raises(UsageError, match=said):
        gymnast.tune(**{"algo": "ppo", "env": "CartPole-v1", "out": tmp_path, **given})
    assert not list(tmp_path.iterdir())


# The command line


LINE = (
    f"tune ppo CartPole-v1 --steps 200 --evals 2 --eval-episodes 1 {TINY} --agent.lr 1e-3,1e-2 --agent.gamma 0.9,0.99"
)


def test_a_search_is_reported_and_goes_on_with_more_trials(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(f"{LINE} --agent.lam 0.9 --trials 2 --finalists 1 --seeds 1 --out found --device cpu")
    assert (code, err) == (0, "")
    for said in (
        "searched, from the preset none on:",
        "[2/2]",
        "[finalists ",
        "settings of the best trials",
        "2 trials: 2",
    ):
        assert said in out, said
    assert f"gymnast train ppo CartPole-v1 --device=cpu --preset found/{PRESET}" in out
    assert "lam" not in json.loads((tmp_path / f"found/{FILE}").read_text())["space"]
    told = json.loads((tmp_path / "found/trial-0001/run.json").read_text())["command"]
    assert told[:4] == ["gymnast", "train", "ppo", "CartPole-v1"]
    assert told[-4:] == ["--seed", "0", "--out", "found/trial-0001"]
    written = last(tmp_path / "found/trial-0001").stat().st_mtime_ns
    code, out, err = command("tune --resume found --trials 3")
    assert (code, err) == (0, "")
    assert "3 trials: " in out
    assert (tmp_path / "found/trial-0002").is_dir()
    assert last(tmp_path / "found/trial-0001").stat().st_mtime_ns == written
    code, out, _ = command("train ppo CartPole-v1 --preset found/best.toml --steps 64 --out again")
    assert code == 0
    assert runs.load(tmp_path / "again/run.json").agent.horizon == 16


def test_the_command_for_the_best_setting_keeps_what_no_preset_file_sets():
    kept_words = ["--wrap=my mod:W", "--wrap=b:V", "--net=mine:net", "--init-from=runs/a b", "--agent.replay-dir=r"]
    set_words = ["--preset=none", "--steps=200", "--num-envs=2", "--agent.hidden", "8", "8", "--env.size=3"]
    words = [*set_words, *kept_words, "--eval-env.size=4", "--demos=d", "--expert=e", "--reward=r"]
    plan = planned(RUN, FEW, KEPT, ("gymnast", "train", "ppo", "CartPole-v1", *words))
    kept_words += ["--demos=d", "--expert=e", "--reward=r"]
    begun = ["gymnast", "train", "ppo", "CartPole-v1"]
    assert best_command(plan, Path("a b.toml")) == [*begun, *kept_words, "--preset", "a b.toml"]
    assert best_command(planned(RUN, FEW, KEPT), Path("best.toml")) == [*begun, "--preset", "best.toml"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tune ppo", "the algorithm and the environment come first"),
        ("tune ppo CartPole-v1 --trials 0", "trials is 0"),
        ("tune ppo CartPole-v1 --trials x", "--trials: 'x' is not a number"),
        ("tune ppo CartPole-v1 --trials", "--trials"),
        ("tune ppo CartPole-v1 --agent.lrr 1", "unknown option '--agent.lrr'"),
        ("tune ppo CartPole-v1 --env.size 1,2", "env.size is not searched"),
        ("tune ppo CartPole-v1 --steps 1k,2k", "steps is not searched"),
        ("tune ppo CartPole-v1 --evals 0", "--evals 0"),
        ("tune bc CartPole-v1", "the Config of bc has no ranges"),
        ("tune --resume nowhere", "nowhere is not the folder of a search"),
        ("tune --resume nowhere --agent.lr 3", "everything but --trials"),
    ],
)
def test_a_wrong_command_is_refused_in_one_line(tmp_path, monkeypatch, line, said):
    monkeypatch.chdir(tmp_path)
    code, _, err = command(line)
    assert code == 2
    (line,) = err.splitlines()
    assert said in line
    assert not list(tmp_path.iterdir())


def test_help_is_there_without_optuna_and_all_else_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, out, _ = command("tune --help")
    assert (code, out.startswith("usage: gymnast tune ALGO ENV")) == (0, True)
    for line in ("tune ppo CartPole-v1", "tune --resume somewhere"):
        code, _, err = command(line)
        assert (code, err) == (2, 'gymnast: a search needs optuna: pip install "gymnast[tune]"\n')


def test_a_folder_of_something_else_is_refused(tmp_path):
    begin(planned(RUN, FEW, KEPT), tmp_path / "search")
    begin(planned(RUN, FEW, KEPT), tmp_path / "search")
    other = runs.preset("ppo", "CartPole-v1", **{**SHORT, **SMALL, "steps": 300})
    with pytest.raises(UsageError, match=r"other settings \(steps\)"):
        begin(planned(other, FEW, KEPT), tmp_path / "search")
    with pytest.raises(UsageError, match=r"other settings \(what is searched\)"):
        begin(planned(RUN, FEW, []), tmp_path / "search")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    with pytest.raises(UsageError, match="is not empty"):
        begin(planned(RUN, FEW, KEPT), tmp_path / "taken")


@pytest.mark.parametrize(
    "name", [FILE, "study.db", "study.db-journal", "study.db-wal", "study.db-shm", "claims", "logs", PICTURE, PRESET]
)
def test_nothing_is_written_through_a_symlink(tmp_path, name):
    plan, out = planned(RUN, FEW, KEPT), tmp_path / "search"
    begin(plan, out)
    written = out / name
    if written.exists():
        written.replace(tmp_path / "elsewhere")
    written.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a symlink"):
        begin(plan, out)
    with pytest.raises(UsageError, match="is a symlink"):
        kept(out)


def test_a_search_is_read_back_as_it_was_written_and_damage_is_refused_in_one_line(tmp_path):
    plan = planned(RUN, FEW, KEPT, ("gymnast", "train"))
    begin(plan, tmp_path)
    assert kept(tmp_path) == plan
    content = json.loads((tmp_path / FILE).read_text())
    for name, wrong in (
        ("space", {"env": {"choice": ["a:B"]}}),
        ("space", 3),
        ("command", [3]),
        ("run", {}),
        ("run", 0),
    ):
        (tmp_path / FILE).write_text(json.dumps({**content, name: wrong}))
        with pytest.raises(UsageError, match=r"damaged") as refusal:
            kept(tmp_path)
        assert "\n" not in str(refusal.value)


# Processes


def taking_part(plan, out, budget):
    """The life of a process that takes part in a search."""
    child._get_ready()
    forking()
    search(plan, out, QUIET, budget)


def killed_at_random(plan, out, kills):
    """The life of a process that takes part in a search by others which it kills again and again, then to the end."""
    child._get_ready()
    child._get_ready = lambda: None
    random = np.random.default_rng(0)
    for _ in range(kills):
        number = sweeping.forked(lambda: taking_part(plan, out, Budget(4, 1, 1)))
        time.sleep(random.uniform(0.5, 2.5))
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    taking_part(plan, out, Budget(4, 1, 1))


def whole(plan, out):
    """Check that a search of 4 trials and a finalist with one seed has made each run once, and to its end."""
    study = Study(out, plan.run, plan.space)
    records, finals = study.records(), study.finals()
    study.close()
    assert [one.number for one in records] == list(range(4))
    assert {one.state for one in records} == {"done"}
    assert all(one.score is not None for one in finals)
    names = [f"trial-{one.number:04}" for one in records] + [f"trial-{f.number:04}_s{f.seed}" for f in finals]
    assert sorted(path.parent.name for path in out.glob("*/run.json")) == sorted(names)
    for name in names:
        rows = read(out / name / "metrics.csv")
        assert checkpoint.load(last(out / name))["steps"] == plan.run.steps
        assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})
    for one in records:
        rows = read(out / f"trial-{one.number:04}/metrics.csv")
        assert rows[-1]["eval/return"] == one.score
        assert list(one.curve.values()) == [row["eval/return"] for row in rows if "eval/return" in row]
    assert (out / PRESET).is_file()


LONGER = runs.preset("ppo", "CartPole-v1", **{**SHORT, **SMALL, "steps": 1_200})


def test_a_search_that_is_killed_at_any_moment_loses_and_doubles_nothing(tmp_path):
    plan = planned(LONGER, FEW, KEPT)
    begin(plan, tmp_path / "search")
    process = stopping.processes.Process(target=killed_at_random, args=(plan, tmp_path / "search", 3))
    process.start()
    process.join()
    assert process.exitcode == 0
    whole(plan, tmp_path / "search")


def test_processes_that_begin_at_once_share_a_search(tmp_path):
    plan = planned(LONGER, FEW, KEPT)
    begin(plan, tmp_path / "search")
    budget = Budget(4, 1, 1)
    each = [stopping.processes.Process(target=taking_part, args=(plan, tmp_path / "search", budget)) for _ in range(2)]
    for process in each:
        process.start()
    for process in each:
        process.join()
        assert process.exitcode == 0
    whole(plan, tmp_path / "search")
