"""Replies of a task: they are read, and nobody's own."""

import numpy as np
from writing import scripted

from gymnast.core.rollout.engine import Rollout, Whole
from gymnast.core.rollout.examples import read
from gymnast.envs import text
from probes import SEED


def test_worked_answers_say_what_is_written_and_what_is_replied():
    env = text.make("gymnast/Calculator-v0", 1)
    env.reset(seed=SEED)
    decode = env.task.vocabulary.decode
    for row, own in zip(*env.examples(200), strict=True):
        a, b = map(int, decode(row[:5]).split("*"))
        calls = f"{b % 10}*{a}=", f"{b // 10}*{a}=", f"{b % 10 * a}+{b // 10 * a}0="
        assert decode(row[own]) == "".join(calls) + str(a * b)
        assert decode(row[~own]) == f"{a}*{b}:{b % 10 * a};{b // 10 * a};{a * b};"
        assert own[(row == env.task.vocabulary.end)].all()


def test_examples_are_the_steps_of_someone_who_writes_them():
    env = text.make("gymnast/Calculator-v0", 3, waits=True)
    lived, space = Rollout(env, Whole(1), SEED), env.single_observation_space
    questions = env._questions(np.arange(3))
    answers = env.task.example(questions, np.random.default_rng(0))
    env.task.ask = lambda rng, count, split: questions
    batch, learned = lived.collect(scripted(env, answers)), read(env, space, 3)
    valid = learned.valid
    assert np.array_equal(batch.valid, valid)
    assert np.array_equal(batch.obs[:-1][valid], learned.obs[:-1][valid])
    assert np.array_equal(batch.action[valid], learned.action[valid])
    assert np.array_equal(batch.terminated, learned.terminated)
    assert (batch.episodes.returns == 1).all()
