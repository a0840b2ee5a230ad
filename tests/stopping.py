"""Runs that stop on the way and go on."""

from contextlib import redirect_stdout
from multiprocessing import get_context

from gymnast.core import checkpoint
from gymnast.runners.cli.main import main
from gymnast.runners.runs.folder import describe
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training, resume, train


def states(algo, config, folder):
    """What an agent knows after 2,000 steps of CartPole at once, and after as many with a stop at half of them."""
    run = preset(algo, "CartPole-v1", "none", agent=config, steps=2_000, num_envs=4, evals=0)
    whole = checkpoint.state(train(run).agent.parts())
    with Training(run, folder) as half:
        describe(run, folder, half.paths)
        while half.steps < 1_000:
            half.iterate()
        half._save()
    return whole, checkpoint.state(resume(folder).agent.parts())


processes = get_context("forkserver")
"""Makes processes that need not import torch again, as each would that is started by itself."""
processes.set_forkserver_preload(["pytest", "gymnast.runners.cli.main", "gymnast.runners.training.train"])


def command(arguments, said):
    """Run one command line and write what it says to the file of that name: the life of a process."""
    with open(said, "w") as out, redirect_stdout(out):
        main(arguments)
