"""Changes to rewards before anything is learned from them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch import Batch
from ..errors import UsageError
from .returns import discounted_running

_EPSILON = 1e-8
_CLIP = 10.0  # standard deviations; OpenAI baselines' VecNormalize, kept by Stable-Baselines3 and CleanRL
_BOUND = 5.0


@dataclass(frozen=True)
class RewardConfig:
    """Treatment of rewards, as fields of an algorithm's `Config`."""

    normalize_return: bool = False
    """Divide rewards by the running standard deviation of the discounted return, clipped to +-10."""
    reward_sign: bool = False
    """Learn from the sign of the reward alone (Atari); logged returns stay the environment's."""


class Rewards:
    """Rewards to learn from: the environment's, or their signs; then, with a `scale`, in units of the return's."""

    def __init__(self, sign: bool = False, scale: "ReturnScale | None" = None) -> None:
        self.sign, self.scale = sign, scale

    @classmethod
    def of(cls, cfg: RewardConfig, gamma: float) -> "Rewards":
        """Rewards as the fields of a Config ask for them, for returns discounted by `gamma`."""
        return cls(cfg.reward_sign, ReturnScale(gamma) if cfg.normalize_return else None)

    def __call__(self, batch: Batch) -> NDArray[np.float32]:
        """Rewards (T, N) of a batch, each of which is shown once and in order."""
        reward = np.sign(batch.reward) if self.sign else batch.reward
        return self.scale(reward, batch.done, batch.valid) if self.scale else reward

    def replaced(self, batch: Batch) -> Batch:
        """The batch with these rewards in place of the environment's, for a replay."""
        return replace(batch, reward=self(batch)) if self.sign or self.scale else batch

    def state(self) -> dict[str, Any] | None:
        """State of the scale; None without one."""
        return self.scale.state() if self.scale else None

    def load_state(self, state: dict[str, Any] | None) -> None:
        """Go on from `state()`."""
        if self.scale and state is not None:
            self.scale.load_state(state)


class ReturnScale:
    """Divides rewards by the running standard deviation of the discounted return, clipped to +-10.

    The scaled reward keeps its sign and zero. The running return is cut where an episode ends, whatever
    ended it (Engstrom et al. 2020, arXiv:2005.12729, reward scaling).
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self.running: NDArray[np.float64] | None = None  # (N,) the discounted return under way
        self.count, self.mean, self.m2 = 0.0, 0.0, 0.0

    @property
    def std(self) -> float:
        """Standard deviation of the discounted returns seen; 1 before there are any."""
        return float(np.sqrt(self.m2 / self.count + _EPSILON)) if self.count else 1.0

    def __call__(self, reward: NDArray[Any], done: NDArray[Any], valid: NDArray[Any]) -> NDArray[np.float32]:
        """Scaled rewards (T, N), after taking in the returns that these rewards make."""
        self.see(reward, done, valid)
        return np.clip(reward / self.std, -_CLIP, _CLIP).astype(np.float32)

    def see(self, reward: NDArray[Any], done: NDArray[Any], valid: NDArray[Any]) -> NDArray[np.float64]:
        """Take in the returns that rewards (T, N) make, which it gives back as one vector."""
        if self.running is None:
            self.running = np.zeros(reward.shape[1])
        if self.running.shape != reward.shape[1:]:  # the loop below has no bounds
            raise UsageError(f"returns {self.running.shape} are under way, not of {reward.shape[1]} environments")
        returns: NDArray[np.float64] = discounted_running(reward, done, self.running, self.gamma)[valid].astype(
            np.float64
        )
        delta, total = returns.mean() - self.mean, self.count + returns.size
        self.m2 += float(np.square(returns - returns.mean()).sum() + delta**2 * self.count * returns.size / total)
        self.mean += float(delta * returns.size / total)
        self.count = float(total)
        return returns

    def state(self) -> dict[str, Any]:
        """Moments and the returns under way."""
        running = None if self.running is None else self.running.copy()
        return {"count": self.count, "mean": self.mean, "m2": self.m2, "running": running}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            ValueError: if the returns under way are no numbers.
        """
        running = state["running"]
        if running is not None and not (isinstance(running, np.ndarray) and running.dtype == np.float64):
            raise ValueError("the returns under way are no numbers")
        self.count, self.mean, self.m2 = state["count"], state["mean"], state["m2"]
        self.running = None if running is None else running.copy()


class ReturnUnit(ReturnScale):
    """The number that rewards are divided by where they are learned from, not where they are stored.

    It is the deviation of the discounted returns, or a fifth of the largest of them if that is more, so that returns
    stay within +-5 (Lee et al. 2025, arXiv:2502.15280, reward bounding and scaling).
    """

    def __init__(self, gamma: float) -> None:
        super().__init__(gamma)
        self.most = 0.0

    @property
    def unit(self) -> float:
        """The reward that counts as 1."""
        return max(self.std, self.most / _BOUND)

    def see(self, reward: NDArray[Any], done: NDArray[Any], valid: NDArray[Any]) -> NDArray[np.float64]:
        returns = super().see(reward, done, valid)
        self.most = max(self.most, float(np.abs(returns).max()))
        return returns

    def state(self) -> dict[str, Any]:
        return super().state() | {"most": self.most}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.most = state["most"]
