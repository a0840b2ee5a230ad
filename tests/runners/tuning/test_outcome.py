"""Who wins, how that is told, and what is drawn of it."""

import numpy as np
import pytest

from gymnast.core.errors import TrainingError
from gymnast.core.ranges import Choice, Ladder, Linear, Log
from gymnast.runners.tuning.outcome import Finalist, Outcome, outcome
from gymnast.runners.tuning.picture import draw
from gymnast.runners.tuning.report import rows, show, summary
from gymnast.runners.tuning.study import Final, Record


def record(number, score=None, state="done", **values):
    curve = {} if score is None else {1: score / 2, 2: score}
    return Record(number, state, values, score, curve, "" if state != "failed" else "it diverged")


class Made:
    """A study that has ended."""

    def __init__(self, records, scores):
        self.made, self.scores = records, scores
        self.run = type("Run", (), {"seed": 0})

    def records(self):
        return self.made

    def finalists(self):
        return [one for one in self.made if one.number in self.scores]

    def finals(self):
        return [
            Final(number, seed, score, "" if score is not None else "it diverged")
            for number, scores in self.scores.items()
            for seed, score in enumerate(scores, 1)
        ]

    def importances(self):
        return {"agent.lr": 0.75, "agent.gamma": 0.25}


RECORDS = [record(k, 10.0 * k) for k in range(4)]


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ({1: [1.0, 9.0], 2: [4.0, 4.0], 0: [1.0, 1.0]}, 1),  # means 5, 4, 1
        ({1: [9.0, None], 2: [4.0, 4.0], 0: [1.0, 1.0]}, 2),  # a failure is no mean
        ({1: [5.0, 3.0], 2: [4.0, 4.0], 0: [4.0, 4.0]}, 0),  # of equals the one that there was
    ],
)
def test_the_highest_mean_over_fresh_seeds_wins(scores, best):
    found = outcome(Made(RECORDS, scores))
    assert found.winner.number == best
    assert found.before.number == 0
    assert found.seeds == [1, 2]


def test_where_all_finalists_failed_there_is_no_winner():
    with pytest.raises(TrainingError, match="it diverged"):
        outcome(Made(RECORDS, {1: [None, 3.0]}))
    with pytest.raises(TrainingError, match="none of 1 trials"):
        outcome(Made([record(0, state="failed")], {}))


def test_the_summary_says_which_seeds_decided_and_what_there_was_before(capsys):
    found = outcome(Made([*RECORDS, record(4, state="failed")], {3: [8.0, 6.0], 0: [1.0, 3.0]}))
    assert list(summary(found)) == [
        "5 trials: 4 done, 1 failed",
        "best: trial 3, return 7.00: the highest mean return of 2 finalists over seeds 1, 2; "
        "the search of 5 trials saw seed 0 alone",
        "the setting that the search began from, on the same seeds: return 2.00",
    ]
    show(found)
    said = capsys.readouterr().out
    assert "75%" in said
    assert "seed 0, searched" in said


def test_a_row_of_a_failure_says_why():
    assert rows([record(1, state="failed", **{"agent.lr": 3.0})]) == [
        {"trial": 1, "lr": 3.0, "state": "failed", "return": None, "error": "it diverged"}
    ]


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_picture_is_drawn_of_few_and_many_trials(tmp_path, count):
    random = np.random.default_rng(0)
    space = {
        "agent.lr": Log(1e-5, 1e-2),
        "agent.clip": Linear(0.0, 1.0),
        "agent.horizon": Ladder(1, 2, 4),
        "agent.hidden": Choice((8,), (4, 4)),
    }
    records = []
    for k in range(count):
        values = {"agent.lr": 1e-4 * (1 + k), "agent.clip": random.random()}
        values |= {"agent.horizon": int(random.choice([1, 2, 4])), "agent.hidden": ((8,), (4, 4))[k % 2]}
        records.append(record(k, random.random(), "pruned" if k % 5 == 4 else "done", **values))
    records.append(record(count, state="failed"))
    finalist = Finalist(records[0], (Final(0, 1, 1.0),))
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "few.png").symlink_to(tmp_path / "mine")  # as somebody may put there meanwhile
    draw(Outcome(records, [finalist], {}, 0), space, tmp_path / "few.png")
    assert (tmp_path / "mine").read_text() == "mine"
    draw(Outcome(records, [finalist], {name: 0.25 for name in space}, 0), space, tmp_path / "all.png")
    assert (tmp_path / "all.png").stat().st_size > 10_000
