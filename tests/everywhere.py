"""Run the tests on other processors, with other threads, and beside a busy machine; print one line for each.

    python tests/everywhere.py [arguments of pytest, such as a file or -m learns]

Other processors are this one with fewer instructions: what rounds differently there must not change what a test says.
"""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIANTS = {
    "one thread": {"OMP_NUM_THREADS": "1"},
    "two threads": {"OMP_NUM_THREADS": "2"},
    "torch without vector instructions": {"ATEN_CPU_CAPABILITY": "default"},
    "oneDNN without AVX-512": {"DNNL_MAX_CPU_ISA": "AVX2"},
    "Numba for any processor": {"NUMBA_CPU_NAME": "generic"},
    "beside two busy processes": {},
}


@contextmanager
def busy(count):
    """So many processes that do nothing, as fast as they can."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(name, environment, arguments):
    """One line of what pytest says of a variant, and whether all is well."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "-m", "not slow", *arguments]
    start = time.monotonic()
    with busy(2 if "busy" in name else 0):
        said = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    summary = said.stdout.strip().rpartition("\n")[2].strip("= ")
    print(f"{name}: {summary} ({time.monotonic() - start:.0f} s)", flush=True)
    for line in said.stdout.splitlines():
        if line.startswith(("FAILED", "ERROR")):
            print(f"    {line}", flush=True)
    return said.returncode == 0


def main(arguments):
    return int(not all([run(name, environment, arguments) for name, environment in VARIANTS.items()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
