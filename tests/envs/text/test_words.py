"""Words, where an answer without end must not be worth an average one."""

import numpy as np
from writing import padded

from gymnast.envs import text
from gymnast.envs.text.vector import TextVectorEnv
from gymnast.envs.text.words import LONGEST
from probes import SEED


def test_rambling_is_worth_less_than_ending_a_letter_earlier():
    task, rng = text.load("gymnast/Words-v0"), np.random.default_rng(SEED)
    endless = rng.integers(task.vocabulary.symbols, size=(5000, LONGEST + 1)).astype(np.int32)
    endless[0], endless[1] = task.vocabulary.encode("banananananan"), task.vocabulary.encode("a" * (LONGEST + 1))
    ended = endless.copy()
    ended[:, -1] = task.vocabulary.end
    worse, better = (task.score(None, x, np.full(len(x), LONGEST + 1)).reward for x in (endless, ended))
    assert (worse < better - 0.1).all()


def test_an_answer_at_the_limit_earns_what_it_is_worth_as_it_stands():
    env = TextVectorEnv(text.load("gymnast/Words-v0"), 3)
    env.reset(seed=0)
    word = env.task.vocabulary.encode("a" * (LONGEST + 1))
    for k, letter in enumerate(word):
        _, reward, terminated, _, info = env.step([letter, env.task.vocabulary.end if k == 3 else letter, letter])
    response, length = padded([word, word], LONGEST + 1, env.task.vocabulary.pad)
    assert terminated.tolist() == info["unfinished"].tolist() == info["unparsed"].tolist() == [True, False, True]
    assert np.allclose(reward[[0, 2]], env.task.score(None, response, length).reward)
    assert reward[0] < -5
    assert reward[1] == 0
