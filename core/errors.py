"""The two errors that a user may meet, and the exit code each one means on the command line."""

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """Wrong input: what was given, why it cannot be used, what to do. Exit code 2."""

    exit_code = 2


class TrainingError(RuntimeError):
    """Failure during work (a loss that is not finite, a dead worker). Exit code 1; the last checkpoint stays."""

    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """' Did you mean X?' for the known name nearest to `word`, or '' when none is near."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def check_ranges(
    config: object, *, positive: Iterable[str] = (), unit: Iterable[str] = (), at_least_0: Iterable[str] = ()
) -> None:
    """Raise UsageError where a field of `config` is not above 0, not in [0, 1], below 0: as the lists of names say."""
    for name in positive:
        if not getattr(config, name) > 0:
            raise UsageError(f"{name} is {getattr(config, name)}; it must be above 0")
    for name in unit:
        if not 0 <= getattr(config, name) <= 1:
            raise UsageError(f"{name} is {getattr(config, name)}; it must be between 0 and 1")
    for name in at_least_0:
        if getattr(config, name) < 0:
            raise UsageError(f"{name} is {getattr(config, name)}; it must be at least 0")
