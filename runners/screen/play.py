"""A person against a trained agent, in the terminal."""

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from ...agents import champion
from ...core.errors import UsageError
from ...core.games.champion import Champion
from ...core.games.game import GOES_ON, States, game_of
from ...core.games.search import Search
from ...envs.games import board
from ..runs import run as runs
from ..runs.load import eval_env, trained

_LEAVES = 8  # per call of the network, of the one tree
_MOST = 100_000  # simulations that can be asked for
_SHOWN = 5  # moves in the agent's analysis

HELP = """\
  a move     {moves}
  undo       take back your last move and the answer to it
  switch     change sides: the agent moves for you
  hint       what the agent thinks of the position, without moving
  sims N     strength: simulations of the agent per move (now {simulations})
  new        a new game          quit       leave"""


def play(folder: Path, simulations: int, second: bool, which: str, trust: bool = False) -> None:
    """Play games against the run in `folder` until the person leaves.

    Raises:
        UsageError: if the run is of no game for two, or `simulations` is out of range.
    """
    table, about = opened(folder, simulations, second, which, trust)
    print(f"{about}. You are {'O' if second else 'X'}. Type help for help.\n")
    table.loop(_read)


def opened(folder: Path, simulations: int, second: bool, which: str, trust: bool) -> tuple["Table", str]:
    """A table with the agent of a run, and what it is."""
    run = runs.load(folder / "run.json", trust)
    with closing(eval_env(run, 1)) as env:
        if game_of(env.single_observation_space) is None:
            raise UsageError(f"{run.env} is no game for two; watch the agent: gymnast play {folder} --browser")
        agent, steps = trained(run, folder, env, which)
    return Table(champion(agent), simulations, second), f"{run.algo} on {run.env} after {steps:,} steps"


def _read(prompt: str) -> str | None:
    """A line that was typed, or None at the end of the input."""
    try:
        return input(prompt)
    except EOFError:
        print()
        return None


class Table:
    """One game after another between a person and an agent; X moves first."""

    def __init__(self, champion: Champion, simulations: int, second: bool) -> None:
        self.champion, self.game = champion, champion.game
        self.person = int(second)  # 0 plays X
        self.set_strength(simulations)
        self.new()

    def new(self) -> None:
        """Begin a game."""
        self.states: list[States] = [self.game.begin(1)]
        self.moves: list[int] = []
        self.outcome = GOES_ON

    def set_strength(self, simulations: int) -> None:
        """How many simulations the agent has per move."""
        if not 0 <= simulations <= _MOST:
            raise UsageError(f"simulations is {simulations}; it must be between 0 and {_MOST:,}")
        self.simulations = simulations
        self.search: Search = self.champion.searcher(1, max(simulations, 1), _LEAVES, reuse=True)

    @property
    def to_move(self) -> int:
        """0 for X, 1 for O."""
        return len(self.moves) % 2

    def loop(self, read: Callable[[str], str | None]) -> None:
        """Take turns until `read` gives "quit" or None."""
        self._show()
        while True:
            if self.outcome == GOES_ON and self.to_move != self.person:
                self._answer()
                continue
            typed = read("XO"[self.person] + "> " if self.outcome == GOES_ON else "new, undo or quit> ")
            if typed is None or typed.strip().lower() in ("quit", "q", "exit"):
                return
            self._obey(typed.strip().lower())

    def move(self, action: int) -> None:
        """Make a legal move."""
        state = self.states[-1].copy()
        self.outcome = int(self.game.advance(state, np.array([action]))[0][0])
        self.states.append(state)
        self.moves.append(action)

    def undo(self) -> bool:
        """Back to the person's last turn; False if there was none."""
        turns = [t for t in range(len(self.moves)) if t % 2 == self.person]
        if not turns:
            return False
        del self.moves[turns[-1] :], self.states[turns[-1] + 1 :]
        self.outcome = GOES_ON
        return True

    def legal(self) -> list[int]:
        """The moves that there are."""
        return [int(a) for a in np.flatnonzero(self.game.actions_of(self.states[-1])[0])]

    def think(self) -> int:
        """Search the position; the move to make."""
        self.search.run(self.states[-1], np.array([self.simulations]))
        return int(self.search.choose(self.search.policies(1), np.zeros(1, np.float32))[0])

    def analysis(self) -> str:
        """Findings of the search: win estimate, visits and values of the best moves, and the line it expects."""
        visits, values, policy = self.search.visits(1)[0], self.search.move_values(1)[0], self.search.policies(1)[0]
        line = " ".join(board.action_name(self.game, a) for a in self.search.principal_line())
        text = [f"  {self._estimate()}; expects {line or board.action_name(self.game, int(policy.argmax()))}"]
        for a in np.argsort(-policy - 1e-9 * visits, kind="stable")[:_SHOWN]:
            if visits[a] or policy[a] > 0:
                worth = "   -  " if np.isnan(values[a]) else f"{values[a]:+.2f}"
                text.append(
                    f"    {board.action_name(self.game, int(a)):>5} {visits[a]:7,} visits {policy[a]:6.1%}  {worth}"
                )
        return "\n".join(text)

    def _estimate(self) -> str:
        """How the side to move stands."""
        value, side = float(self.search.values(1)[0]), "XO"[self.to_move]
        solved = int(self.search.tree.solved[0, 0])
        proven = {1: f"{side} wins, proven", 0: "a draw, proven", -1: f"{side} loses, proven"}
        return proven.get(solved, f"{side} expects {50 * (1 + value):.0f} % of the points")

    def _answer(self) -> None:
        action = self.think()
        said = self.analysis()
        self.move(action)
        print(f"the agent plays {board.action_name(self.game, action)}\n{said}\n")
        self._show()

    def _obey(self, typed: str) -> None:
        match typed.split():
            case ["help"]:
                print(HELP.format(moves=self._moves_named(), simulations=f"{self.simulations:,}"))
            case ["undo"]:
                if self.undo():
                    self._show()
                else:
                    print("there is nothing to take back")
            case ["new"]:
                self.new()
                self._show()
            case ["switch"]:
                self.person = 1 - self.person
            case ["hint"] if self.outcome == GOES_ON:
                self.think()
                print(self.analysis())
            case ["sims", count] if count.isdecimal() and int(count) <= _MOST:
                self.set_strength(int(count))
                print(f"{self.simulations:,} simulations per move")
            case _:
                self._try(typed)

    def _try(self, typed: str) -> None:
        """Make the move typed, or say what can be."""
        action = board.parse_action(self.game, typed)
        if self.outcome != GOES_ON:
            print("the game is over: new, undo or quit")
        elif action in self.legal():
            self.move(action)
            self._show()
        else:
            print(f"{typed!r} is no move here. Moves: {self._moves_named()}. Or: help")

    def _moves_named(self) -> str:
        return " ".join(board.action_name(self.game, a) for a in self.legal())

    def _show(self) -> None:
        print(board.text(self.game, self.states[-1][0]))
        if self.outcome != GOES_ON:
            last = 1 - self.to_move
            winner = last if self.outcome == 1 else self.to_move
            who = "you win" if winner == self.person else "the agent wins"
            print("a draw" if self.outcome == 0 else f"{'XO'[winner]} wins: {who}")
        sys.stdout.flush()
