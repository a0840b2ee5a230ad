"""What should answer at once imports nothing heavy."""

import subprocess
import sys

HEAVY = ("torch", "numba", "matplotlib", "tensorboard", "imageio", "mujoco")


def modules_after(*args: str) -> set[str]:
    """Top-level modules that a fresh process has imported once the command is done."""
    code = (
        "import sys\nfrom gymnast.runners.cli.main import main\n"
        f"try: main({list(args)!r})\nexcept SystemExit: pass\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(said.rpartition("MODULES")[2].split())


def test_help_imports_nothing_heavy():
    assert not modules_after("--help") & {*HEAVY, "gymnasium", "numpy"}


def test_list_imports_nothing_heavy():
    assert not modules_after("list") & {*HEAVY}


def test_the_lab_lists_its_experiments_without_importing_them():
    assert not modules_after("lab") & {*HEAVY, "numpy"}


def test_importing_the_package_imports_nothing_heavy():
    code = "import gymnast, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not set(said.split()) & {*HEAVY, "gymnasium", "numpy", "rich"}
