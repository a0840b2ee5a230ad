"""Texts that a batch holds, beginning by beginning."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gymnast.core.errors import UsageError
from gymnast.core.learn.pieces import texts
from gymnast.core.nets import TextConfig
from gymnast.core.nets.texts import TextEncoder
from gymnast.core.rollout.examples import first_steps, written
from gymnast.core.spaces.tokens import Tokens
from gymnast.core.tokens import Vocabulary

SPACE = Tokens(Vocabulary("abc"), 4)
END, PAD = SPACE.vocabulary.end, SPACE.vocabulary.pad


def test_a_step_that_answered_to_an_empty_text_is_refused():
    """Its row would be that of the token to predict."""
    encoder = TextEncoder(SPACE, TextConfig(width=16, layers=1, heads=2))
    tokens = np.array([[0, 1, END, PAD], [2, END, PAD, PAD]], np.int32)
    for given in ([1, 1], [1, 0]):
        own = (tokens != PAD) & (np.arange(4) >= np.array(given)[:, None])
        batch = written(tokens, own, SPACE.context, PAD)
        if given == [1, 1]:
            assert texts(encoder, batch, torch.device("cpu")).rows.tolist() == [0, 2, 1]
        else:
            with pytest.raises(UsageError, match="no tokens"):
                texts(encoder, batch, torch.device("cpu"))


def test_worked_examples_are_the_same_texts_as_their_observations_written_out():
    encoder, random = TextEncoder(SPACE, TextConfig(width=16, layers=1, heads=2)), np.random.default_rng(0)
    tokens = random.integers(3, size=(6, 4)).astype(np.int32)
    own = (np.arange(4) > 0) & (random.random((6, 4)) < 0.6)
    batch = first_steps(written(tokens, own, SPACE.context, PAD), int(own.sum()) - 2)
    plain = replace(batch, obs=batch.obs[:])
    assert plain.obs.shape == (len(batch.reward) + 1, 6, 4)
    with torch.no_grad():
        one, other = (encoder(texts(encoder, x, torch.device("cpu"))) for x in (batch, plain))
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one, encoder(torch.as_tensor(plain.obs[:-1][batch.valid])))
    assert np.array_equal(batch.edge_obs, plain.edge_obs)
    assert np.array_equal(batch.next_obs(), plain.next_obs())


def test_examples_of_long_texts_take_little_memory():
    tokens = np.zeros((4, 1 << 16), np.int32)
    batch = written(tokens, np.arange(1 << 16) > 0 * tokens[:, :1], 1 << 16, PAD)  # 69 GB as an array
    seen = texts(TextEncoder(SPACE, TextConfig(width=16, layers=1, heads=2)), batch, torch.device("cpu"))
    assert seen.tokens.shape == (4, (1 << 16) - 1)
    assert len(seen) == batch.steps
