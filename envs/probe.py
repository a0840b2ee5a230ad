"""Does an environment take long enough to be worth worker processes?"""

import pickle
import time

import cloudpickle
import gymnasium as gym

from ..core.spaces.keys import MASKS
from .factory import MakeEnv, close
from .threads import cores
from .workers import fits

# Seconds that handing a step to the workers and waiting for them costs, generously: 0.15 ms on an idle machine.
OVERHEAD = 0.3e-3
# Seconds below which an environment stays in the loop, however many there are: the cores have a learner to run, too.
WORTHWHILE = 0.2e-3
MARGIN = 1.3  # how much faster workers must promise to be


def pays(make_env: MakeEnv, num_envs: int) -> bool:
    """Whether workers will step `num_envs` environments clearly faster than a loop would.

    Measures one environment, made for the purpose, because probing must not touch the state of those to be used.
    """
    workers = min(cores(), num_envs)
    if workers < 2 or not _can_travel(make_env):
        return False
    env = make_env()
    try:
        if not (fits(env.observation_space) and fits(env.action_space)):
            return False
        cost = seconds_per_step(env)
    except (Exception, SystemExit):
        return False  # whatever is wrong with it, the loop shows it best
    finally:
        close(env)
    share = -(-num_envs // workers)
    return cost >= WORTHWHILE and num_envs * cost > MARGIN * (share * cost + OVERHEAD)


def seconds_per_step(env: gym.Env, budget: float = 0.05) -> float:
    """Mean time of a step with random actions, resets included; takes `budget` seconds, or one step if that is more."""
    env.action_space.seed(0)
    _, info = env.reset(seed=0)
    _step(env, info)  # the first step may compile or load something
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < budget or steps == 0:
        info = _step(env, info)
        steps += 1
    return elapsed / steps


def _step(env: gym.Env, info: dict) -> dict:
    discrete = isinstance(env.action_space, gym.spaces.Discrete)
    mask = next((info[name] for name in MASKS if name in info), None) if discrete else None
    _, _, terminated, truncated, info = env.step(env.action_space.sample(mask))
    return env.reset()[1] if terminated or truncated else info


def _can_travel(make_env: MakeEnv) -> bool:
    try:
        cloudpickle.dumps(make_env)
    except (pickle.PicklingError, TypeError, AttributeError):
        return False
    return True
