"""Environments such as a user has in a module of their own: ordinary ones, and each kind of broken one."""

import sys
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Corridor(gym.Env):
    """Go right to the end. The reward is 1 for each step to the right, so the best return is `size`."""

    metadata = {"render_modes": []}
    first_failure = 10_000_000  # steps of one copy before it does what the subclass is for

    def __init__(self, size: int = 5, render_mode: str | None = None) -> None:
        self.size, self.render_mode = size, render_mode
        self.observation_space: spaces.Space = spaces.Box(0, size, (1,), np.float32)
        self.action_space: spaces.Space = spaces.Discrete(2)
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = self.time = 0
        return self.observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.time += 1
        self.place = max(0, self.place + (1 if action else -1))
        return self.observed(), self.reward(action), self.place == self.size, self.time == 30, {}

    def observed(self) -> Any:
        return np.array([self.place], np.float32)

    def reward(self, action: Any) -> float:
        return float(action)


class Offset(Corridor):
    """Counts its places from ten million on, in float64."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.observation_space = spaces.Box(0, np.inf, (1,), np.float64)

    def observed(self) -> Any:
        return np.array([1e7 + self.place + 0.25])


class Raises(Corridor):
    def reward(self, action: Any) -> float:
        if self.steps > 150:
            raise RuntimeError("the motor\nburned out")
        return 1.0


class Leaves(Corridor):
    def reward(self, action: Any) -> float:
        sys.exit(0)


class Script(Corridor):
    """Was a script once, whose last line is still there."""

    def close(self) -> None:
        sys.exit(3)


class BrokenScript(Script, Raises):
    """Raises, and then ends as if nothing were."""

    def close(self) -> None:
        sys.exit(0)


class NanReward(Corridor):
    def reward(self, action: Any) -> float:
        return float("nan") if self.steps > 150 else 1.0


class NanObservation(Corridor):
    def observed(self) -> Any:
        return super().observed() * np.float32(np.nan if self.steps > 150 else 1)


class Endless(Corridor):
    """Its rewards are so large that squared value errors overflow."""

    def reward(self, action: Any) -> float:
        return 1e30


class Huge(Corridor):
    """Its rewards are finite, though not in float32."""

    def reward(self, action: Any) -> float:
        return 1e300


class Rewards(Corridor):
    """Gives two rewards for each step."""

    def reward(self, action: Any) -> Any:
        return np.array([1.0, 2.0])


class Worded(Corridor):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Text(5)


class Commanded(Corridor):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Dict(gas=spaces.Discrete(2))


class Unmade(Corridor):
    def __init__(self) -> None:
        raise ValueError("no map file")


class Structured(Corridor):
    """Observes a Dict."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Dict(place=spaces.Box(0, 5, (1,), np.float32), side=spaces.Discrete(2))

    def observed(self) -> Any:
        return {"place": super().observed(), "side": self.place % 2}


class Masked(Corridor):
    """From the fourth step on its mask allows nothing."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        *given, _ = super().step(action)
        return *given, {"action_mask": np.full(2, self.steps < 4, np.int8)}  # type: ignore[return-value]


class Unending(Corridor):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, *_, info = super().step(action)
        self.place %= self.size
        return obs, reward, False, False, info


class Alone(Corridor):
    """There can be one at a time, such as of a program with one window."""

    there = 0

    def __init__(self) -> None:
        if Alone.there:
            raise RuntimeError("the port is taken")
        super().__init__()
        Alone.there = 1

    def close(self) -> None:
        Alone.there = 0


class Misshapen(Corridor):
    def observed(self) -> Any:
        return np.zeros(2 if self.steps > 150 else 1, np.float32)


class Outside(Corridor):
    def observed(self) -> Any:
        return np.full(1, 9 if self.steps > 150 else 0, np.float32)


class Numbered(Corridor):
    """Counts beyond its space."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Discrete(5)

    def observed(self) -> Any:
        return 5 if self.steps > 150 else 4


class NumberedReset(Numbered):
    """Begins later episodes beyond its space."""

    def observed(self) -> Any:
        return 5 if self.time == 0 and self.steps > 20 else 4


class Old(Corridor):
    """The interface of the old gym."""

    def step(self, action: Any) -> Any:
        obs, reward, terminated, truncated, info = super().step(action)
        return obs, reward, terminated or truncated, info


class OldReset(Corridor):
    def reset(self, **kwargs: Any) -> Any:
        return super().reset(**kwargs)[0]


class WordedEnd(Corridor):
    def step(self, action: Any) -> Any:
        obs, reward, _, truncated, info = super().step(action)
        return obs, reward, "no", truncated, info


class Far(Corridor):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(-1e300, 1e300, (1,), np.float64)

    def observed(self) -> Any:
        return super().observed().astype(np.float64)


class Sharing(Corridor):
    """All copies stand in one place."""

    places = [0]

    def reset(self, **kwargs: Any) -> Any:
        self.places[0] = 0
        return super().reset(**kwargs)

    def observed(self) -> Any:
        self.places[0] += 1
        return np.array([self.places[0] % 5], np.float32)


class Brackets(Corridor):
    def reward(self, action: Any) -> float:
        raise RuntimeError("no [/red] tag \x1b[31m here")


_ONE = Corridor()


def one_object() -> gym.Env:
    return _ONE


def short(size: int = 3) -> gym.Env:
    return Corridor(size)


gym.register("Corridor-v0", entry_point=Corridor, max_episode_steps=20)


class Mission(Corridor):
    """As MiniGrid has it: a picture, a direction and a text."""

    def __init__(self, size: int = 5, render_mode: str | None = None) -> None:
        super().__init__(size, render_mode)
        self.observation_space = spaces.Dict(
            image=spaces.Box(0, 255, (7, 7, 3), np.uint8),
            direction=spaces.Discrete(4),
            mission=spaces.Text(100),
        )

    def observed(self) -> Any:
        return {"image": np.full((7, 7, 3), self.place, np.uint8), "direction": 1, "mission": "go right"}


class Twice(gym.RewardWrapper):
    def reward(self, reward: Any) -> float:
        return 2 * reward


class OnePlus(gym.RewardWrapper):
    def reward(self, reward: Any) -> float:
        return 1 + reward


class Drawn(Corridor):
    """Takes no render mode, and draws grey pictures that grow, one in two seconds."""

    metadata = {"render_modes": [], "render_fps": 0.5}

    def __init__(self) -> None:
        super().__init__()

    def render(self) -> Any:
        return np.full((4 + self.place, 9), 0.5)


class OnScreen(Corridor):
    metadata = {"render_modes": ["human"]}

    def __init__(self, render_mode: str | None = None) -> None:
        assert render_mode in (None, "human")
        super().__init__()
