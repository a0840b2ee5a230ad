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
        if len(set(symbols)) < len(symbols) or any(len(symbol) != 1 for symbol in symbols):
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
        return f"{type(self).__name__}({self.symbols} symbols)"

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
    """Byte pairs (Sennrich et al. 2016, arXiv:1508.07909), as the package `tokenizers` reads and trains them.

    Args:
        model: JSON, as `tokenizers` writes it.

    Raises:
        UsageError: if the package is missing or the JSON is none of its models.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        try:
            self._tokenizer = _tokenizers().Tokenizer.from_str(model)
        except UsageError:
            raise
        except Exception as problem:
            raise UsageError(f"this is no tokenizer of the package tokenizers: {problem}") from problem
        self.symbols = self._tokenizer.get_vocab_size()
        if not 0 < self.symbols <= _MOST:
            raise UsageError(f"a tokenizer of {self.symbols} tokens; it must have 1 to {_MOST:,}")

    @classmethod
    def train(cls, text: str, symbols: int) -> "Pairs":
        """The vocabulary of so many `symbols` that writes `text` in few tokens.

        Raises:
            UsageError: if the package is missing, or there are fewer symbols than bytes.
        """
        if symbols < BYTES:
            raise UsageError(f"byte pairs begin with {BYTES} bytes; {symbols} symbols are too few")
        package = _tokenizers()
        tokenizer = package.Tokenizer(package.models.BPE())
        tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = package.decoders.ByteLevel()
        alphabet = package.pre_tokenizers.ByteLevel.alphabet()
        trainer = package.trainers.BpeTrainer(vocab_size=symbols, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator([text], trainer)
        return cls(tokenizer.to_str())

    def encode(self, text: str) -> NDArray[np.int32]:
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        return str(self._tokenizer.decode(_real(tokens, self.symbols).tolist(), skip_special_tokens=False))

    def count_bytes(self, tokens: ArrayLike) -> int:
        if not isinstance(self._tokenizer.decoder, _tokenizers().decoders.ByteLevel):
            return super().count_bytes(tokens)
        # its symbols are written with one character for each byte
        return sum(len(self._tokenizer.id_to_token(token)) for token in _real(tokens, self.symbols).tolist())

    def content(self) -> dict[str, Any]:
        return {"kind": "pairs", "model": self._model}


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
        case {"kind": "pairs", "model": str(model)}:
            return Pairs(model)
    raise UsageError(f"{content!r:.80} describes no vocabulary")


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
