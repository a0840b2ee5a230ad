"""Games for two: rules on one page each, and the ids under which they are environments.

Importing this package registers the ids with Gymnasium and loads nothing heavy.
"""

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import gymnasium

from ...core.errors import UsageError, nearest

if TYPE_CHECKING:
    from ...core.games.game import Game

NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "tictactoe": ("tictactoe", {}),
    "connect4": ("connect4", {}),
    "othello6": ("othello", {"size": 6}),
    "othello8": ("othello", {"size": 8}),
    **{f"gomoku{size}": ("gomoku", {"size": size}) for size in range(5, 20)},
}
"""The module of each id, and the arguments of its `game`."""


def load(id: str, **kwargs: Any) -> "Game":
    """The game of one id; `kwargs` replace arguments of its module's `game`.

    Raises:
        UsageError: for an unknown id or argument.
    """
    if id not in NAMES:
        raise UsageError(f"no game {id!r}.{nearest(id, NAMES)} Known: {', '.join(NAMES)}")
    module, defaults = NAMES[id]
    build = importlib.import_module(f".{module}", __name__).game
    known = inspect.signature(build).parameters
    for name in kwargs.keys() - known.keys():
        raise UsageError(f"{id}: unknown argument {name!r}.{nearest(name, known)} Known: {', '.join(known) or 'none'}")
    return build(**{**defaults, **kwargs})


for _id in NAMES:
    if _id not in gymnasium.registry:
        gymnasium.register(
            id=_id,
            entry_point=f"{__name__}.single:GameEnv",
            vector_entry_point=f"{__name__}.single:game_vector_env",
            kwargs={"env_id": _id},
        )
