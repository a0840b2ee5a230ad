"""The space of texts that are being written: PAD is behind a text and nowhere else."""

import numpy as np
import pytest

from gymnast.core.spaces.tokens import Tokens
from gymnast.core.tokens import Vocabulary

SPACE = Tokens(Vocabulary("ab"), 4)
END, PAD = SPACE.vocabulary.end, SPACE.vocabulary.pad


def test_samples_are_texts_of_all_lengths_and_tokens():
    space = Tokens(Vocabulary("ab"), 4)
    space.seed(0)
    texts = np.array([space.sample() for _ in range(400)])
    assert texts.dtype == np.int32
    assert all(text in space for text in texts)
    lengths = space.lengths(texts)
    assert set(lengths.tolist()) == {0, 1, 2, 3, 4}
    assert all((text[:length] != PAD).all() for text, length in zip(texts, lengths, strict=True))
    assert set(texts[lengths == 4].ravel().tolist()) == {0, 1, END}
    space.seed(0)
    assert np.array_equal(space.sample(), texts[0])


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ([0, 1, 0, 1], True),
        ([0, END, PAD, PAD], True),
        ([PAD] * 4, True),
        ([0, PAD, 1, PAD], False),
        ([PAD, 0, 1, 1], False),
        ([0, 1, 0, PAD + 1], False),
        ([0, 1, -1, 0], False),
        ([0, 1, 0], False),
    ],
)
def test_texts_have_no_gaps(text, within):
    assert (np.array(text, np.int32) in SPACE) == within
