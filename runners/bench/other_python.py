"""Peers that need packages of their own, and so a Python of their own."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ...core.errors import UsageError

MEASURED = b"measured "
"""Before the number on a line that answers; other lines are the libraries' own."""


@contextmanager
def asking(variable: str, library: str, script: str, arguments: Sequence[str] = ()) -> Iterator[Callable[[str], float]]:
    """A function that sends a line to `script`, a file beside this one, and returns the number that it answers.

    Environment variable `variable` says which Python runs it, one that has `library`. What that leaves in the folder
    for temporary files, such as empty logs, is removed at the end.

    Raises:
        UsageError: if there is none, it does not start, or it does not answer.
    """
    python = os.environ.get(variable)
    if not python:
        raise UsageError(f"set {variable} to a Python that has the library {library}: docs/performance.md says how")
    command = [python, str(Path(__file__).with_name(script)), *arguments]
    with TemporaryDirectory() as folder, _started(variable, command, os.environ | {"TMPDIR": folder}) as process:
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


def _started(variable: str, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=env)
    except OSError as problem:
        raise UsageError(f"{variable}={command[0]} does not start: {problem.strerror}") from problem
