"""Freed memory: that it is not fetched from the system again."""

import platform
import subprocess
import sys

import pytest

CHURN = """
import resource
import numpy as np
from gymnast.runners.training import malloc
{keep}
def churn():
    for _ in range(20):
        parts = [np.ones(1 << 22, np.float64) for _ in range(3)]  # 32 MiB each
        del parts
churn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
churn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_used_again_without_asking_the_system():
    faults = [
        int(subprocess.run([sys.executable, "-c", CHURN.format(keep=keep)], capture_output=True, check=True).stdout)
        for keep in ("", "assert malloc.keep_freed()")
    ]
    assert faults[1] < 0.1 * faults[0]
