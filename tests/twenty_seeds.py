"""Run every test marked `learns` with twenty seeds, and print which of them fail for which seeds.

    python tests/twenty_seeds.py [arguments of pytest, such as a file or -k NAME]

A test that fails for one seed of twenty fails somewhere: on another processor, where the same seed rounds differently.
"""

import os
import sys
from collections import defaultdict
from contextlib import redirect_stdout
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import pytest
import torch  # noqa: F401 - here, so that twenty processes need not import it

from gymnast.envs.threads import cores

SEEDS = range(20)


class Outcomes:
    """A plugin of pytest that notes which tests pass."""

    def __init__(self):
        self.passes = {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("/")[2]
        self.passes[name] = self.passes.get(name, True) and not report.failed


def outcomes(arguments, seed):
    """Which tests pass with a seed: {name: whether it does}. In a process of its own."""
    os.environ["GYMNAST_TEST_SEED"] = str(seed)
    os.chdir(Path(__file__).parents[1])
    found = Outcomes()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        code = pytest.main(["-q", "-m", "learns and not slow", "-p", "no:cacheprovider", *arguments], [found])
    if code not in (0, 1):
        raise RuntimeError(f"pytest ended with {code}; try it with these arguments by itself: {arguments}")
    return found.passes


def main(arguments):
    failed = defaultdict(list)
    with get_context("fork").Pool(cores(), maxtasksperchild=1) as pool:
        runs = pool.imap(partial(outcomes, arguments), SEEDS)
        for seed, run in zip(SEEDS, runs, strict=True):
            for test, passes in run.items():
                failed[test] += [] if passes else [seed]
            not_passed = [test for test, passes in run.items() if not passes]
            print(f"seed {seed}: {len(not_passed)} of {len(run)} fail", *not_passed, file=sys.stderr, flush=True)
    for test, seeds in sorted(failed.items(), key=lambda item: len(item[1])):
        told = f", not {', '.join(map(str, seeds))}" if seeds else ""
        print(f"{len(SEEDS) - len(seeds):>2} of {len(SEEDS)}  {test}{told}")
    return int(any(failed.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
