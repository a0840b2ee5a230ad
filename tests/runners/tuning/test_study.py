"""Trials that several processes share: none is lost or made twice, hopeless ones end early."""

import os
import signal
import sqlite3
import sys
import time

import numpy as np
import pytest
import stopping

from gymnast.core.errors import UsageError
from gymnast.core.ranges import powers
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.groups import everything
from gymnast.runners.tuning.claims import Claims
from gymnast.runners.tuning.space import space
from gymnast.runners.tuning.study import CLAIMS, DATABASE, Budget, Study

pytest.importorskip("optuna")
RUN = runs.preset("ppo", "CartPole-v1", "none", steps=1_000, evals=9, lr=0.05)
SPACE = space(RUN, {}, [])


@pytest.fixture(name="opened")
def _opened(tmp_path):
    """Opens studies in a folder, one after another, as processes would that follow each other."""
    found = []

    def opened(**budget):
        if found:
            found[-1].close()
        found.append(Study(tmp_path, RUN, SPACE, Budget(**budget) if budget else None))
        return found[-1]

    yield opened
    found[-1].close()


def made(study, scores):
    """Make the next trial, with such evaluations; how many of them it had before it was given up."""
    trial = study.ask()
    for k, score in enumerate(scores, 1):
        if not study.report(trial, k, score):
            study.end(trial)
            return k
    study.end(trial, scores[-1])
    return len(scores)


def test_the_search_begins_with_the_settings_that_there_are(opened):
    study = opened()
    trial = study.ask()
    now = everything(RUN)
    assert trial.values == {name: now[name] for name in SPACE}
    assert trial.values["agent.lr"] == 0.05  # beyond what PPO declares
    assert study.ask().values != trial.values


def test_a_trial_that_is_worse_than_half_of_the_others_ends_early_and_a_good_one_does_not(opened):
    study = opened()
    for k in range(5):
        assert made(study, [0.0] * 9 if k < 2 else [100.0] * 9) == 9
    assert made(study, [1.0] * 9) == 3  # the first third of the evaluations is grace
    assert made(study, [200.0] * 9) == 9
    assert made(study, [1.0, 1.0, 150.0, *[1.0] * 6]) == 9  # by its best evaluation so far
    assert [one.state for one in study.records()] == ["done"] * 5 + ["pruned", "done", "done"]


def test_no_trial_ends_at_its_last_evaluation(opened):
    study = opened()
    for _ in range(5):
        made(study, [100.0] * 9)
    trial = study.ask()
    assert study.report(trial, 9, 1.0)


def test_a_failure_is_a_trial_that_has_failed(opened):
    study = opened(trials=2, finalists=1)
    study.end(study.ask(), error="it diverged")
    assert made(study, [3.0] * 9) == 9
    assert study.ask() is None
    assert not study.searching
    failed, done = study.records()
    assert (failed.state, failed.error, failed.score, done.score) == ("failed", "it diverged", None, 3.0)
    assert [one.number for one in study.finalists()] == [1]


def test_what_draws_settings_depends_on_the_seed_and_what_is_known_alone(tmp_path):
    drawn = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        study = Study(tmp_path / name, RUN, SPACE)
        for k in range(12):
            trial = study.ask()
            study.end(trial, float(k % 5))
        drawn.append([one.values for one in study.records()])
        study.close()
    assert drawn[0] == drawn[1]
    assert len({one["agent.lr"] for one in drawn[0]}) == 12


def test_finalists_are_the_best_and_the_first_with_seeds_that_the_search_has_not_seen(opened):
    study = opened(trials=4, finalists=2, seeds=2)
    for score in (1.0, 3.0, 2.0, 3.0):
        made(study, [score] * 9)
    assert [one.number for one in study.finalists()] == [1, 3, 0]
    assert [(one.number, one.seed) for one in study.finals()] == [(1, 1), (1, 2), (3, 1), (3, 2), (0, 1), (0, 2)]
    first, second = study.ask_final(), study.ask_final()
    assert (first.name, second.name) == ("final 1 1", "final 1 2")
    study.end_final(first, 5.0)
    study.end_final(second, None, "it diverged")
    study = opened()
    assert [(one.score, one.error) for one in study.finals()[:2]] == [(5.0, ""), (None, "it diverged")]
    assert study.ask_final().name == "final 3 1"


def test_a_budget_may_grow_and_keeps_the_rest(opened):
    opened(trials=3, finalists=2, seeds=4)
    assert vars(opened().budget) == {"trials": 3, "finalists": 2, "seeds": 4}
    assert vars(opened(trials=2, seeds=1).budget) == {"trials": 3, "finalists": 2, "seeds": 4}
    assert vars(opened(trials=5).budget) == {"trials": 5, "finalists": 2, "seeds": 4}


def test_importances_are_shares_and_there_are_none_of_equal_trials(opened):
    study = opened()
    for _ in range(3):
        made(study, [1.0] * 9)
    assert study.importances() == {}
    for k in range(12):
        made(study, [float(k)] * 9)
    found = study.importances()
    assert found.keys() == SPACE.keys()
    assert sum(found.values()) == pytest.approx(1)


def test_without_optuna_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r'pip install "gymnast\[tune\]"'):
        Study(tmp_path, RUN, SPACE)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path):
    (tmp_path / DATABASE).write_text("no database " * 100)
    with pytest.raises(UsageError, match=rf"{DATABASE} is not the database of a search") as refusal:
        Study(tmp_path, RUN, SPACE)
    assert "\n" not in str(refusal.value)


def test_a_database_with_settings_out_of_range_is_refused_in_one_line(tmp_path, opened):
    opened().ask()
    smaller = {**SPACE, "agent.horizon": powers(32, 64)}
    study = Study(tmp_path, RUN, smaller)  # of which 256 is no rung
    with pytest.raises(UsageError, match="trial 0 has settings out of its ranges"):
        study.records()
    study.close()


# Processes


def holding(path, told):
    claims = Claims(path)
    told.put(claims.take(7))
    with claims.alone():
        told.put(True)
        time.sleep(60)


def test_what_a_process_claims_is_free_once_it_is_killed(tmp_path):
    told = stopping.processes.Queue()
    process = stopping.processes.Process(target=holding, args=(tmp_path / CLAIMS, told))
    process.start()
    assert told.get()
    assert told.get()
    claims = Claims(tmp_path / CLAIMS)
    assert not claims.take(7)
    assert claims.take(8)
    assert not claims.take(8)
    process.kill()
    process.join()
    assert claims.take(7)
    claims.drop(7)
    assert claims.take(7)
    with claims.alone():
        pass
    claims.close()


def ending(out):
    """The life of a process that ends its trial, and its final, while another one looks at them."""
    study = Study(out, RUN, SPACE, Budget(2, 1, 1))
    work, end = study.ask(), study.end
    if work is None:
        work, end = study.ask_final(), study.end_final
    (out / "begun").touch()
    waits(out / "looking")
    end(work, 3.0)
    (out / "ended").touch()
    study.close()


def waits(path, seconds=120.0):
    """Wait for a file, but not for ever."""
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize("looks", ["_trials", "finals"])
def test_what_ends_while_another_process_looks_for_work_is_not_made_again(tmp_path, monkeypatch, looks):
    if looks == "finals":
        study = Study(tmp_path, RUN, SPACE, Budget(2, 1, 1))
        made(study, [1.0] * 9)
        made(study, [2.0] * 9)
        study.close()
    process = stopping.processes.Process(target=ending, args=(tmp_path,))
    process.start()
    waits(tmp_path / "begun")
    study = Study(tmp_path, RUN, SPACE)
    look = getattr(study, looks)

    def slowly():
        seen = look()
        (tmp_path / "looking").touch()
        waits(tmp_path / "ended", 2)  # for nothing, as the other one waits for this one
        return seen

    monkeypatch.setattr(study, looks, slowly)
    if looks == "finals":
        assert (study.ask_final().number, process.join()) == (0, None)
    else:
        assert (study.ask().number, process.join()) == (1, None)
    assert process.exitcode == 0
    study.close()


def searching(out, trials, seed):
    """The life of a process that makes trials which take no time: their evaluations are their numbers."""
    study = Study(out, RUN, SPACE, Budget(trials))
    pause, idle = np.random.default_rng(seed), 0
    while study.searching:
        trial = study.ask()
        if trial is None:
            idle += 1
            assert idle < 3_000, "nobody goes on with what is left"
            time.sleep(0.02)
            continue
        for k in range(1, 10):
            study.report(trial, k, trial.number + k / 10)
            time.sleep(pause.uniform(0, 0.004))
        (out / f"{trial.number}-{os.getpid()}").touch()
        study.end(trial, float(trial.number))
    study.close()


def test_processes_that_share_a_study_make_as_many_trials_as_asked_for_together(tmp_path):
    processes = [stopping.processes.Process(target=searching, args=(tmp_path, 14, k)) for k in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    study = Study(tmp_path, RUN, SPACE)
    records = study.records()
    study.close()
    assert [one.number for one in records] == list(range(14))
    assert {one.state for one in records} == {"done"}
    made_by = [path.name.split("-") for path in tmp_path.glob("*-*")]
    assert sorted(int(number) for number, _ in made_by) == list(range(14))  # each by one process
    assert len({number for _, number in made_by}) == 2  # and both took part
    assert len({one.values["agent.lr"] for one in records}) == 14  # nobody drew what another had


def test_a_study_whose_processes_are_killed_at_any_moment_loses_and_doubles_no_trial(tmp_path):
    random = np.random.default_rng(0)
    Study(tmp_path, RUN, SPACE, Budget(12)).close()
    for k in range(4):
        process = stopping.processes.Process(target=searching, args=(tmp_path, 12, k))
        process.start()
        begun = len(list(tmp_path.glob("*-*")))
        while process.is_alive() and len(list(tmp_path.glob("*-*"))) == begun:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    searching(tmp_path, 12, 0)
    study = Study(tmp_path, RUN, SPACE)
    records = study.records()
    study.close()
    assert [one.number for one in records] == list(range(12))
    assert {one.state for one in records} == {"done"}
    assert [one.score for one in records] == list(range(12))
    for one in records:
        assert one.values.keys() == SPACE.keys()
        assert one.curve == {k: one.number + k / 10 for k in range(1, 10)}


def changed(path, *statements):
    """Change a database as whoever sends it may."""
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW endless AS WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k FROM n) SELECT k FROM n",
        "CREATE TRIGGER always AFTER INSERT ON trials BEGIN DELETE FROM trials; END",
        "CREATE VIRTUAL TABLE words USING fts5(word)",
    ],
)
def test_a_database_that_does_something_when_it_is_read_is_refused_in_one_line(tmp_path, statement):
    Study(tmp_path, RUN, SPACE).close()
    changed(tmp_path / DATABASE, statement)
    with pytest.raises(UsageError, match="is neither a table nor an index") as refusal:
        Study(tmp_path, RUN, SPACE)
    assert "\n" not in str(refusal.value)


def test_a_view_that_calls_itself_a_table_is_refused(tmp_path):
    Study(tmp_path, RUN, SPACE).close()
    changed(
        tmp_path / DATABASE,
        "CREATE VIEW words AS SELECT 1",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET type = 'table' WHERE type = 'view'",
    )
    with pytest.raises(UsageError, match="is not the database of a search"):
        Study(tmp_path, RUN, SPACE)


@pytest.mark.parametrize("name", ["seeds", "finalists", "trials"])
@pytest.mark.parametrize("value", [10**20, 0, "many", None, [3]])
def test_a_budget_out_of_all_bounds_is_refused_in_one_line(tmp_path, name, value):
    study = Study(tmp_path, RUN, SPACE)
    study._study.set_user_attr(name, value)
    study.close()
    with pytest.raises(UsageError, match=f"not the database of a search: {name} is") as refusal:
        Study(tmp_path, RUN, SPACE)
    assert "\n" not in str(refusal.value)


def test_seeds_and_finalists_are_bounded():
    assert Budget(seeds=10_000, finalists=10_000)
    for name in ("seeds", "finalists"):
        with pytest.raises(UsageError, match=f"{name} is 10001; it must be at most 10,000"):
            Budget(**{name: 10_001})


@pytest.mark.parametrize(
    "content",
    [
        3,
        None,
        {},
        {"score": 1.0},
        {"score": 1.0, "error": None},
        {"score": "1", "error": ""},
        {"score": float("inf"), "error": ""},
        {"score": 1.0, "error": "", "seed": 3},
    ],
)
def test_a_final_that_is_none_is_refused_in_one_line(opened, content):
    study = opened(trials=1, finalists=1, seeds=1)
    made(study, [1.0] * 9)
    study._study.set_user_attr("final 0 1", content)
    with pytest.raises(UsageError, match=f"{DATABASE} is damaged") as refusal:
        study.finals()
    assert "\n" not in str(refusal.value)
