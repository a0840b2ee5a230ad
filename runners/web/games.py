"""A game for two against a trained agent, with the mouse or the keys; what the agent thinks is a layer to be hidden."""

from threading import Lock
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...core.errors import UsageError
from ...core.games.game import GOES_ON
from ...envs.games import board
from ..screen.play import Table
from .serve import app, body

_SIDES = "XO"


class Session:
    """The one game that a page plays; its requests wait for one another."""

    def __init__(self, table: Table, about: str) -> None:
        self.table, self.about = table, about
        self._thought: dict[str, Any] | None = None
        self._lock = Lock()

    def routes(self) -> list[Route]:
        """Where the page asks, and what it tells."""
        told = {
            "move": self._move, "answer": self._answer, "hint": self._hint, "undo": self._undo,
            "new": self._new, "switch": self._switch, "strength": self._strength,
        }  # fmt: skip
        return [
            Route("/api/state", self._route(lambda _: None)),
            *(Route(f"/api/{name}", self._route(method), methods=["POST"]) for name, method in told.items()),
        ]

    def _route(self, method: Any) -> Any:
        async def answer(request: Request) -> Response:
            given = await body(request)

            def work() -> dict[str, Any]:
                with self._lock:
                    method(given)
                    return self.state()

            return JSONResponse(await run_in_threadpool(work))

        return answer

    def state(self) -> dict[str, Any]:
        """All that the page draws."""
        table, game = self.table, self.table.game
        _, rows, columns = game.shape
        cells = board.stones(game, table.states[-1][0])
        before = board.stones(game, table.states[-2][0]) if table.moves else None
        last = None if before is None else board.placed(before, cells)
        over = table.outcome != GOES_ON
        line = board.winning_line(cells, last, game.style) if over and table.outcome == 1 else []
        legal = [] if over else table.legal()
        return {
            "about": self.about,
            "style": game.style,
            "rows": rows,
            "columns": columns,
            "cells": cells.ravel().tolist(),
            "by_column": game.actions == columns,
            "legal": legal,
            "landing": {a: _index(board.landing(game, cells, a), columns) for a in legal},
            "names": [board.action_name(game, a) for a in range(game.actions)],
            "moves": [board.action_name(game, a) for a in table.moves],
            "last": _index(last, columns),
            "line": [_index(cell, columns) for cell in line],
            "to_move": table.to_move,
            "person": table.person,
            "over": over,
            "result": self._result() if over else None,
            "simulations": table.simulations,
            "thought": self._thought,
        }

    def _result(self) -> str:
        table = self.table
        if table.outcome == 0:
            return "A draw."
        winner = 1 - table.to_move if table.outcome == 1 else table.to_move
        return f"{_SIDES[winner]} wins: {'you do' if winner == table.person else 'the agent does'}."

    def _move(self, given: dict[str, Any]) -> None:
        action, table = given.get("action"), self.table
        if table.outcome != GOES_ON or table.to_move != table.person:
            raise UsageError("it is not your turn")
        if action not in table.legal():
            raise UsageError("that is no move here")
        table.move(action)
        self._thought = None

    def _answer(self, _: dict[str, Any]) -> None:
        if self.table.outcome == GOES_ON and self.table.to_move != self.table.person:
            action = self.table.think()
            self._thought = self._thoughts(action)
            self.table.move(action)

    def _hint(self, _: dict[str, Any]) -> None:
        if self.table.outcome == GOES_ON:
            self._thought = self._thoughts(self.table.think())

    def _undo(self, _: dict[str, Any]) -> None:
        self.table.undo()
        self._thought = None

    def _new(self, _: dict[str, Any]) -> None:
        self.table.new()
        self._thought = None

    def _switch(self, _: dict[str, Any]) -> None:
        self.table.person = 1 - self.table.person

    def _strength(self, given: dict[str, Any]) -> None:
        simulations = given.get("simulations")
        if not isinstance(simulations, int) or isinstance(simulations, bool):
            raise UsageError(f"simulations is {simulations!r}; it must be a whole number")
        self.table.set_strength(simulations)

    def _thoughts(self, action: int) -> dict[str, Any]:
        """The findings of the search that has just ended."""
        table = self.table
        search = table.search
        values = search.move_values(1)[0]
        return {
            "ply": len(table.moves),
            "side": _SIDES[table.to_move],
            "chosen": action,
            "share": np.round(search.policies(1)[0].astype(float), 4).tolist(),
            "visits": search.visits(1)[0].tolist(),
            "values": [None if np.isnan(value) else round(float(value), 3) for value in values],
            "win": round(50 * (1 + float(search.values(1)[0])), 1),
            "solved": int(search.tree.solved[0, 0]) if int(search.tree.solved[0, 0]) in (-1, 0, 1) else None,
            "line": [board.action_name(table.game, a) for a in search.principal_line()],
        }


def play(table: Table, about: str, host: str, token: str | None) -> Starlette:
    """The application that plays at a table."""
    return app("game.html", Session(table, about).routes(), host, token)


def _index(cell: tuple[int, int] | None, columns: int) -> int | None:
    return None if cell is None else cell[0] * columns + cell[1]
