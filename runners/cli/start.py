"""Proposals for what to do first, and next."""

from pathlib import Path

_FIRST = """\
Nothing has been trained in this folder yet. For example:

  gymnast train ppo CartPole-v1 --out runs/first       learn to balance a pole: less than a minute
  gymnast train alphazero tictactoe --out runs/game    learn a game by self-play: about a minute
  gymnast list                                         all algorithms, environments and presets
  gymnast new env my_env                               begin an environment of your own"""
_NEXT = """\
The newest run here is {run}. For example:

  gymnast evaluate {run}
  gymnast render {run} --video policy.mp4
  gymnast play {run} --browser
  gymnast watch {root}                                 all runs in the browser, as they learn"""


def first(root: Path = Path("runs")) -> str:
    """Proposals for this folder, with the newest of its runs if there is one."""
    found = sorted(root.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    said = _NEXT.format(run=found[-1].parent, root=root) if found else _FIRST
    return f"gymnast: reinforcement learning for Gymnasium environments\n\n{said}\n\nAll commands: gymnast --help"
