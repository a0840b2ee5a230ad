"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gymnast
from gymnast import agents

ROOT = Path(gymnast.__file__).parent
MAY_IMPORT = {
    "core": {"core"},
    "agents": {"agents", "core"},
    "envs": {"envs", "core"},
    "runners": {"runners", "agents", "envs", "core", "configs", "__version__"},
}
FILES = [path for folder in MAY_IMPORT for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """(level, module, names) of every import in a file; level 0 is absolute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)


def folders(path):
    """Folders of the package that a file imports from."""
    for level, module, names in imports(path):
        if level:
            package = path.relative_to(ROOT).parent.parts
            base = (*package[: len(package) - level + 1], *filter(None, module.split(".")))
            yield from (base[:1] if base else names)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_downwards(path):
    folder = path.relative_to(ROOT).parts[0]
    assert set(folders(path)) <= MAY_IMPORT[folder]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_inside_the_package_are_relative(path):
    own = {"gymnast", *MAY_IMPORT, "configs"}
    assert not [module for level, module, _ in imports(path) if level == 0 and module.split(".")[0] in own]


def identifiers(path):
    """Every name that a file defines or uses."""
    for node in ast.walk(ast.parse(path.read_text())):
        for field in ("id", "attr", "name", "arg"):
            if isinstance(value := getattr(node, field, None), str):
                yield value


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=name)
def test_nothing_in_core_has_an_algorithms_name(path):
    words = {word for text in (path.stem, *identifiers(path)) for word in text.lower().split("_")}
    assert not words & set(agents.names())


def test_every_public_name_resolves():
    for public in gymnast.__all__:
        assert callable(getattr(gymnast, public)), public
    assert set(gymnast.__all__) <= set(dir(gymnast))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Pong"):
        gymnast.Pong  # noqa: B018 - the access is the test


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, gymnast; print(*{'torch', 'numba', 'gymnasium', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_listing_the_algorithms_imports_none_of_them():
    use = "agents.names(), agents.summary('ppo')"
    code = f"import sys; from gymnast import agents; {use}; print('gymnast.agents.ppo' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_every_algorithm_has_a_summary_of_one_line():
    for algo in agents.names():
        assert agents.summary(algo).endswith("."), algo


def test_an_unknown_algorithm_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"unknown algorithm 'pppo'.*ppo"):
        agents.load("pppo")
