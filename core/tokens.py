"""Texts as numbers: vocabularies of characters, of bytes, or of byte pairs."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UsageError

BYTES = 256
_MOST = 1 << 20  # tokens
_LONGEST = 128  # bytes of a token: a file of some pairs must not take all memory


class Vocabulary:
    """Symbols by number, 0 to `symbols` - 1, and two more: END, which a writer chooses, and PAD, which is none.

    The actions of whoever writes are the `size` = `symbols` + 1 tokens: PAD, which fills up rows behind a text, is not
    among them, so nobody can choose it, and a text that has ended never looks like one that goes on.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        """`symbols` are different characters.

        Raises:
            UsageError: if they are not.
        """
        if len(set(symbols)) < len(symbols) or not all(len(x) == 1 and not "\ud800" <= x <= "\udfff" for x in symbols):
            raise UsageError(f"the symbols of a vocabulary must be different characters, not {symbols!r:.60}")
        self._alphabet = "".join(symbols)
        self.symbols = len(symbols)

    @property
    def end(self) -> int:
        """END: the text is complete."""
        return self.symbols

    @property
    def pad(self) -> int:
        """PAD: there is no text any more."""
        return self.symbols + 1

    @property
    def size(self) -> int:
        """Tokens that can be written: the symbols and END."""
        return self.symbols + 1

    def encode(self, text: str) -> NDArray[np.int32]:
        """The tokens (L,) of a text, without END.

        Raises:
            UsageError: if it has something that the vocabulary lacks.
        """
        try:
            return np.fromiter((self._index[symbol] for symbol in text), np.int32, len(text))
        except KeyError as missing:
            raise UsageError(f"the vocabulary has no {missing.args[0]!r}; it has {self._alphabet!r:.80}") from None

    def decode(self, tokens: ArrayLike) -> str:
        """The text of tokens (L,): END and PAD stand for nothing."""
        return "".join(self._alphabet[token] for token in _real(tokens, self.symbols))

    def count_bytes(self, tokens: ArrayLike) -> int:
        """Bytes of UTF-8 that tokens (L,) stand for, also where they begin or end within a character."""
        return len(self.decode(tokens).encode())

    def content(self) -> dict[str, Any]:
        """JSON from which `vocabulary` makes an equal one."""
        return {"kind": "characters", "alphabet": self._alphabet}

    @cached_property
    def digest(self) -> str:
        """A few letters that two vocabularies have in common only if they are the same."""
        return hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.symbols} symbols, {self.digest[:6]})"

    @cached_property
    def _index(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self._alphabet)}


class Bytes(Vocabulary):
    """UTF-8, byte by byte: it lacks nothing."""

    def __init__(self) -> None:
        self.symbols = BYTES

    def encode(self, text: str) -> NDArray[np.int32]:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """The text of tokens (L,); what is no UTF-8 is shown as a replacement character."""
        return bytes(_real(tokens, BYTES).tolist()).decode(errors="replace")

    def count_bytes(self, tokens: ArrayLike) -> int:
        return len(_real(tokens, BYTES))

    def content(self) -> dict[str, Any]:
        return {"kind": "bytes"}


class Pairs(Vocabulary):
    """Byte pairs (Sennrich et al. 2016, arXiv:1508.07909): tokens 0 to 255 are bytes, any other is two put together.

    Args:
        merges: pairs of tokens in the order in which writing puts them together. A pair that spells a token which is
            there already makes no new one.

    Raises:
        UsageError: if a pair is not of two tokens that there are before it.
    """

    def __init__(self, merges: Sequence[Sequence[int]]) -> None:
        self._merges = merges
        known = {bytes([byte]): byte for byte in range(BYTES)}
        self._spelled = list(known)  # what each token stands for
        for pair in merges:
            match pair:
                case [int(a), int(b)] if min(a, b) >= 0 and max(a, b) < len(self._spelled):
                    word = self._spelled[a] + self._spelled[b]
                case _:
                    raise UsageError(f"{pair!r:.80} is no pair of two of {len(self._spelled)} tokens")
            if len(word) > _LONGEST:
                raise UsageError(f"a token of {len(word)} bytes; the longest may have {_LONGEST}")
            if known.setdefault(word, len(self._spelled)) == len(self._spelled):
                self._spelled.append(word)
        self.symbols = len(self._spelled)

    @classmethod
    def train(cls, text: str, symbols: int) -> "Pairs":
        """The vocabulary of so many `symbols` that writes `text` in few tokens.

        Raises:
            UsageError: if the package tokenizers is missing, or there are fewer symbols than bytes.
        """
        if symbols < BYTES:
            raise UsageError(f"byte pairs begin with {BYTES} bytes; {symbols} symbols are too few")
        package = _tokenizers()
        tokenizer = _by_words(package.models.BPE())
        trainer = package.trainers.BpeTrainer(
            vocab_size=symbols, initial_alphabet=list(_LETTERS), max_token_length=_LONGEST, show_progress=False
        )
        tokenizer.train_from_iterator([text], trainer)
        index, merges = {letter: byte for byte, letter in enumerate(_LETTERS)}, []
        for a, b in json.loads(tokenizer.to_str())["model"]["merges"]:
            merges.append((index[a], index[b]))
            index.setdefault(a + b, len(index))
        return cls(merges)

    def encode(self, text: str) -> NDArray[np.int32]:
        """The tokens (L,) of a text, without END.

        Raises:
            UsageError: if the package tokenizers is missing.
        """
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """The text of tokens (L,); what is no UTF-8 is shown as a replacement character."""
        return b"".join(self._of(tokens)).decode(errors="replace")

    def count_bytes(self, tokens: ArrayLike) -> int:
        return sum(map(len, self._of(tokens)))

    def content(self) -> dict[str, Any]:
        return {"kind": "pairs", "merges": [list(pair) for pair in self._merges]}

    def _of(self, tokens: ArrayLike) -> list[bytes]:
        return [self._spelled[token] for token in _real(tokens, self.symbols)]

    @cached_property
    def _tokenizer(self) -> Any:
        """The package's tokenizer of this vocabulary, made of nothing but checked pairs: it can crash on others."""
        words = ["".join(_LETTERS[byte] for byte in word) for word in self._spelled]
        merges = [(words[a], words[b]) for a, b in self._merges]
        return _by_words(_tokenizers().models.BPE({word: token for token, word in enumerate(words)}, merges))


def characters(text: str) -> Vocabulary:
    """The vocabulary of the characters that occur in a text, in the order of their code points.

    Raises:
        UsageError: if there are none.
    """
    if not text:
        raise UsageError("an empty text has no characters to make a vocabulary of")
    return Vocabulary(sorted(set(text)))


def vocabulary(content: Any) -> Vocabulary:
    """The vocabulary that `Vocabulary.content` described.

    Raises:
        UsageError: if it describes none.
    """
    match content:
        case {"kind": "characters", "alphabet": str(alphabet)} if 0 < len(alphabet) <= _MOST:
            return Vocabulary(alphabet)
        case {"kind": "bytes"}:
            return Bytes()
        case {"kind": "pairs", "merges": list(merges)} if len(merges) <= _MOST:
            return Pairs(merges)
    raise UsageError(f"{content!r:.80} describes no vocabulary")


def printable(text: str) -> str:
    """A text as a terminal may be shown it: without the signs that command one, whoever wrote them."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "·" for sign in text)


def _real(tokens: ArrayLike, symbols: int) -> NDArray[np.int64]:
    """Those of tokens (L,) that stand for a symbol."""
    ids = np.asarray(tokens, np.int64).ravel()
    return ids[(ids >= 0) & (ids < symbols)]


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as missing:
        raise UsageError("byte pairs need the package tokenizers: pip install 'gymnast[language]'") from missing
    return tokenizers


def _by_words(model: Any) -> Any:
    """A tokenizer of bytes that cuts a text into words first, as that of GPT-2 does."""
    package = _tokenizers()
    tokenizer = package.Tokenizer(model)
    tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _letters() -> str:
    """The letter with which the package tokenizers writes each byte: itself if that can be seen (GPT-2)."""
    seen = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(BYTES, 2 * BYTES))
    return "".join(chr(byte if byte in seen else next(others)) for byte in range(BYTES))


_LETTERS = _letters()
