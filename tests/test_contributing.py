"""The agent that CONTRIBUTING.md prints works as it is printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gymnasium import spaces

import gymnast
from gymnast.agents import ppo

ROOT = Path(gymnast.__file__).parent
LISTINGS = {
    "gymnast/agents/cem.py": ("python", '"""CEM'),
    "gymnast/configs/cem.toml": ("toml", '["CartPole-v1"]'),
    "test_cem.py": ("python", "import numpy as np\n\nimport gymnast\n"),
}


PROGRAM = """
import sys

import pytest

from gymnast.runners.cli.main import main

assert not pytest.main(["-p", "no:cacheprovider", "test_cem.py"])
print("end")
for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit as stop:
        assert not stop.code
    print("end")
"""
"""Runs the test and then one command after the other, as each would import torch by itself."""
LINES = "list agents", "train cem CartPole-v1 --steps 2k --num-envs 8 --out run", "train --resume run --steps 3k"


def listing(language: str, start: str) -> str:
    """The one block of code in CONTRIBUTING.md that begins so."""
    blocks = re.findall(
        rf"^```{language}\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (found,) = (block for block in blocks if block.startswith(start))
    return found


@pytest.fixture(name="said", scope="module")
def _said(tmp_path_factory):
    """What the test and the commands say in a package that has the printed files, and otherwise is this one."""
    folder = tmp_path_factory.mktemp("contributed")
    package = folder / "gymnast"
    package.mkdir()
    for name in ("agents", "configs"):
        shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "core", "envs", "runners"):
        (package / name).symlink_to(ROOT / name)
    for place, (language, start) in LISTINGS.items():
        (folder / place).write_text(listing(language, start))
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    program = [sys.executable, "-c", PROGRAM, *LINES]
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("end\n")


def test_the_printed_test_of_the_printed_agent_passes(said):
    assert "2 passed" in said[0]


def test_the_command_line_trains_the_printed_agent_and_resumes_it(said):
    listed, trained, resumed = said[1:4]
    assert "the cross-entropy method" in listed
    assert "gymnast evaluate run" in trained
    assert "the run is in run" in resumed


def test_the_network_that_is_printed_is_the_one_that_learns():
    printed = {}
    exec(listing("python", "# mynets.py"), printed)
    obs, action = spaces.Box(-1, 1, (4,)), spaces.Discrete(2)
    agent = ppo.Agent(obs, action, ppo.Config(), net=printed["network"])
    assert agent.net.policy_trunk[0].out_features == 128
    assert agent.paths["gradient"] == "autograd"
    assert agent.acting(2).twin is None
