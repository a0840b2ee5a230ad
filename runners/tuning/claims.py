"""Who works on what, among processes that share a folder: locks of the system, which end with their process.

A process that is killed holds nothing a moment later, and others go on with what it had begun.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import UsageError


class Claims:
    """Locks on the bytes of a file, which stays empty: one for each piece of work, and one on all that is shared.

    The locks belong to the process, and no child inherits them. Only one object in a process may open the file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, path.open("ab")
        self._held: set[int] = set()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process is in here.

        Raises:
            UsageError: if the file system has no locks.
        """
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, 0)
        except OSError as problem:
            raise UsageError(
                f"{self._path.parent} cannot be shared: its file system has no locks ({problem.strerror})"
            ) from problem
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 0)

    def take(self, work: int) -> bool:
        """Claim a piece of work, which has a number; False if it is claimed already, by this process or another."""
        if work in self._held:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + work)
        except OSError:
            return False
        self._held.add(work)
        return True

    def drop(self, work: int) -> None:
        """Leave a piece of work to whoever wants it."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 1 + work)
        self._held.discard(work)

    def close(self) -> None:
        """Leave everything."""
        self._file.close()
