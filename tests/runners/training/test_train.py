import csv
import json
import os
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from gymnast.core import checkpoint
from gymnast.core.errors import TrainingError, UsageError
from gymnast.core.rollout.policy import PolicyActing
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.folder import best, last
from gymnast.runners.runs.run import Run
from gymnast.runners.training.train import Training, resume, train

SMALL = {"horizon": 32, "minibatch": 64, "epochs": 2}


def small(env: Any = "CartPole-v1", steps: int = 1024, **fields: Any) -> Run:
    fields = {"num_envs": 4, "evals": 2, "eval_episodes": 2, **fields}
    return runs.preset("ppo", env, "none", agent={**SMALL, **fields.pop("agent", {})}, steps=steps, **fields)


def interrupted(run: Run, at: int, out: Path) -> None:
    """Train until step `at` and stop as Ctrl-C does."""
    with Training(run, out) as training:
        iterate = training.iterate

        def iterate_and_interrupt() -> dict[str, float]:
            row = iterate()
            if training.steps >= at:
                signal.raise_signal(signal.SIGINT)
            return row

        training.iterate = iterate_and_interrupt  # type: ignore[method-assign]
        assert training.advance().interrupted


def assert_equal_trees(a: Any, b: Any, where: str = "") -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - {"seconds", "cpu"}:
            assert_equal_trees(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b, strict=True)):
            assert_equal_trees(*pair, f"{where}/{i}")
    else:
        assert np.array_equal(a, b, equal_nan=isinstance(a, float)), where


def rows(out: Path) -> list[dict[str, str]]:
    """metrics.csv as text, without what a clock measured."""
    with (out / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if not k.startswith("speed/")} for row in csv.DictReader(file)]


def started(folder: Path, run: Run) -> Path:
    folder.mkdir()
    runs.save(run, folder / "run.json")
    return folder


def test_two_runs_with_one_seed_are_bit_identical(tmp_path):
    for name in ("a", "b"):
        train(small(), tmp_path / name)
    assert_equal_trees(checkpoint.load(last(tmp_path / "a")), checkpoint.load(last(tmp_path / "b")))
    assert rows(tmp_path / "a") == rows(tmp_path / "b")


@pytest.mark.parametrize("twins", ["auto", "none"])
def test_a_run_whose_acting_was_edited_between_stop_and_resume_goes_on_with_the_edited_one(
    tmp_path, twins, monkeypatch
):
    run = small(agent={"twins": twins})
    halves = started(tmp_path / "halves", run)
    interrupted(run, 400, halves)
    assert checkpoint.load(last(halves))["paths"]["acting"] == ("jitted" if twins == "auto" else "step by step")
    readable, asked = PolicyActing.__call__, []

    def edited(self: PolicyActing, obs: Any, first: Any) -> Any:
        asked.append(len(obs))
        return readable(self, obs, first)

    monkeypatch.setattr(PolicyActing, "__call__", edited)
    assert resume(halves).steps == run.steps
    assert len(asked) >= (run.steps - 512) // 4
    assert checkpoint.load(last(halves))["paths"]["acting"] == "step by step"


def test_the_paths_taken_stand_in_the_folder(tmp_path):
    for twins, expected in (("auto", ("jitted", "written out")), ("none", ("step by step", "autograd"))):
        out = tmp_path / twins
        train(small(agent={"twins": twins}), out)
        paths = {"environments": "native", "acting": expected[0], "gradient": expected[1]}
        assert json.loads((out / "run.json").read_text())["paths"] == paths
        assert checkpoint.load(last(out))["paths"] == paths


def test_another_seed_gives_another_network():
    nets = [train(small(seed=seed, evals=0)).agent.net.state_dict() for seed in (0, 1)]
    assert any(not np.array_equal(nets[0][name], nets[1][name]) for name in nets[0])


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(small(), id="native"),
        pytest.param(small(agent={"twins": "none"}), id="native through torch"),
        pytest.param(small(backend="loop"), id="plain Gymnasium"),
        pytest.param(small("Pendulum-v1", agent={"sde": True, "normalize_obs": True}), id="continuous"),
        pytest.param(small(agent={"normalize_return": True, "lr_schedule": "linear"}), id="schedules and return scale"),
    ],
)
def test_stopping_and_resuming_equals_going_on_bit_for_bit(tmp_path, run):
    whole, halves = tmp_path / "whole", started(tmp_path / "halves", run)
    train(run, whole)
    interrupted(run, 400, halves)
    assert not resume(halves).interrupted
    assert_equal_trees(checkpoint.load(last(whole)), checkpoint.load(last(halves)))
    assert_equal_trees(checkpoint.load(best(whole)), checkpoint.load(best(halves)))
    assert rows(whole) == rows(halves)


class Forever(gym.Env):
    """Its episodes never end; after 200 steps it sends this process a signal, and it gives up if nobody stops it."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, number: int = 0) -> None:
        self.number, self.steps = number, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        assert self.steps < 5_000, "nobody stopped it"
        if self.number and self.steps == 200:
            signal.raise_signal(self.number)
        return np.zeros(1, np.float32), 1.0, False, False, {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_an_evaluation_that_never_ends_is_stopped_and_made_up_for(tmp_path, number):
    if signal.getsignal(number) is signal.SIG_IGN:  # as nohup has it
        signal.signal(number, signal.SIG_DFL)
    run = small(
        Forever, evals=1, steps=256, num_envs=2, eval_episodes=1, eval_args={"number": int(number)}, backend="loop"
    )
    with Training(run, tmp_path) as training:
        result = training.advance()
    assert (result.interrupted, result.steps, result.evaluation) == (True, 256, None)
    state = checkpoint.load(last(tmp_path))
    with Training(replace(run, eval_args={}, eval_steps=300), None, state) as again:
        result = again.advance()
    assert not result.interrupted
    assert result.evaluation is not None


def test_an_evaluation_ends_at_its_limit_and_says_so():
    run = small(Forever, evals=1, steps=256, num_envs=2, eval_steps=300, eval_episodes=3, backend="loop")
    evaluation = train(run).evaluation
    assert evaluation is not None
    assert evaluation.lengths == [300] * 3
    assert evaluation.cut == 3
    assert "3 of these episodes had not ended at the limit" in evaluation.lines()[-1]


def test_there_is_a_checkpoint_before_the_first_evaluation(tmp_path):
    with Training(small(), tmp_path) as training:
        training._judged = lambda: {"there": float(last(tmp_path).exists())}  # type: ignore[method-assign]
        rows = [training.iterate() for _ in range(4)]
    assert [row["there"] for row in rows if "there" in row] == [1.0]


def test_an_environment_that_is_there_once_trains_without_evaluation_and_is_evaluated_alone(gymnast):
    said = gymnast("train ppo own_envs:Alone --num-envs 1 --steps 64 --agent.horizon 32 --evals 1 --out run --quiet")
    assert said.code == 2
    assert "the port is taken" in said.err
    assert "--eval-copies 1 makes one, --evals 0 none. The last good checkpoint is run/" in said.err
    assert checkpoint.load(last(Path("run")))["steps"] == 64
    assert gymnast("train --resume run --evals 0 --trust --quiet").code == 0
    assert "the port is taken" in gymnast("evaluate run --episodes 2 --trust").err
    assert gymnast("evaluate run --episodes 2 --eval-copies 1 --trust").code == 0


def test_how_long_workers_may_be_silent_reaches_them():
    run = small(backend="workers", num_envs=2, worker_timeout=200.0)
    with Training(run) as training:
        assert training.env.unwrapped.timeout == 200.0  # type: ignore[attr-defined]


def test_a_folder_that_is_deleted_during_the_run_is_an_error(tmp_path):
    out = started(tmp_path / "run", small())
    with Training(small(), out) as training:
        shutil.rmtree(out)
        with pytest.raises(TrainingError, match="has been deleted"):
            training._save()


def test_an_environment_that_cannot_be_restored_starts_new_episodes_on_resuming(tmp_path):
    out = started(tmp_path / "run", small("LunarLander-v3", evals=0))
    interrupted(small("LunarLander-v3", evals=0), 400, out)
    state = checkpoint.load(last(out))
    assert state["source"]["env"] is None
    assert 400 <= state["steps"] < 1024
    assert resume(out).steps == 1024


def test_resuming_twice_from_one_checkpoint_is_the_same_even_where_episodes_start_anew(tmp_path):
    run = small("LunarLander-v3", evals=0)
    interrupted(run, 400, started(tmp_path / "a", run))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    resume(tmp_path / "a")
    resume(tmp_path / "b")
    assert_equal_trees(checkpoint.load(last(tmp_path / "a")), checkpoint.load(last(tmp_path / "b")))


def test_resume_goes_on_to_a_larger_total(tmp_path):
    train(small(), tmp_path / "run")
    assert resume(tmp_path / "run", 1500).steps == 1500
    assert runs.load(tmp_path / "run" / "run.json").steps == 1500


def test_a_finished_run_and_a_smaller_total_are_refused(tmp_path):
    train(small(), tmp_path / "run")
    with pytest.raises(UsageError, match="has done its 1,024 steps"):
        resume(tmp_path / "run")
    with pytest.raises(UsageError, match="less than the 1,024"):
        resume(tmp_path / "run", 512)


def test_a_run_without_a_checkpoint_resumes_from_the_start(tmp_path):
    train(small(), tmp_path / "whole")
    train(small(), tmp_path / "killed")
    shutil.rmtree(tmp_path / "killed" / "checkpoints")
    resume(tmp_path / "killed")
    assert_equal_trees(checkpoint.load(last(tmp_path / "whole")), checkpoint.load(last(tmp_path / "killed")))
    assert rows(tmp_path / "whole") == rows(tmp_path / "killed")


def test_steps_are_exact():
    assert train(small(steps=1001, evals=0)).steps == 1001


def test_evaluation_does_not_change_what_is_learned():
    nets = [train(small(evals=evals)).agent.net.state_dict() for evals in (0, 4)]
    assert_equal_trees(*({name: x.numpy() for name, x in net.items()} for net in nets))


def test_the_best_checkpoint_is_the_one_that_evaluated_best(tmp_path):
    out = tmp_path / "run"
    train(small(steps=2048, evals=8), out)
    points = [(float(row["eval/return"]), int(row["step"])) for row in rows(out) if row["eval/return"]]
    assert len(points) == 8
    assert checkpoint.load(best(out))["steps"] == max(points)[1]


@pytest.mark.parametrize("damage", ["cut short", "flipped", "newer"])
def test_a_damaged_checkpoint_is_refused(gymnast, tmp_path, cartpole, damage):
    out = tmp_path / "run"
    shutil.copytree(cartpole, out)
    content = last(out).read_bytes()
    changed = {
        "cut short": content[:-100],
        "flipped": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        "newer": content.replace(b'"format":"2"', b'"format":"9"'),
    }[damage]
    last(out).write_bytes(changed)
    for line in ("train --steps 9k --resume", "evaluate --checkpoint last"):
        said = gymnast(line, out)
        assert said.code == 2
        assert "from a newer gymnast" in said.err if damage == "newer" else "cut short or damaged" in said.err


def test_a_checkpoint_of_another_version_of_the_algorithm_is_refused(gymnast, tmp_path, cartpole):
    run = tmp_path / "run"
    shutil.copytree(cartpole, run)
    for file in (run / "checkpoints").iterdir():
        state = checkpoint.load(file)
        del state["agent"]["net"]
        checkpoint.save(file, state)
    said = gymnast("evaluate --episodes 1", run)
    assert said.code == 2
    assert "does not fit the algorithm as it is in this gymnast" in said.err


def test_a_damaged_run_file_is_refused(gymnast, tmp_path, cartpole):
    shutil.copytree(cartpole, tmp_path / "run")
    text = (tmp_path / "run" / "run.json").read_text()
    for changed in (text[:100], "[]", '{"run": {}}', text.replace('"steps"', '"stebs"')):
        (tmp_path / "run" / "run.json").write_text(changed)
        said = gymnast("train --resume run")
        assert said.code == 2
        assert "run.json" in said.err


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ("NanReward", "environment 0 gave a reward of nan, which is not a number"),
        ("NanObservation", "environment 0 gave nan, which is not a number"),
        ("Huge", "environment 0 gave a reward of 1e+300, which is infinite or beyond float32 (3.4e38)"),
        ("Endless", "loss/value became inf in the update at step 128"),
    ],
)
def test_what_is_not_finite_stops_the_run_and_is_named(gymnast, env, told):
    said = gymnast(f"train ppo own_envs:{env} --steps 4k --num-envs 2 --agent.horizon 64 --evals 0 --out run --quiet")
    assert said.code == 1
    assert told in said.err


def test_the_last_good_checkpoint_stays_when_learning_diverges(gymnast):
    line = "train ppo own_envs:NanReward --steps 4k --num-envs 2 --agent.horizon 64 --evals 32 --out run --quiet"
    assert "run/checkpoints/last.safetensors" in gymnast(line).err
    state = checkpoint.load(Path("run/checkpoints/last.safetensors"))
    assert state["steps"] <= 300
    assert all(np.isfinite(x).all() for x in state["agent"]["net"].values())


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    out = tmp_path / "run"
    train(small(), out)
    before = last(out).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        resume(out, 2048)
    assert last(out).read_bytes() == before
    assert not list(out.glob("checkpoints/*.part"))


def test_training_works_in_a_thread_where_signals_do_not():
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(train(small(evals=0))))
    thread.start()
    thread.join()
    assert results[0].steps == 1024
