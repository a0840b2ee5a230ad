"""How many gradient steps an agent with a replay takes for the steps that it makes in its environments."""

from typing import Any

from ..errors import UsageError


class Pace:
    """`ratio` gradient steps for each environment step, of all copies together, after the first `starts` steps."""

    def __init__(self, ratio: float, starts: int) -> None:
        self.ratio, self.starts = ratio, starts
        self.steps, self.updates = 0, 0

    @property
    def waits(self) -> bool:
        """Whether learning has not started: until then actions are random."""
        return self.steps < self.starts

    def owed(self) -> int:
        """Gradient steps that bring their number to the ratio."""
        return int((self.steps - self.starts) * self.ratio + 1e-9) - self.updates

    def refuse_debt(self, most: float) -> None:
        """Raise UsageError if more than `most` gradient steps are owed, which only a damaged checkpoint leaves."""
        if self.owed() > most:
            raise UsageError(f"the checkpoint owes {self.owed():,} gradient steps: it is damaged")

    def state(self) -> dict[str, Any]:
        """Steps of both kinds."""
        return {"steps": self.steps, "updates": self.updates}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.steps, self.updates = int(state["steps"]), int(state["updates"])
