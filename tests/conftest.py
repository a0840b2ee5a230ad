"""What every test begins with: one thread, seeded generators, and no stopwatch."""

import gc
import os

import cloudpickle
import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported, and for the processes that tests start

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_finish(session):
    """What has been imported by now stays; spared it, the collector of garbage no longer takes half a second.

    Environments of a test's file travel to workers by value: to import that file takes each of them seconds.
    """
    gc.freeze()
    for module in {item.module for item in session.items}:
        cloudpickle.register_pickle_by_value(module)


@pytest.fixture(autouse=True)
def seeded():
    """Each test draws the same from the global generators, whichever tests ran before it."""
    import numpy as np  # here, so that the process that only hands out tests imports none of this
    import torch

    from probes import SEED

    torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - for what draws from it, such as the peers of the benchmarks


@pytest.fixture(autouse=True)
def no_stopwatch(monkeypatch):
    """The backend "auto" measures environments that it does not know; here they are quick, whatever the load."""
    from gymnast.envs import probe

    monkeypatch.setattr(probe, "seconds_per_step", lambda env: 1e-5)
