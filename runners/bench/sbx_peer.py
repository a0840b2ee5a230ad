"""SAC and TD3 of SBX (Stable-Baselines3 on JAX), for whatever Python has it: trains once per line on its input.

Run as a file, not as a module: that Python has no gymnast. A line is JSON: algo, env, copies, seed, steps, settings.
Prints the seconds that it took, less those of the first gradient steps, because every model is compiled anew.
"""

import json
import os
import sys
from time import perf_counter

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"  # as the others: one
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import sbx
from stable_baselines3.common.env_util import make_vec_env


def main() -> None:
    """A line for each line read."""
    for line in sys.stdin:
        case = json.loads(line)
        env = make_vec_env(case["env"], case["copies"], seed=case["seed"])
        model = getattr(sbx, case["algo"])("MlpPolicy", env, seed=case["seed"], **case["settings"])
        starts = case["settings"]["learning_starts"]
        model.learn(starts + 50)
        began = perf_counter()
        model.learn(max(case["steps"] - starts, 1), reset_num_timesteps=False)
        print(f"measured {perf_counter() - began}", flush=True)
        env.close()


main()
