"""What a name of the form module:name stands for, and whose word that is.

A name that a user types, in a shell or in Python, is the user's own code: it is imported and called. A name in a file
may be somebody else's, and to import a module runs it. So a file may name what is installed and what the program has
imported already, and there only a class of the kind that is wanted; for anything else the user has to say `trust`.
"""

import functools
import importlib
import importlib.util
import json
import os
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlparse

from .errors import UsageError


class Stored(str):
    """A name that stands in a file, which somebody else may have written."""

    file: str

    def __new__(cls, name: str, file: Path | str = "") -> "Stored":
        self = super().__new__(cls, name)
        self.file = str(file)
        return self


def imported(reference: str, what: str = "") -> ModuleType:
    """The module of module:name, imported from where Python looks or else from the current folder.

    Raises:
        UsageError: if it cannot be imported, or only stands in a file and is neither installed nor imported yet; it
            calls the reference `what` it is for.
    """
    module = reference.partition(":")[0]
    if isinstance(reference, Stored) and not (module in sys.modules or installed(module)):
        raise UsageError(distrusted(reference, f"import {module!r}, which is no installed package"))
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())  # a command, unlike `python`, does not look for modules where the user stands
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as problem:
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        name = f"{what} {str(reference)!r}".strip()
        raise UsageError(f"{name}: importing {module!r} raised {type(problem).__name__}: {reason}") from problem


def called(found: Any, reference: str, noun: str, kind: type | None = None) -> Any:
    """`found`, which `reference` names, if it may be called: a class of this `kind`, or a function that a user names.

    Raises:
        UsageError: if it is a function out of a file, or of Python's own library and so no `noun`.
    """
    if kind is not None and isinstance(found, type) and issubclass(found, kind):
        return found
    if isinstance(reference, Stored):
        wanted = f", which is no subclass of {kind.__module__.partition('.')[0]}.{kind.__name__}" if kind else ""
        raise UsageError(distrusted(reference, f"call {str(reference)!r}{wanted}"))
    function = found.func if isinstance(found, functools.partial) else found
    home = getattr(function, "__module__", None) or type(function).__module__
    if home.partition(".")[0] in sys.stdlib_module_names:
        raise UsageError(f"{reference!r} is Python's own and no {noun}; it is not called")
    return found


def distrusted(reference: Stored, action: str) -> str:
    """Why a name out of a file is not followed, and how it is."""
    return (
        f"{reference.file} names {str(reference)!r}: Python would {action}. "
        "If you trust whoever made that file, say --trust (in Python trust=True)"
    )


def installed(module: str) -> bool:
    """Whether Python would find `module` in a distribution that is installed; nothing is imported to find out."""
    top, *inner = module.split(".")
    if "__main__" in inner:  # to import it runs a program
        return False
    if top == __package__.partition(".")[0]:
        return True
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    found = list(spec.submodule_search_locations or [spec.origin or ""]) if spec else []
    places = [place for place in found if place]
    roots = [root for name in packages_distributions().get(top, []) for root in _roots(name)]
    return bool(places) and all(any(Path(place).is_relative_to(root) for root in roots) for place in places)


def _roots(name: str) -> list[Path]:
    """The folders that a distribution's modules lie in: the one it was installed to, or its sources."""
    found = distribution(name)
    address = urlparse(json.loads(found.read_text("direct_url.json") or "{}").get("url", ""))
    sources = [Path(unquote(address.path))] if address.scheme == "file" else []
    return [Path(str(found.locate_file(""))), *sources]
