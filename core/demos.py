"""Demonstrations on disk, under the name that programs import: `gymnast.core.demos`."""

from .rollout.demos import Demos, Trajectory, Writer, load

__all__ = ["Demos", "Trajectory", "Writer", "load"]
