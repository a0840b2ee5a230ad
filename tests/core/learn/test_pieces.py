"""Texts that a batch holds, beginning by beginning."""

import numpy as np
import pytest
import torch

from gymnast.core.errors import UsageError
from gymnast.core.learn.pieces import texts
from gymnast.core.nets import TextConfig
from gymnast.core.nets.texts import TextEncoder
from gymnast.core.rollout.examples import written
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
