"""Runs side by side: what they learn, what becomes of those that fail, and that nothing outlives whoever began them."""

import json
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import stopping
import sweeping
from sweeping import SMALL, TINY, command, forking

from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import last, within
from gymnast.runners.sweeps import child, children
from gymnast.runners.sweeps.many import How, conduct
from gymnast.runners.sweeps.plan import planned
from gymnast.runners.training.logging import read
from gymnast.runners.training.train import train

RUN = runs.preset("ppo", "CartPole-v1", steps=200, evals=2, eval_episodes=1, **SMALL)


def leaves(tree, name=""):
    """The values of a checkpoint by their paths, but for those that are of a clock."""
    if isinstance(tree, dict | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {key: leaf for at, node in items for key, leaf in leaves(node, f"{name}/{at}").items()}
    return {} if name.startswith(("/seconds", "/cpu")) else {name: tree}


def equal(one, other):
    """Whether two runs have learned the same, bit for bit, and logged the same."""
    states = [leaves(checkpoint.load(last(out))) for out in (one, other)]
    same = all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    return states[0].keys() == states[1].keys() and same and logged(one) == logged(other)


def logged(out):
    """The rows of a run's metrics without what is of a clock."""
    rows = read(out / "metrics.csv")
    return [{name: value for name, value in row.items() if not name.startswith("speed/")} for row in rows]


def test_each_run_of_several_seeds_is_the_same_run_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command(
        f"train ppo CartPole-v1 --seeds 0,3 --steps 200 --evals 2 --eval-episodes 1 --out two {TINY}"
    )
    assert code == 0
    assert re.search(r"2 seeds\), last evaluation: iqm [\d.]+  95% \[[\d.]+, [\d.]+\]", out)
    for seed in (0, 3):
        run = runs.load(tmp_path / f"two/s{seed}/run.json")
        train(run, tmp_path / f"alone{seed}")
        assert run == runs.preset("ppo", "CartPole-v1", steps=200, seed=seed, evals=2, eval_episodes=1, **SMALL)
        assert equal(tmp_path / f"two/s{seed}", tmp_path / f"alone{seed}")
        told = json.loads((tmp_path / f"two/s{seed}/run.json").read_text())["command"]
        assert told[:4] == ["gymnast", "train", "ppo", "CartPole-v1"]
        assert told[-4:] == ["--seed", str(seed), "--out", f"two/s{seed}"]
    assert within([tmp_path / "two"]) == [tmp_path / "two/s0", tmp_path / "two/s3"]


def test_a_sweep_goes_on_with_what_is_not_done_and_leaves_the_rest_as_it_is(tmp_path):
    plan = planned([(RUN, {})], (0, 1))
    train(plan[0].run, tmp_path / "s0")
    written = last(tmp_path / "s0").stat().st_mtime_ns
    first, second = conduct(plan, tmp_path, How(quiet=True))
    assert (first.state, second.state) == ("done", "done")
    assert last(tmp_path / "s0").stat().st_mtime_ns == written
    assert first.steps == 200
    assert "eval/return" in first.metrics


def test_a_run_that_fails_is_reported_in_one_line_and_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(
        f"sweep ppo CartPole-v1 --agent.lr 1e-3,1e38 --seeds 1 --steps 200 --evals 0 --out fail {TINY}"
    )
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith("gymnast: lr=1e38_s0 failed: ")
    assert "learning has diverged" in line
    assert "last 100 episodes of training" in out
    assert [path.name for path in (tmp_path / "fail/logs").iterdir()] == ["lr=1e38_s0.txt"]
    assert read(tmp_path / "fail/lr=1e-3_s0/metrics.csv")[-1]["step"] == 200


def test_runs_that_cannot_begin_are_told_of_once_with_exit_code_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("sweep dqn Pendulum-v1 --seeds 2 --steps 200 --out none --quiet")
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith("gymnast: s0, s1 failed: ")


def test_a_run_whose_process_is_killed_has_failed(tmp_path):
    (one,) = planned([(RUN, {})], (0,))
    object.__setattr__(one.run, "env_args", _Fatal())
    (standing,) = conduct([one], tmp_path, How(quiet=True))
    assert (standing.state, standing.code) == ("failed", 1)
    assert "was killed" in standing.error


class _Fatal(dict):
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.parametrize("name", ["s0", "logs"])
def test_nothing_is_written_through_a_symlink_in_the_folder_of_a_sweep(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a symlink"):
        conduct(planned([(RUN, {})], (0,)), tmp_path / "sweep", How(quiet=True))


def test_without_forks_each_run_is_a_program(tmp_path, monkeypatch):
    monkeypatch.setattr(children, "FORKS", False)
    born = children.Nursery()
    monkeypatch.setattr(children, "_nursery", born)
    (one,) = conduct(planned([(RUN, {})], (0,)), tmp_path, How(quiet=True))
    born.close()
    assert one.state == "done"


# Processes


LONG = runs.preset("ppo", "CartPole-v1", steps=10_000_000, evals=100_000, eval_episodes=1, **SMALL)


def parent(run, count, out, jobs=2):
    """The life of a process that makes runs with so many seeds."""
    forking()
    conduct(planned([(run, {})], range(count)), out, How(jobs, quiet=True))


def training_in(out):
    """The numbers of the processes that train in the folders within `out`."""
    found = (path.read_text().strip() for path in out.glob("s*/.lock"))
    return [int(number) for number in found if number]


def lives(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):  # nobody may wait for it: then it is a zombie
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    return False


def begun(out):
    """A process with two runs under way, which have written their first checkpoints; and the numbers of theirs."""
    process = stopping.processes.Process(target=parent, args=(LONG, 2, out))
    process.start()
    while not all(last(out / f"s{seed}").exists() for seed in (0, 1)):
        assert process.is_alive()
        time.sleep(0.02)
    return process, training_in(out)


def gone(numbers):
    while any(map(lives, numbers)):
        time.sleep(0.02)
    return True


def test_the_runs_end_saved_when_their_parent_is_killed(tmp_path):
    process, numbers = begun(tmp_path)
    process.kill()
    process.join()
    assert len(numbers) == 2
    assert gone(numbers)
    assert checkpoint.load(last(tmp_path / "s0"))["steps"] > 0


def test_ctrl_c_stops_all_runs_which_are_saved_and_says_how_to_go_on(tmp_path):
    line = (
        f"train ppo CartPole-v1 --seeds 2 --steps 10M --evals 100000 --eval-episodes 1 --out {tmp_path / 'two'} {TINY}"
    )
    said = tmp_path / "said"
    process = stopping.processes.Process(target=interrupted, args=(line.split(), said))
    process.start()
    while not all(last(tmp_path / f"two/s{seed}").exists() for seed in (0, 1)):
        assert process.is_alive()
        time.sleep(0.02)
    numbers = training_in(tmp_path / "two")
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    assert gone(numbers)
    assert f"0 of 2 runs are done; go on with:\n\n  gymnast sweep --resume {tmp_path / 'two'}\n" in said.read_text()


def interrupted(words, said):
    forking()
    stopping.command(words, said)


def killed_at_random(run, out, kills):
    """The life of a process that makes runs whose parent it kills again and again, until they are done."""
    child._get_ready()
    random = np.random.default_rng(0)
    for _ in range(kills):
        number = sweeping.forked(lambda: parent(run, 4, out))
        time.sleep(random.uniform(0.0, 0.6))
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    parent(run, 4, out)


def test_a_sweep_that_is_killed_at_any_moment_loses_and_doubles_nothing(tmp_path):
    run = runs.preset("ppo", "CartPole-v1", steps=1200, evals=1, eval_episodes=1, **SMALL)
    process = stopping.processes.Process(target=killed_at_random, args=(run, tmp_path / "sweep", 3))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert [path.name for path in within([tmp_path / "sweep"])] == ["s0", "s1", "s2", "s3"]
    train(planned([(run, {})], (3,))[0].run, tmp_path / "alone")
    for seed in range(4):
        assert checkpoint.load(last(tmp_path / f"sweep/s{seed}"))["steps"] == 1200
        steps = [row["step"] for row in read(tmp_path / f"sweep/s{seed}/metrics.csv")]
        assert steps == sorted(set(steps))
    assert equal(tmp_path / "sweep/s3", tmp_path / "alone")
