"""What an agent observes and how it acts: the two spaces that a network is made for, as a checkpoint keeps them."""

from typing import Any, NamedTuple

from gymnasium import spaces
from gymnasium.vector import VectorEnv

from ..errors import UsageError
from .as_json import from_json, to_json


class Spaces(NamedTuple):
    """The spaces of a single environment."""

    observation: spaces.Space[Any]
    action: spaces.Space[Any]

    @classmethod
    def of(cls, env: VectorEnv) -> "Spaces":
        """Those of each environment of `env`."""
        return cls(env.single_observation_space, env.single_action_space)

    @classmethod
    def read(cls, content: dict[str, Any]) -> "Spaces":
        """Those that `written` wrote."""
        return cls(from_json(content["observation"]), from_json(content["action"]))

    def written(self) -> dict[str, Any] | None:
        """JSON for `read`; None for a Dict whose keys are neither texts nor whole numbers."""
        try:
            return {"observation": to_json(self.observation), "action": to_json(self.action)}
        except UsageError:
            return None

    @property
    def width(self) -> int:
        """Numbers that a network takes in and gives out: one for each value of what counts."""
        return spaces.flatdim(self.observation) + spaces.flatdim(self.action)

    def change(self, now: "Spaces") -> str | None:
        """What an agent for these spaces finds to be different in the spaces `now`, in words; None if nothing.

        Bounds and precision of what is observed matter to no network.
        """
        for what, then, new in zip(("observations", "actions"), self, now, strict=True):
            before, after = to_json(then), to_json(new)
            if _essence(before) != _essence(after) if what == "observations" else before != after:
                return " ".join(f"its {what} were {then} and are {new}".split())
        return None


def _essence(content: dict[str, Any]) -> Any:
    """What of an observation space's JSON a network depends on."""
    if content["kind"] == "Box":
        return content["kind"], content["shape"], content["dtype"] == "uint8"
    if content["kind"] == "Dict":
        return [(key, _essence(part)) for key, part in content["spaces"]]
    if content["kind"] == "Tuple":
        return [_essence(part) for part in content["spaces"]]
    return content
