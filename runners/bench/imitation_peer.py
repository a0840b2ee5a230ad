"""Behaviour cloning by the library `imitation`, for whatever Python has it: measures once per line on its input.

Run as a file, not as a module: that Python has no gymnast. Arguments: an .npz file of "obs" (B, D) and "action" (B,) or
(B, A), the minibatch and the seconds of a measurement. Prints gradient steps per second.
"""

import sys
from time import perf_counter

import numpy as np
import torch
from gymnasium import spaces
from imitation.algorithms import bc
from imitation.data.types import Transitions
from stable_baselines3.common.policies import ActorCriticPolicy


def main(file: str, minibatch: int, seconds: float) -> None:
    """A line for each line read."""
    torch.set_num_threads(1)
    with np.load(file) as data:
        obs, action = data["obs"], data["action"]
    count = len(obs)
    observed = spaces.Box(-np.inf, np.inf, obs.shape[1:], np.float32)
    discrete = action.ndim == 1
    acted = spaces.Discrete(int(action.max()) + 1) if discrete else spaces.Box(-1, 1, action.shape[1:], np.float32)
    ends = np.zeros(count, bool)
    trainer = bc.BC(
        observation_space=observed,
        action_space=acted,
        rng=np.random.default_rng(0),
        demonstrations=Transitions(obs=obs, acts=action, infos=np.array([{}] * count), next_obs=obs, dones=ends),
        policy=ActorCriticPolicy(observed, acted, lambda _: 1e-3, net_arch=[64, 64]),
        batch_size=minibatch,
    )

    def learn() -> int:
        trainer.train(n_epochs=1, log_interval=10**9, progress_bar=False)
        return count // minibatch

    learn()
    for _ in sys.stdin:
        done, began = 0, perf_counter()
        while (passed := perf_counter() - began) < seconds:
            done += learn()
        print(f"measured {done / passed}", flush=True)


main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
