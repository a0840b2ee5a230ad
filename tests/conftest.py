"""What every test begins with: one thread, seeded generators, and no stopwatch."""

import gc
import os

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported, and for the processes that tests start

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_finish():
    """What has been imported by now stays; spared it, the collector of garbage no longer takes half a second."""
    gc.freeze()


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
