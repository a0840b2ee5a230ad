"""Cards to be remembered: say the suit of the first card of a deck, or of the card that came k - 1 cards ago.

`RepeatFirst` and `RepeatPrevious` of POPGym (Morad et al. 2023, arXiv:2303.01859), whose easy versions are those of the
default arguments. A shuffled deck is dealt card by card and only suits are seen: spades (0), diamonds (1), clubs (2) or
hearts (3), which are also the answers. Each right answer earns 1 / n and each wrong one costs 1 / n, where n are all
that count: to know is worth 1, and to guess -1/2. The last card ends the episode: there nothing is left to be asked.

State: cards dealt, how many of each suit are left, whether the last answer was right (1), wrong (-1) or did not count
(0), and the cards that are kept. The suits that are left stand for the order of the deck, for which the draws are made
one by one.
"""

from functools import partial

import numpy as np
from gymnasium import spaces
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...core.errors import UsageError
from .kernel import Kernel, Painter, Row
from .pcg64 import Rng, integer

SUITS, RANKS = 4, 13
DEALT, LEFT, TOLD, KEPT = 0, 1, 1 + SUITS, 2 + SUITS  # places in the state

WIDTH, HEIGHT, CARD = 320, 240, (100, 140)  # pixels
CLOTH, PAPER, INK = (46, 92, 74), (250, 250, 246), (230, 234, 228)
COLORS = ((44, 48, 56), (204, 62, 52), (44, 48, 56), (204, 62, 52))
FRAMES = {0: PAPER, 1: (129, 199, 132), -1: (236, 112, 84)}


def first(decks: int = 1) -> Kernel:
    """Every answer is asked for the first card."""
    return _kernel("gymnast/RepeatFirst", _cards("gymnast/RepeatFirst", decks), 0)


def previous(k: int = 4, decks: int = 1) -> Kernel:
    """Answers are asked for the k-th last card, the one in view being the first; they count once k cards were seen."""
    cards = _cards("gymnast/RepeatPrevious", decks)
    if not 1 <= k < cards:
        raise UsageError(f"gymnast/RepeatPrevious-v0: k is {k}; it must be between 1 and {cards - 1}")
    return _kernel("gymnast/RepeatPrevious", cards, k)


def _cards(name: str, decks: int) -> int:
    if not 1 <= decks <= 1000:
        raise UsageError(f"{name}-v0: decks is {decks}; it must be between 1 and 1000")
    return SUITS * RANKS * decks


def _kernel(name: str, cards: int, k: int) -> Kernel:
    """`k` = 0 asks for the first card."""
    kept = k or 2
    return Kernel(
        name=name,
        reset=reset,
        step=step,
        observe=observe,
        params=np.array([cards, k], np.float64),
        state_size=KEPT + kept,
        observation_space=spaces.Discrete(SUITS),
        action_space=spaces.Discrete(SUITS),
        painter=partial(_painter, cards, k),
        bounds=(
            np.array([1] + [0] * SUITS + [-1] + [0] * kept, np.float64),
            np.array([cards] + [cards // SUITS] * SUITS + [1] + [SUITS - 1] * kept, np.float64),
        ),
    )


@njit(nogil=True)
def reset(state: Row, params: Row, rng: Rng) -> None:
    """A new deck, and its first card."""
    state[:] = 0.0
    state[LEFT : LEFT + SUITS] = params[0] / SUITS
    _deal(state, params, rng)


@njit(nogil=True)
def step(state: Row, params: Row, action: int, rng: Rng) -> tuple[float, bool]:
    """Judges the answer and deals the next card."""
    cards, k = params[0], params[1]
    state[TOLD] = 0.0
    if state[DEALT] >= k:
        state[TOLD] = 1.0 if action == state[KEPT + _wanted(state, params)] else -1.0
    _deal(state, params, rng)
    return state[TOLD] / (cards - max(k, 1.0)), state[DEALT] >= cards


@njit(nogil=True)
def observe(state: Row, params: Row, obs: NDArray) -> None:
    """The suit of the card in view."""
    obs[0] = int(state[KEPT + _place(int(state[DEALT]) - 1, params)])


@njit(nogil=True)
def _deal(state: Row, params: Row, rng: Rng) -> None:
    """One of the cards that are left, all with the same probability."""
    dealt = int(state[DEALT])
    left = int(params[0]) - dealt
    card = float(integer(rng, left)) if left > 1 else 0.0
    suit = 0
    while suit < SUITS - 1 and card >= state[LEFT + suit]:
        card -= state[LEFT + suit]
        suit += 1
    state[LEFT + suit] -= 1.0
    state[KEPT + _place(dealt, params)] = suit
    state[DEALT] += 1.0


@njit(nogil=True)
def _place(number: int, params: Row) -> int:
    """Where a card is kept, by its number from 0: the last k in a ring; or else the first, and beside it the last."""
    k = int(params[1])
    return number % k if k > 0 else min(number, 1)


@njit(nogil=True)
def _wanted(state: Row, params: Row) -> int:
    """Where the card is kept that the answer should name: in a ring the one that the next will replace."""
    return _place(int(state[DEALT]), params) if params[1] > 0.0 else 0


def _painter(cards: int, k: int) -> Painter:
    return partial(_paint, cards, k)


def _paint(cards: int, k: int, state: Row) -> NDArray[np.uint8]:
    """The card in view and, smaller, the one that is asked for; at twice the size, and halved."""
    picture = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), CLOTH)
    draw = ImageDraw.Draw(picture)
    dealt, params = int(state[DEALT]), np.array([cards, k], np.float64)
    seen = int(state[KEPT + _place.py_func(dealt - 1, params)])
    _card(draw, (230, 230), 2.0, seen, FRAMES[int(state[TOLD])])
    if dealt >= k:
        _card(draw, (480, 290), 1.0, int(state[KEPT + _wanted.py_func(state, params)]), PAPER)
        draw.text((480, 190), "wanted", fill=INK, anchor="mm", font_size=30)
    draw.text((230, 430), f"card {dealt} of {cards}", fill=INK, anchor="mm", font_size=30)
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def _card(draw: ImageDraw.ImageDraw, at: tuple[int, int], scale: float, suit: int, frame: tuple[int, ...]) -> None:
    """A card with its sign, round the place `at`."""
    x, y = at
    wide, high = scale * CARD[0] / 2, scale * CARD[1] / 2
    box = (x - wide, y - high, x + wide, y + high)
    draw.rounded_rectangle(box, 8 * scale, fill=PAPER, outline=frame, width=int(8 * scale))
    for shape, *numbers in SIGNS[suit]:
        points = [(x + 30 * scale * u, y + 30 * scale * v) for u, v in zip(numbers[::2], numbers[1::2], strict=True)]
        if shape == "disc":
            draw.circle(points[0], 15 * scale, fill=COLORS[suit])
        else:
            draw.polygon(points, fill=COLORS[suit])


STEM = ("area", 0.0, -0.4, -0.3, 1.0, 0.3, 1.0)
SIGNS = (
    (("area", 0.0, -1.0, -0.93, 0.25, 0.93, 0.25), ("disc", -0.46, 0.3), ("disc", 0.46, 0.3), STEM),
    (("area", 0.0, -1.0, 0.75, 0.0, 0.0, 1.0, -0.75, 0.0),),
    (("disc", 0.0, -0.5), ("disc", -0.5, 0.2), ("disc", 0.5, 0.2), STEM),
    (("area", 0.0, 1.0, -0.93, -0.25, 0.93, -0.25), ("disc", -0.46, -0.3), ("disc", 0.46, -0.3)),
)
"""Spade, diamond, club, heart: discs and areas, in units of 30 pixels from the middle of a card."""
