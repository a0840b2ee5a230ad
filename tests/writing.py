"""Answers to tasks of text, as the tests write them."""

import numpy as np

from gymnast.core.acting import Stateless


def padded(rows, width, pad):
    """Rows of tokens as (Q, width) and their lengths (Q,)."""
    out = np.full((len(rows), width), pad, np.int32)
    for row, tokens in zip(out, rows, strict=True):
        row[: len(tokens)] = tokens
    return out, np.array([len(tokens) for tokens in rows])


def responses(task, texts):
    """Texts with END after each, as verifiers take them."""
    rows = [np.append(task.vocabulary.encode(text), task.vocabulary.end) for text in texts]
    return padded(rows, max(task.longest[1], *map(len, rows)), task.vocabulary.pad)


def prompts(task, questions):
    return [task.vocabulary.decode(row) for row in questions.prompt]


def at_random(env, seed, end=0.2):
    """Acts with random tokens, and with END in so large a share."""
    rng, size = np.random.default_rng(seed), env.single_action_space.n

    def act(obs):
        action = rng.integers(size, size=env.num_envs)
        action[rng.random(env.num_envs) < end] = size - 1
        return {"action": action}

    return Stateless(act)


def scripted(env, answers):
    """Writes the answers (one per row), token by token, whatever else appears in between."""

    def act(obs):
        lengths = env.single_observation_space.lengths(obs) - env.start
        return {"action": np.array([a[min(max(k, 0), len(a) - 1)] for a, k in zip(answers, lengths, strict=True)])}

    return Stateless(act)
