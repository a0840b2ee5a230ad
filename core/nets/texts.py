"""The encoder of texts that are being written, and what it sees: whole texts at once, or one more token of each."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..spaces.tokens import Tokens
from .config import TextConfig
from .encoder import Encoder
from .transformer import Decoder, Kept


@dataclass
class Texts:
    """Beginnings of R texts, B of which are asked about: they index and count as B observations would.

    An observation is all of a text up to some token, so that the last one of an episode contains those before it: a
    pass through one text gives the features of all of its beginnings.
    """

    tokens: Tensor
    """(R, L) the longest of the beginnings that are asked about, with anything behind."""
    rows: Tensor
    """(B,) the last tokens of the beginnings, counted text after text from 0."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> "Texts":
        """The same texts, asked about fewer beginnings."""
        return Texts(self.tokens, self.rows[index])

    @property
    def count(self) -> int:
        """R."""
        return len(self.tokens)

    @property
    def length(self) -> int:
        """Beginnings that are asked about in a text, on average, rounded up."""
        return -(-len(self.rows) // max(1, len(self.tokens)))

    def pieces(self, which: Tensor) -> tuple["Texts", Tensor]:
        """The texts of these numbers alone; and which (B',) of the beginnings asked about are in them."""
        longest = self.tokens.shape[1]
        rank = torch.full((self.count,), -1, device=which.device)
        rank[which] = torch.arange(len(which), device=which.device)
        text, last = self.rows.div(longest, rounding_mode="floor"), self.rows % longest
        index = (rank[text] >= 0).nonzero()[:, 0]
        last = last[index]
        length = int(last.max()) + 1 if len(index) else 1  # no text need be longer than what is asked about
        return Texts(self.tokens[which][:, :length], rank[text[index]] * length + last), index


class Writing:
    """N texts that are written token by token, and what an encoder keeps of them so as to read each token once.

    A text that is a kept one and one token more costs one token; any other is read anew, and the same beginning once,
    however many rows have it. Rows of PAD alone have ended; they cost nothing, or as much as the others until half are.
    """

    def __init__(self) -> None:
        self._version = -1
        self._kept: Kept | None = None
        self._slot = torch.empty(0, dtype=torch.long)  # (N,) which of the kept texts a row's is, -1: none
        self._tokens = torch.empty(0, 0, dtype=torch.int32)  # (N, context) at the last step
        self._length = torch.empty(0, dtype=torch.long)

    def read(self, encoder: "TextEncoder", obs: Tensor, version: int) -> Tensor:
        """Features (N, width) of texts (N, context) by weights of this `version`; 0 of those that have ended."""
        if obs.shape != self._tokens.shape:
            self._begin(obs)
        length = encoder.lengths(obs)
        goes_on = self._goes_on(obs, length, version)
        begins = ((length > 0) & ~goes_on).nonzero()[:, 0]
        out = torch.zeros(len(obs), encoder.size, device=obs.device)
        if len(begins):
            self._make_room(encoder, obs, begins, goes_on)
        elif self._kept is not None and 2 * int(goes_on.sum()) <= self._kept.texts:
            self._forget_all_but(goes_on.nonzero()[:, 0])
        if goes_on.any():
            out[goes_on] = self._one_more(encoder, obs, length, goes_on.nonzero()[:, 0])
        if len(begins):
            out[begins] = self._anew(encoder, obs[begins], begins)
        self._version, self._tokens, self._length = version, obs.clone(), length
        return out

    def _begin(self, obs: Tensor) -> None:
        """Forget everything, for texts of the shape of these."""
        self._kept, self._tokens = None, torch.full_like(obs, -1)
        self._slot, self._length = torch.full((2, len(obs)), -1, device=obs.device)

    def _goes_on(self, obs: Tensor, length: Tensor, version: int) -> Tensor:
        """(N,) which texts are kept but for their last token."""
        if version != self._version:
            return torch.zeros_like(length, dtype=torch.bool)
        column = torch.arange(obs.shape[1], device=obs.device)
        same = ((obs == self._tokens) | (column >= self._length[:, None])).all(1)
        return same & (length == self._length + 1) & (self._slot >= 0)

    def _make_room(self, encoder: "TextEncoder", obs: Tensor, begins: Tensor, goes_on: Tensor) -> None:
        """Places for all rows, unless those that begin have theirs already."""
        if self._kept is not None and bool((self._slot[begins] >= 0).all()):
            return
        kept, rows = Kept(len(obs), obs.shape[1], encoder.cfg, obs.device), goes_on.nonzero()[:, 0]
        if self._kept is not None and len(rows):
            kept.take(rows, self._kept, self._slot[rows])
        self._kept, self._slot = kept, torch.arange(len(obs), device=obs.device)

    def _forget_all_but(self, rows: Tensor) -> None:
        """Keep the texts of these rows (M,) alone, so that those that have ended cost nothing."""
        assert self._kept is not None
        self._kept = self._kept.only(self._slot[rows])
        self._slot = torch.full_like(self._slot, -1)
        self._slot[rows] = torch.arange(len(rows), device=rows.device)

    def _one_more(self, encoder: "TextEncoder", obs: Tensor, length: Tensor, rows: Tensor) -> Tensor:
        """Features (M, width) of the texts of these rows (M,), of which one token is new."""
        assert self._kept is not None
        at = length[rows] - 1
        return encoder.decoder.next(encoder.known(obs[rows, at]), at, self._kept, self._slot[rows])

    def _anew(self, encoder: "TextEncoder", texts: Tensor, rows: Tensor) -> Tensor:
        """Features (M, width) of these texts (M, context) of these rows (M,), of which nothing is kept."""
        assert self._kept is not None
        once, which = torch.unique(texts, dim=0, return_inverse=True)
        last = encoder.lengths(once) - 1
        seen = encoder.known(once[:, : int(last.max()) + 1])
        features = encoder.decoder(seen, self._kept, (self._slot[rows], which))
        beginnings: Tensor = features[torch.arange(len(once), device=texts.device), last][which]
        return beginnings


@dataclass
class Written:
    """One step of N texts while they are written."""

    obs: Tensor
    """(N, context)"""
    writing: Writing
    version: int
    """Version of the weights; what was kept of older ones is read anew."""
    features: Tensor | None = None
    """(N, width) once they have been computed."""

    def __len__(self) -> int:
        return len(self.obs)


class TextEncoder(Encoder):
    """Features (B, `size`) of texts: what a transformer makes of their last tokens.

    The reference is one pass for each observation (B, context); `Texts` and `Written` give the same with less work.
    """

    def __init__(self, space: Tokens, cfg: TextConfig) -> None:
        super().__init__(space)
        self.cfg, self.pad = cfg, space.vocabulary.pad
        self.decoder = Decoder(space.vocabulary.size, space.context, cfg)
        self.size = cfg.width

    def forward(self, obs: Tensor | Texts | Written) -> Tensor:
        if isinstance(obs, Written):
            if obs.features is None:
                obs.features = obs.writing.read(self, obs.obs, obs.version)
            return obs.features
        if isinstance(obs, Texts):
            asked: Tensor = self.decoder(self.known(obs.tokens)).flatten(0, 1).index_select(0, obs.rows)
            return asked
        last = (self.lengths(obs) - 1).clamp(min=0)  # whatever the features of a text are that has ended
        seen = obs[:, : int(last.max()) + 1] if len(obs) else obs[:, :1]
        features: Tensor = self.decoder(self.known(seen))
        return features[torch.arange(len(obs), device=obs.device), last]

    def begin(self) -> None:
        """Initial weights."""
        self.decoder.begin()

    def mask(self, obs: Any) -> Tensor | None:
        return None

    def lengths(self, obs: Tensor) -> Tensor:
        """(B,) tokens of texts (B, L)."""
        return (obs != self.pad).sum(-1)

    def known(self, tokens: Tensor) -> Tensor:
        """Tokens as indices: PAD, which nothing depends on, as END."""
        return tokens.long().clamp(max=self.pad - 1)
