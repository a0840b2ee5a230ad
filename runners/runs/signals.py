"""The signals that stop a run, or many at once."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")


@contextmanager
def interruptible(quiet: bool) -> Iterator[list[int]]:
    """A list that the first of the signals that stop a run makes non-empty; a second Ctrl-C or SIGTERM stops at once.

    A terminal that closes sends SIGHUP, more than once, and a cluster SIGUSR1 before the time is up.
    """
    caught: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if caught and number in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        caught.append(number)
        if not quiet:
            with suppress(OSError):  # the terminal is gone
                print("stopping after this update; once more to stop at once", file=sys.stderr)

    numbers = [number for name in _SIGNALS if (number := getattr(signal, name, None))]  # Windows lacks some
    if signal.getsignal(numbers[-1]) is signal.SIG_IGN:  # nohup asks for SIGHUP to be ignored
        numbers.pop()
    try:
        before = {number: signal.signal(number, handle) for number in numbers}
    except ValueError:  # not the main thread: signals go elsewhere
        before = {}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
