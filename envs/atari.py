"""Atari games on ALE's own threads, with the preprocessing of Mnih et al. 2015.

Observations (4, 84, 84) uint8: the last four frames, grey, each the maximum of the last two of four emulator frames.
A game starts with up to 30 no-ops, and with FIRE where it needs that. Rewards are game scores: the agent may clip them.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ..core.errors import UsageError
from .threads import cores
from .wrappers import refuse_partial_reset


class AtariGames(AtariVectorEnv):
    """N games of one kind. The same seed gives the same games, however many threads play them."""

    backend = "atari threads"

    def __init__(
        self,
        env_id: str,
        num_envs: int,
        *,
        sticky: float = 0.0,
        life_loss: bool = False,
        full_action_space: bool = False,
        reward_clip: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """`sticky` is the probability that the emulator repeats the last action instead of taking the new one: 0 is
        the protocol of Mnih et al. 2015, 0.25 that of Machado et al. 2018 (1709.06009).

        `life_loss` ends an episode with every life, while the game goes on; infos then report whole games.
        """
        if render_mode not in (None, "rgb_array"):
            raise UsageError(f"{env_id} renders with render_mode 'rgb_array', not {render_mode!r}")
        options: dict[str, Any] = {
            "num_threads": min(cores(), num_envs),
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "repeat_action_probability": sticky,
            "life_loss_info": life_loss,
            "full_action_space": full_action_space,
            "reward_clipping": reward_clip,
        }
        game = gym.spec(env_id).kwargs["game"]
        super().__init__(game, num_envs, **options)
        self.life_loss = life_loss
        self.render_mode = render_mode
        # The rollout takes the episodes it reports from our infos where those count whole games.
        self.metadata = {**self.metadata, "render_modes": ["rgb_array"], "render_fps": 15, "counts_games": life_loss}
        # ALE's vector environment cannot render: the same games played beside it, seen in colour, can.
        colour: dict[str, Any] = {
            "grayscale": False,
            "img_height": 210,
            "img_width": 160,
            "stack_num": 1,
            "maxpool": False,
        }
        self.screens = AtariVectorEnv(game, num_envs, **options, **colour) if render_mode else None

    def reset(
        self, *, seed: int | list[int] | NDArray | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        refuse_partial_reset(options)
        if self.screens is not None and seed is None:
            seed = int(np.random.default_rng().integers(2**31))  # both must play the same games
        if seed is not None:
            each = np.arange(self.num_envs) if np.ndim(seed) == 0 else 0
            seed = (np.asarray(seed) + each) % 2**31  # ALE has no larger ones
        obs, infos = super().reset(seed=seed)
        if self.screens is not None:
            self.frames, _ = self.screens.reset(seed=seed)
        self.begun = _begun(infos)
        self.score = np.zeros(self.num_envs)
        self.length = np.zeros(self.num_envs, np.int64)
        return obs, infos

    def step(self, actions: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray, dict[str, Any]]:
        obs, reward, terminated, truncated, infos = super().step(actions)
        if self.screens is not None:
            self.frames, *_ = self.screens.step(actions)
        ended = terminated | truncated
        if ended.any():
            infos["_final_obs"] = ended
        if self.life_loss:
            self._whole_games(obs, reward, ended, infos)
        return obs, reward, terminated, truncated, infos

    def _whole_games(self, obs: NDArray, reward: NDArray, ended: NDArray, infos: dict[str, Any]) -> None:
        """Adds the score and length of the games that ended, in steps, to the infos."""
        self.score += reward
        self.length += 1
        if not ended.any():
            return
        begun = _begun(infos)
        over = begun != self.begun
        # ALE fills final_obs only where it resets; after a lost life the last observation is the current one.
        lost_life = ended & ~over
        infos["final_obs"][lost_life] = obs[lost_life]
        if over.any():
            infos["episode"] = {"r": self.score.copy(), "l": self.length.copy()}
            infos["_episode"] = over
            self.score[over] = 0
            self.length[over] = 0
        self.begun = begun

    def render(self) -> tuple[NDArray, ...] | None:
        """The screens (210, 160, 3) of the games."""
        return tuple(self.frames[:, 0]) if self.screens is not None else None

    def get_action_meanings(self) -> list[str]:
        """What each action does, as Gymnasium's own Atari environments say it."""
        return [action.name for action in self.ale.get_action_set()]

    def close_extras(self, **kwargs: Any) -> None:
        del self.ale
        self.screens = None


def _begun(infos: dict[str, Any]) -> NDArray:
    """The emulator's frame at which each game began, which changes only when ALE resets it."""
    return infos["frame_number"] - infos["episode_frame_number"]
