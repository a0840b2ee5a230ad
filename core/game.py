"""The rules of a game, under the name that a game of one's own imports: `gymnast.core.game`."""

from .games.game import DRAW, GOES_ON, LOSS, NONE, RESIGN, WIN, Game, Positions, States

__all__ = ["DRAW", "GOES_ON", "LOSS", "NONE", "RESIGN", "WIN", "Game", "Positions", "States"]
