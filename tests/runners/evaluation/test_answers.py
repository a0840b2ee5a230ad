"""What is said of whoever writes: pass@k by hand and by trying everything, and figures that must agree."""

import json
from itertools import combinations
from math import comb
from shutil import copytree

import numpy as np
import pytest

import gymnast as package
from gymnast.core.acting import Memoryless
from gymnast.core.errors import UsageError
from gymnast.envs import text
from gymnast.runners.evaluation.answers import answers, pass_at, written
from gymnast.runners.evaluation.evaluate import evaluate


@pytest.mark.parametrize(("samples", "k"), [(1, 1), (5, 1), (5, 2), (6, 4), (7, 7)])
def test_pass_at_k_is_the_share_of_all_choices_of_k_that_hold_a_right_one(samples, k):
    for right in range(samples + 1):
        draws = [True] * right + [False] * (samples - right)
        tried = [any(some) for some in combinations(draws, k)]
        assert pass_at([right], samples, k) == pytest.approx(np.mean(tried))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_pass_at_k_is_unbiased(share):
    samples, k = 8, 3
    often = [comb(samples, c) * share**c * (1 - share) ** (samples - c) for c in range(samples + 1)]
    mean = sum(chance * pass_at([c], samples, k) for c, chance in enumerate(often))
    assert mean == pytest.approx(1 - (1 - share) ** k)
    plugged_in = sum(chance * (1 - (1 - c / samples) ** k) for c, chance in enumerate(often))
    assert plugged_in < mean - 0.001


def test_pass_at_k_by_hand():
    assert pass_at([3], 16, 1) == pytest.approx(3 / 16)
    assert pass_at([0, 2, 4], 4, 2) == pytest.approx((0 + (1 - 1 / 6) + 1) / 3)  # 1 of 6 pairs holds neither right one
    assert pass_at([16, 0], 16, 16) == 0.5


class Scripted(Memoryless):
    """Answers with these tokens whatever is asked, in so many rows."""

    def __init__(self, envs, tokens):
        self.tokens, self.at, self.asked = tokens, np.zeros(envs, np.int64), []

    def __call__(self, obs, first):
        self.asked += [(row, obs[row].tolist()) for row in np.flatnonzero(first)]
        self.at = np.where(first, 0, self.at + 1)
        return {"action": np.array(self.tokens)[np.minimum(self.at, len(self.tokens) - 1)]}


class Guesses:
    """An agent that draws one of some answers, each seed another one, and takes the first as the likeliest."""

    convolutional = False

    def __init__(self, vocabulary, guesses):
        self.seeds, self.actings = [], []
        self._guesses = [[*vocabulary.encode(guess).tolist(), vocabulary.end] for guess in guesses]

    def acting(self, envs, mode="learn", seed=0):
        self.seeds.append((mode, seed))
        self.actings.append(Scripted(envs, self._guesses[seed % len(self._guesses) if mode == "sample" else 0]))
        return self.actings[-1]


def test_draws_answer_the_questions_that_the_likeliest_answers_did():
    env = text.make("gymnast/Parity-v0", 4, bits=1)  # the answer is the bit: half of the questions are answered by 1
    agent = Guesses(env.task.vocabulary, ["1", "0", "0"])
    found = answers(agent, env, 10, 0, samples=3)
    ones = evaluate(agent, env, 10, 0).successes
    assert found.successes == ones
    assert 0 < sum(ones) < 10
    one = np.mean(ones)
    assert found.pass_at[1] == pytest.approx((one * 1 + (1 - one) * 2) / 3)
    assert found.pass_at[2] == pytest.approx(one * 2 / 3 + (1 - one) * 1)
    assert found.pass_at[3] == 1
    assert [seed for mode, seed in agent.seeds if mode == "sample"][:3] == [0, 1, 2]
    likeliest, *draws = [acting.asked for acting in agent.actings[:4]]
    assert len(likeliest) >= 10
    assert draws == [likeliest] * 3
    assert f"  exact match {one:.1%} of the questions" in found.lines()
    assert "pass@1" in "\n".join(found.lines())
    assert "success" not in "\n".join(found.lines())


def test_without_temperature_all_draws_are_the_likeliest_answer(adder):
    found = package.load(adder).answers(questions=40, samples=4, temperature=0)
    assert set(found.pass_at.values()) == {found.success}
    assert set(found.pass_at) == {1, 2, 4}


def test_some_answers_are_written_down_with_their_verdicts():
    env = text.make("gymnast/Addition-v0", 2)
    vocabulary = env.single_observation_space.vocabulary
    acting = Scripted(1, [2, vocabulary.end])
    found = list(written(acting, env, 3, seed=5))
    env.reset(seed=5)
    asked = [vocabulary.decode(env.asked().prompt)]
    for _ in range(2):
        env.reset()
        asked.append(vocabulary.decode(env.asked().prompt))
    assert [str(one) for one in found] == [f"{question}2 [wrong]" for question in asked]
    assert len(set(asked)) == 3


def test_the_command_prints_and_keeps_what_is_known_of_the_answers(gymnast, adder, tmp_path):
    copytree(adder, tmp_path / "run")
    said = gymnast("evaluate run --episodes 12 --samples 3")
    kept = json.loads((tmp_path / "run" / "eval.json").read_text())[-1]
    assert set(kept["pass_at"]) == {"1", "2", "3"}
    assert kept["pass_at"]["1"] <= kept["pass_at"]["2"] <= kept["pass_at"]["3"]
    assert f"  exact match {kept['success']:.1%} of the questions\n" in said.out
    assert f"pass@3 {kept['pass_at']['3']:.1%}\n" in said.out
    assert f"{kept['likelihood']['eval/bits_per_byte']:.4f} bits per byte" in said.out
    assert len(kept["texts"]) == 4
    assert all(f"  · {one}\n" in said.out for one in kept["texts"])
    copytree(adder, tmp_path / "other")
    both = gymnast("evaluate run other --episodes 12 --samples 3").out.splitlines()[0]
    assert f"  success {kept['success']:6.1%}  pass@3 {kept['pass_at']['3']:6.1%}  " in both
    none = json.loads(gymnast("evaluate run --episodes 12 --samples 0 --json").out)
    assert none["pass_at"] == {}
    assert none["success"] == kept["success"]
    assert "temperature is -1.0; it must be at least 0" in gymnast("evaluate run --temperature -1").err


def test_texts_that_are_neither_right_nor_wrong_have_no_share_that_passes(tmp_path):
    model = package.LM("gymnast/Source-v0", preset="none", num_envs=2, layers=1, width=16)
    found = model.answers(questions=4)
    assert found.pass_at == {}
    assert found.samples == 0
    assert len(found.texts) == 4
    assert found.likelihood["eval/loss"] > 1
    assert not any("pass@" in line for line in found.lines())


def test_only_texts_have_answers():
    with pytest.raises(UsageError, match="writes no texts"):
        package.PPO("CartPole-v1", num_envs=1).answers()
