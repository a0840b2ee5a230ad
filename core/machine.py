"""Room on this machine, asked for before anything is allocated."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from .errors import UsageError


def refuse_beyond_memory(nbytes: int, what: str, instead: str) -> None:
    """Raise UsageError if `what` takes more memory than this machine, or container, has; `instead` says what to give.

    Memory that nothing has been written to is given without asking, and a process that writes to too much is killed.
    """
    there = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else []
    with suppress(OSError, ValueError):  # there is no such file, or it says "max"
        there.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    _refuse(nbytes, min(there, default=nbytes), what, "of this machine", instead)


def refuse_beyond_disk(nbytes: int, file: Path, what: str, instead: str) -> None:
    """Raise UsageError if `what` takes more room than there is for `file`, which it may replace.

    A file of zeros takes no room until they are written over, and a full disk then ends the process without a word.
    """
    there = shutil.disk_usage(file.parent).free + (file.stat().st_blocks * 512 if file.exists() else 0)
    _refuse(nbytes, there, what, f"that are free in {file.parent}", instead)


def _refuse(nbytes: int, there: int, what: str, whose: str, instead: str) -> None:
    if nbytes > there:
        raise UsageError(
            f"{what} takes {nbytes / 1e9:,.0f} GB, more than the {there / 1e9:,.0f} GB {whose}. Give {instead}"
        )
