"""Files that a program keeps and reads again: written in one step, read without trust."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import UsageError

_MOST = 64 << 20  # bytes of a text file, of which ours have a few thousand


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` by way of a file beside it: whatever goes wrong, `path` is the old file or the new one.

    Neither is reached through a symlink: somebody else's folder cannot name a file elsewhere that is to be overwritten.

    Raises:
        OSError: if it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        part.unlink()
    try:
        with part.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        UsageError: if it cannot be read, is no text or far too long.
    """
    try:
        if path.stat().st_size > _MOST:
            raise UsageError(f"{path} is damaged: it is longer than {_MOST >> 20} MB")
        return path.read_text("utf-8")
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise UsageError(f"{path} is damaged: it is no text (byte {problem.start})") from problem


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        UsageError: if there is none.
    """
    content = parsed(path, json.loads)
    if not isinstance(content, dict):
        raise UsageError(f"{path} is damaged: it holds a {type(content).__name__}, not an object")
    return content


def parsed(path: Path, loads: Callable[[str], Any]) -> Any:
    """What `loads` makes of the text of a file.

    Raises:
        UsageError: if it cannot be read, or `loads` finds a fault in it.
    """
    text = read_text(path)
    try:
        return loads(text)
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path} is damaged: {problem}") from problem
