"""What a parent and the process that makes a run say to each other."""

from dataclasses import dataclass
from pathlib import Path

STOP, KILL, JOB = b"s", b"k", b"j"  # from the parent; a pickled job follows the last one
SHOWN = ("eval/return", "strength/elo", "episode/return", "speed/steps_per_second")
"""Metrics that a run tells its parent."""


@dataclass(frozen=True)
class Job:
    """A run to make, and the state of the program that asked for it."""

    run: bytes
    """Pickled."""
    out: Path
    """Its folder; a run that is there already goes on."""
    log: Path
    """File for whatever is printed on the way."""
    track: tuple[str, ...]
    """Trackers to log to."""
    command: tuple[str, ...]
    """The command that makes it alone."""
    cores: int
    """Cores that it may take."""
    path: tuple[str, ...]
    """Where Python looks for modules."""
    cwd: str
    environ: dict[str, str]
