"""The seed fixes a run whatever number of threads the shell allows."""

import os
import subprocess
import sys

# Prints the weights that each algorithm begins with, and those of one that has learned a little.
PROGRAM = """
import hashlib, sys
import torch
from gymnast import agents, envs
from gymnast.core import checkpoint
from gymnast.core.spaces.pair import Spaces
from gymnast.runners.runs import run as runs
from gymnast.runners.runs.load import new_agent
from gymnast.runners.training.train import train

torch.set_num_threads(int(sys.argv[1]))

def shown(name, tree):
    print(name, hashlib.sha256(b"".join(x.numpy().tobytes() for x in tree.values())).hexdigest())

OWN = {"alphazero": "tictactoe", "tabular": "FrozenLake-v1"}
OWN |= dict.fromkeys(("sac", "td3", "ddpg"), "Pendulum-v1")
OWN |= dict.fromkeys(("lm", "grpo", "reward_model", "dpo"), "gymnast/Copy-v0")
for algo in agents.names():
    env = envs.make(OWN.get(algo, "CartPole-v1"), 2)
    shown(algo, new_agent(runs.preset(algo, "CartPole-v1", "none"), Spaces.of(env), 0).net.state_dict())
run = runs.preset("ppo", "CartPole-v1", "none", steps=512, num_envs=2, evals=0)
shown("trained", train(run).agent.net.state_dict())
"""


def told(threads: int) -> str:
    command = [sys.executable, "-c", PROGRAM, str(threads)]
    there = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return subprocess.run(command, env=there, capture_output=True, text=True, check=True).stdout


def test_one_thread_and_two_give_the_same_weights():
    assert told(1) == told(2)
