"""Comparisons of answers: who is preferred, how they are kept, and the rewards that are learned from them."""

import builtins
import itertools
from pathlib import Path

import numpy as np
import pytest

from gymnast.core import checkpoint
from gymnast.core.errors import UsageError
from gymnast.core.rollout.demos import Trajectory, load
from gymnast.envs import text
from gymnast.envs.text.learned import Learned
from gymnast.runners.imitation.prefer import _compared, _ranked, prefer
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import Training, train

SMALL = {"width": 16, "layers": 1, "heads": 2}


@pytest.fixture(name="writer", scope="session")
def _writer(tmp_path_factory):
    """The folder of a run that writes words, badly."""
    out = tmp_path_factory.mktemp("writers") / "words"
    train(runs.preset("lm", "gymnast/Words-v0", "none", agent=SMALL, steps=4000, evals=0), out)
    return out


def answers(folder):
    """(question, rank, reward, text) of each answer of a folder."""
    found = load(folder)
    decode = found.observation_space.vocabulary.decode
    for t in found:
        (question,), (rank,) = (np.unique(t.extras[name]) for name in ("question", "rank"))
        yield int(question), int(rank), float(t.reward.sum()), decode(t.obs[-1])


def test_a_judge_who_never_errs_ranks_by_the_rewards(writer, tmp_path):
    prefer(writer, tmp_path / "prefs", 50, answers=3, temperature=0)
    found = list(answers(tmp_path / "prefs"))
    assert len(found) == 150
    for question in range(50):
        mine = [(rank, reward) for q, rank, reward, _ in found if q == question]
        assert len(mine) == 3
        for rank, reward in mine:
            assert rank == sum(other > reward for _, other in mine)
    assert {t.about["judge"] for t in load(tmp_path / "prefs")} == {"gold"}


@pytest.mark.parametrize(("temperature", "error"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.2)])
def test_judges_prefer_as_bradley_and_terry_say(temperature, error):
    random, reward = np.random.default_rng(0), np.array([0.7, 0.0])
    first = np.mean([_ranked(reward, temperature, error, random)[0] == 0 for _ in range(20_000)])
    chance = 1 / (1 + np.exp(-0.7 / temperature))
    assert first == pytest.approx((1 - error) * chance + error * (1 - chance), abs=0.02)  # five deviations


def test_rankings_are_those_of_plackett_and_luce():
    random, reward = np.random.default_rng(0), np.array([1.0, 0.0, -1.0])
    ranks = [tuple(_ranked(reward, 1.0, 0.0, random)) for _ in range(20_000)]
    strength = np.exp(reward)
    first = strength[0] / strength.sum() * strength[1] / strength[1:].sum()
    assert ranks.count((0, 1, 2)) / 20_000 == pytest.approx(first, abs=0.02)


def test_more_comparisons_are_others_and_the_same_ones_come_again(writer, tmp_path):
    for folder in ("one", "other"):
        prefer(writer, tmp_path / folder, 20, seed=3)
    first = list(answers(tmp_path / "one"))
    assert first == list(answers(tmp_path / "other"))
    prefer(writer, tmp_path / "one", 20, seed=3, append=True)
    both = list(answers(tmp_path / "one"))
    assert both[:40] == first
    assert [x[3] for x in both[40:]] != [x[3] for x in first]
    assert len({question for question, *_ in both}) == 40
    with pytest.raises(UsageError, match="--append"):
        prefer(writer, tmp_path / "one", 20)


def test_a_person_in_the_terminal_is_the_judge(gymnast, writer, monkeypatch):
    said = iter(["1", "what", "2", "", "1", "q"])
    monkeypatch.setattr(builtins, "input", lambda prompt: next(said))
    told = gymnast("prefer", writer, "--judge", "me", "--out", "mine")
    assert told.code == 0
    found = list(answers(Path("mine")))
    assert [rank for _, rank, *_ in found] == [0, 1, 1, 0, 0, 1]
    assert all(text.startswith(".") for *_, text in found)
    assert "1, 2, Enter for neither, or q to end" in told.out
    assert "gymnast train dpo gymnast/Words-v0 --demos mine" in told.out
    assert {t.about["judge"] for t in load(Path("mine"))} == {"me"}


def test_a_person_is_not_kept_waiting_by_a_policy_that_always_writes_the_same(monkeypatch):
    space = text.make("gymnast/Words-v0", 1).single_observation_space
    obs = np.full((3, space.context), space.vocabulary.pad, np.int32)
    obs[:, 0], obs[1:, 1], obs[2:, 2] = space.vocabulary.encode("."), 3, space.vocabulary.end
    one = Trajectory(obs, np.array([3, space.vocabulary.end]), np.zeros(2, np.float32), True, {}, {})
    with pytest.raises(UsageError, match="always writes the same"):
        _compared(itertools.repeat([one, one]), lambda *_: 0, space, 1.0, 0.0, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--pairs 0", "pairs"),
        ("--answers 1", "to compare takes 2 to 64"),
        ("--judge me --answers 3", "a person compares 2 at a time"),
        ("--temperature -1", "temperature"),
        ("--error 2", "error"),
    ],
)
def test_numbers_out_of_range_are_refused(gymnast, writer, options, line):
    said = gymnast(f"prefer {writer} --out prefs {options}")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert line in said.err


def test_runs_that_write_no_texts_are_refused(gymnast, cartpole):
    said = gymnast("prefer", cartpole, "--out", "prefs")
    assert said.code == 2
    assert "writes no texts" in said.err


# Learned rewards


def test_texts_earn_their_scores_when_they_end_and_nothing_before():
    scored = []

    def score(texts):
        scored.append(texts.copy())
        return np.arange(len(texts)) + 1.0

    for waits in (False, True):
        scored.clear()
        env = Learned(text.make("gymnast/Words-v0", 3, waits=waits), score)
        end = env.unwrapped.task.vocabulary.end
        env.reset(seed=0)
        _, reward, *_ = env.step(np.array([0, 1, 2]))
        assert reward.tolist() == [0, 0, 0]
        assert not scored
        _, reward, terminated, _, info = env.step(np.array([end, 4, end]))
        assert terminated.tolist() == [True, False, True]
        assert reward.tolist() == [1, 0, 2]
        assert info["gold"][1] == 0
        assert [row[row <= end][1:].tolist() for row in scored[0]] == [[0, end], [2, end]]


@pytest.fixture(name="model", scope="session")
def _model(writer, tmp_path_factory):
    """The folder of a reward model of words."""
    folder = tmp_path_factory.mktemp("models")
    prefer(writer, folder / "prefs", 40)
    run = {"demos": str(folder / "prefs"), "init_from": str(writer), "agent": {"minibatch": 16}}
    train(runs.preset("reward_model", "gymnast/Words-v0", "none", steps=2000, evals=0, **run), folder / "model")
    return folder / "model"


def rewarded(model, writer, **options):
    run = {"reward": str(model), "init_from": str(writer), "env_args": {"group": 4}, "num_envs": 8, "evals": 0}
    return runs.preset(
        "grpo", "gymnast/Words-v0", "none", agent={"group": 4, "lr": 1e-2}, steps=1500, **{**run, **options}
    )


def test_scores_are_the_rewards_that_are_learned_from(model, writer):
    with Training(rewarded(model, writer)) as training:
        batch = training.source.collect(training.acting)
        scoring = training.env.score  # type: ignore[attr-defined]
        order = batch.final_at[:, 1].argsort()
        assert batch.reward.sum(0) == pytest.approx(scoring(batch.final_obs[order]), abs=1e-5)


def test_a_run_with_learned_rewards_goes_on_where_it_stopped(model, writer, tmp_path):
    with Training(rewarded(model, writer)) as training:
        for k in range(4):
            training.iterate()
            if k == 1:
                checkpoint.save(tmp_path / "half", training.state())
        end = [x.detach().numpy().tobytes() for x in training.agent.net.parameters()]
    with Training(rewarded(model, writer), None, checkpoint.load(tmp_path / "half")) as training:
        for _ in range(2):
            training.iterate()
        assert end == [x.detach().numpy().tobytes() for x in training.agent.net.parameters()]


def test_rewards_of_others_are_refused(gymnast, model, writer, cartpole):
    base = f"train ppo CartPole-v1 --reward {model}"
    assert "score texts, and CartPole-v1 has none" in gymnast(base).err
    words = f"train grpo gymnast/Words-v0 --env.group 8 --num-envs 8 --reward {writer}"
    assert "is a run of lm, which scores no texts" in gymnast(words).err
    copy = f"train grpo gymnast/Copy-v0 --env.group 8 --num-envs 8 --reward {model}"
    assert "scores texts of gymnast/Words-v0, which differ" in gymnast(copy).err
    still = f"train lm gymnast/Words-v0 --reward {model}"
    assert "lm learns from no rewards; leave out --reward" in gymnast(still).err
    assert "no run.json" in gymnast("train grpo gymnast/Copy-v0 --reward nowhere").err
