"""Registry: a folder whose files are known by being there, and read without being imported."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .errors import UsageError, nearest


class Registry(NamedTuple):
    """The modules of a package; those whose name begins with an underscore are its own business."""

    package: str
    folder: Path
    what: str
    """Name of such a module in an error."""

    def names(self) -> list[str]:
        """Names of all modules."""
        return sorted(path.stem for path in self.folder.glob("*.py") if not path.stem.startswith("_"))

    def summary(self, name: str) -> str:
        """First line of a module's documentation.

        Raises:
            UsageError: if there is no module of that name.
        """
        return (ast.get_docstring(self._parsed(name)) or "").splitlines()[0]

    def title(self, name: str) -> str:
        """Title of a module: its constant NAME, or its name in capitals.

        Raises:
            UsageError: if there is no module of that name.
        """
        for node in self._parsed(name).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="NAME")], value=ast.Constant(value=str(title))):
                    return title
        return name.upper()

    def load(self, name: str) -> ModuleType:
        """The module of that name.

        Raises:
            UsageError: if there is none.
        """
        return import_module(f".{self._known(name)}", self.package)

    def _parsed(self, name: str) -> ast.Module:
        path = self.folder / f"{self._known(name)}.py"
        return parsed(path, path.stat().st_mtime_ns)

    def _known(self, name: str) -> str:
        known = self.names()
        if name not in known:
            raise UsageError(f"unknown {self.what} {name!r}.{nearest(name, known)} Known: {', '.join(known)}.")
        return name


@cache
def parsed(path: Path, changed: int) -> ast.Module:
    """The source of a module that `changed` at that time; kept, as each look-up of a title asks for every module's."""
    return ast.parse(path.read_text())
