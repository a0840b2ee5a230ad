"""Vocabularies and the space of texts."""

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.core.spaces.as_json import from_json, to_json
from gymnast.core.spaces.layout import Layout
from gymnast.core.spaces.tokens import Tokens
from gymnast.core.tokens import Bytes, Pairs, Vocabulary, characters, printable, vocabulary

TEXT = "to be, or not to be: naïve 名前\n"


def pairs() -> Pairs:
    pytest.importorskip("tokenizers")
    return Pairs.train(TEXT * 20, 270)


@pytest.mark.parametrize("make", [lambda: characters(TEXT), Bytes, pairs])
def test_a_text_comes_back_as_it_was_from_its_tokens_and_from_a_copy_of_its_vocabulary(make) -> None:
    known = make()
    again = vocabulary(known.content())
    assert known.decode(known.encode(TEXT)) == TEXT == again.decode(again.encode(TEXT))
    assert again == known
    assert hash(again) == hash(known)
    assert known.size == again.size
    assert known.encode(TEXT).max() < known.end < known.pad == known.size


@pytest.mark.parametrize("make", [lambda: characters(TEXT), Bytes, pairs])
def test_bytes_are_counted_where_tokens_end_within_a_character_too(make) -> None:
    known = make()
    tokens = known.encode(TEXT)
    assert known.count_bytes([*tokens, known.end, known.pad]) == len(TEXT.encode())
    assert sum(known.count_bytes([token]) for token in tokens) == len(TEXT.encode())


def test_terminals_are_shown_nothing_that_commands_them() -> None:
    assert printable("a\x1b[2J\tb\n\x07é") == "a·[2J\tb\n·é"


def test_end_and_pad_are_two_tokens_that_stand_for_nothing() -> None:
    known = Vocabulary("abc")
    assert (known.end, known.pad, known.size) == (3, 4, 4)
    assert known.decode([0, 1, known.end, known.pad, 2]) == "abc"


def test_vocabularies_differ_by_what_their_tokens_stand_for() -> None:
    assert Vocabulary("abc") != Vocabulary("acb")
    assert Tokens(Vocabulary("abc"), 8) == Tokens(Vocabulary("abc"), 8) != Tokens(Vocabulary("abd"), 8)
    assert Tokens(Vocabulary("abc"), 8) != Tokens(Vocabulary("abc"), 9)
    assert repr(Tokens(Vocabulary("abc"), 8)) != repr(Tokens(Vocabulary("abd"), 8))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Vocabulary("aba"), "different characters"),
        (lambda: vocabulary({"kind": "characters", "alphabet": "a\ud800"}), "different characters"),  # no UTF-8 has it
        (lambda: Vocabulary("abc").encode("abd"), "has no 'd'"),
        (lambda: characters(""), "empty text"),
        (lambda: vocabulary({"kind": "words"}), "describes no vocabulary"),
        (lambda: vocabulary({"kind": "characters", "alphabet": 3}), "describes no vocabulary"),
    ],
)
def test_what_makes_no_vocabulary_is_refused(wrong, words) -> None:
    with pytest.raises(UsageError, match=words):
        wrong()


def test_texts_are_stored_as_whole_numbers_and_looked_at() -> None:
    space = Tokens(Vocabulary("abc"), 5)
    assert from_json(to_json(space)) == space
    layout = Layout(space)
    stored = layout.empty(2)
    layout.write(stored, np.array([[0, 1, 4, 4, 4], [2, 3, 4, 4, 4]]))
    assert stored.dtype == np.int32
    assert layout.outside(stored) is None
    assert space.lengths(stored).tolist() == [2, 2]
    stored[1, 0] = 5
    found = layout.outside(stored)
    assert found is not None
    assert found[0] == 1
    assert "5" in found[1]
