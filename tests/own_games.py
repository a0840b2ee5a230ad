"""A game of one's own, as a user writes it: plain Python, one file."""

from gymnast.core.games.game import GOES_ON, WIN, Game

STONES = 7


def start(state, params):
    state[:] = STONES, 0


def play(state, params, action):
    state[0] -= action + 1
    state[1] += 1
    return WIN if state[0] == 0 else GOES_ON


def legal(state, params, out):
    for action in range(2):
        out[action] = state[0] > action


def observe(state, params, planes):
    planes[0, 0, :] = [k < state[0] for k in range(STONES)]
    planes[1, 0, :] = 0


COUNTDOWN = Game(
    name="countdown",
    start=start,
    play=play,
    legal=legal,
    observe=observe,
    state_size=2,
    actions=2,
    shape=(2, 1, STONES),
    max_plies=STONES,
)
"""Take one or two of seven stones; who takes the last one wins. A position of 3, 6, ... stones is lost."""
