"""Byte pairs, which a file of anybody's may bring along."""

import sys

import numpy as np
import pytest

from gymnast.core.errors import UsageError
from gymnast.core.tokens import BYTES, Pairs, vocabulary

TEXT = "to be, or not to be: naïve 名前\n" * 20


def test_they_write_a_text_in_fewer_tokens_than_it_has_bytes():
    pytest.importorskip("tokenizers")
    tokens = Pairs.train(TEXT, 270).encode(TEXT)
    assert len(tokens) < len(TEXT.encode())
    assert tokens.max() >= BYTES


def test_they_cut_a_text_as_the_package_does_that_found_them():
    package = pytest.importorskip("tokenizers")
    theirs = package.Tokenizer(package.models.BPE())
    theirs.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = package.pre_tokenizers.ByteLevel.alphabet()
    trainer = package.trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    theirs.train_from_iterator([TEXT], trainer)
    theirs.decoder = package.decoders.ByteLevel()
    known, other = Pairs.train(TEXT, 290), TEXT.replace("be", "bee or")
    ours = [known.count_bytes([token]) for token in known.encode(other)]
    assert ours == [len(part) for part in theirs.encode(other).tokens]  # one letter for each byte


def test_tokens_are_bytes_and_what_is_put_together_of_two():
    known = Pairs([(ord("a"), ord("b")), (BYTES, ord("c")), (ord("b"), ord("c")), (ord("a"), BYTES + 2)])
    assert known.symbols == BYTES + 3  # the fourth pair spells what the second does
    assert [known.decode([token]) for token in (97, BYTES, BYTES + 1, BYTES + 2)] == ["a", "ab", "abc", "bc"]
    assert known.decode([0xC3, 0xBC, known.end]) == "ü"
    assert known.count_bytes([0xC3, BYTES + 1, known.pad]) == 4


def test_they_are_read_without_the_package_that_writes(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    known = vocabulary({"kind": "pairs", "merges": [[97, 98]]})
    assert known.decode([BYTES]) == "ab"
    for needs in (lambda: known.encode("ab"), lambda: Pairs.train(TEXT, 300)):
        with pytest.raises(UsageError, match="pip install"):
            needs()


@pytest.mark.parametrize(
    ("merges", "words"),
    [
        ([[97, BYTES]], "no pair of two of 256"),
        ([[97, 98], [BYTES + 1, 97]], "no pair of two of 257"),
        ([[97, -1]], "no pair"),
        ([[97]], "no pair"),
        ([[97, 98, 99]], "no pair"),
        ([[97.0, 98]], "no pair"),
        ([["a", "b"]], "no pair"),
        ([3], "no pair"),
        ([None], "no pair"),
        ([[97, 97], *([BYTES + k, BYTES + k] for k in range(60))], "256 bytes"),  # 2^60 in the end
        ("ab", "describes no vocabulary"),
        ({"a": 1}, "describes no vocabulary"),
    ],
)
def test_crafted_ones_are_refused(merges, words):
    with pytest.raises(UsageError, match=words):
        vocabulary({"kind": "pairs", "merges": merges})


def test_a_model_of_the_package_is_refused_however_it_was_written():
    """One with a normaliser, or with a prefix for words that go on, ends the process from inside the package."""
    with pytest.raises(UsageError, match="describes no vocabulary"):
        vocabulary({"kind": "pairs", "model": "{}"})


def test_any_that_are_read_write_what_they_read():
    pytest.importorskip("tokenizers")
    random = np.random.default_rng(0)
    for _ in range(200):
        merges = [random.integers(0, BYTES + k + 1, 2).tolist() for k in range(random.integers(30))]
        try:
            known = vocabulary({"kind": "pairs", "merges": merges})
        except UsageError:
            continue
        text = "".join(map(chr, random.integers(0, 600, 40)))
        assert known.decode(known.encode(text)) == text
