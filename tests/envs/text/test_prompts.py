"""Prompts that a task asks with."""

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.core.tokens import Vocabulary
from gymnast.envs.text.task import Questions, Scores
from gymnast.envs.text.vector import TextVectorEnv


class Free:
    """Write anything, after some prompts or none."""

    vocabulary = Vocabulary("ab")
    longest = 1, 2

    def __init__(self, prompts):
        self.prompts = np.array(prompts, np.int32).reshape(len(prompts), -1)

    def ask(self, rng, count, split):
        some = self.prompts[rng.integers(len(self.prompts), size=count)]
        return Questions(some, np.zeros(count))

    def score(self, questions, response, length):
        return Scores(np.ones(len(response), np.float32), length < 1)

    def example(self, questions, rng):
        return [np.array([0, self.vocabulary.end], np.int32)] * len(questions.prompt)


@pytest.mark.parametrize("prompts", [[[Free.vocabulary.pad], [0]], [[]]])
def test_one_of_no_tokens_is_refused(prompts):
    for needs in (lambda env: env.reset(seed=0), lambda env: env.examples(20)):
        with pytest.raises(UsageError, match="Free asks a question of no tokens"):
            needs(TextVectorEnv(Free(prompts), 8))
    TextVectorEnv(Free([[0], [1]]), 8).reset(seed=0)
