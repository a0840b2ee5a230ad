"""Peers that need packages of their own, and so a Python of their own."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...core.errors import UsageError

MEASURED = b"measured "
"""Before the number on a line that answers; other lines are the libraries' own."""


@contextmanager
def asking(variable: str, library: str, script: str, arguments: Sequence[str] = ()) -> Iterator[Callable[[str], float]]:
    """A function that sends a line to `script`, a file beside this one, and returns the number that it answers.

    Environment variable `variable` says which Python runs it, one that has `library`.

    Raises:
        UsageError: if there is none, it does not start, or it does not answer.
    """
    python = os.environ.get(variable)
    if not python:
        raise UsageError(f"set {variable} to a Python that has the library {library}: docs/performance.md says how")
    command = [python, str(Path(__file__).with_name(script)), *arguments]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    except OSError as problem:
        raise UsageError(f"{variable}={python} does not start: {problem.strerror}") from problem
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def ask(line: str) -> float:
            with suppress(BrokenPipeError):  # it has ended, and so will the reading below
                requests.write(line.encode() + b"\n")
            for answer in answers:
                if answer.startswith(MEASURED):
                    return float(answer.removeprefix(MEASURED))
            raise UsageError(f"{python} could not measure the library {library}; its message stands above")

        yield ask
