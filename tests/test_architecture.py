"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from functools import cache
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


@cache
def nodes(path):
    """All nodes of the tree of a file's source, parsed once for all that is asked of it."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def functions(path):
    """Every function of a file."""
    return [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]


def imports(path):
    """(level, module, names) of every import in a file; level 0 is absolute."""
    for node in nodes(path):
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


def wrong(rule, paths=FILES):
    """What breaks a rule, by the file in which it does: {file: what}."""
    return {name(path): found for path in paths if (found := list(rule(path)))}


def test_imports_point_downwards():
    assert not wrong(lambda path: set(folders(path)) - MAY_IMPORT[path.relative_to(ROOT).parts[0]])


def test_imports_inside_the_package_are_relative():
    own = {"gymnast", *MAY_IMPORT, "configs"}
    assert not wrong(lambda path: (m for level, m, _ in imports(path) if level == 0 and m.split(".")[0] in own))


FLOORS = {
    "core": [
        {
            "errors",
            "files",
            "names",
            "ranges",
            "checkpoint",
            "registry",
            "batch",
            "acting",
            "jitted",
            "mirror",
            "tokens",
            "machine",
        },
        {"spaces", "heads", "replay"},
        {"nets"},
        {"learn"},
        {"written_out"},
        {"rollout", "games"},
        {"game", "demos"},  # names that programs import, for what lies in rooms
    ],
    "runners": [
        {"runs"},
        {"evaluation"},
        {"training"},
        {"screen"},
        {"imitation"},
        {"export"},
        {"bench", "lab", "web", "api"},
        {"callbacks", "trackers", "sb3"},
        {"sweeps"},
        {"tuning"},
        {"cli"},
    ],
}
LONG = {"agents/alphazero.py": 390, "core/games/tree.py": 385}  # one algorithm, one data structure
LAZY = {  # whose commands or environments must not wait for what others import
    "envs/__init__.py",
    "envs/native/__init__.py",
    "envs/text/__init__.py",
    "runners/cli/main.py",
    "runners/cli/many.py",
    "runners/cli/measure.py",
    "runners/cli/pages.py",
    "runners/cli/preferring.py",
    "runners/cli/shown.py",
    "runners/cli/train.py",
    "runners/cli/tune.py",
    "runners/runs/run.py",
}


def modules(path):
    """The modules and packages of our own that a file imports, as paths from the root."""
    for level, module, names in imports(path):
        if not level:
            continue
        package = path.relative_to(ROOT).parent.parts
        base = "/".join((*package[: len(package) - level + 1], *filter(None, module.split("."))))
        for name in names:
            inside = f"{base}/{name}" if base else name
            for found in (f"{inside}.py", f"{inside}/__init__.py", f"{base}.py", f"{base}/__init__.py"):
                if (ROOT / found).is_file():
                    yield found
                    break


def room(path):
    """The room of a file of `core` or `runners`, or its own name where it lies beside the rooms."""
    return Path(path).with_suffix("").parts[1]


@pytest.mark.parametrize("folder", FLOORS)
def test_every_room_has_a_floor(folder):
    rooms = {room(name(path)) for path in FILES if name(path).startswith(f"{folder}/")} - {"__init__"}
    assert rooms == set().union(*FLOORS[folder])


@pytest.mark.parametrize("folder", FLOORS)
def test_inside_a_folder_imports_point_down_its_floors(folder):
    floor = {room: k for k, rooms in enumerate(FLOORS[folder]) for room in rooms}

    def up(path):
        for module in modules(path):
            if module.startswith(f"{folder}/") and room(module) != "__init__" and room(name(path)) != "__init__":
                same = room(module) == room(name(path))
                if not (same or floor[room(module)] < floor[room(name(path))] or floor[room(name(path))] == 0):
                    yield module

    assert not wrong(up, [path for path in FILES if path.relative_to(ROOT).parts[0] == folder])


def test_no_module_imports_itself_by_way_of_others():
    graph = {name(path): set(modules(path)) - {name(path)} for path in FILES}
    while leaves := {module for module, others in graph.items() if not others & graph.keys()}:
        graph = {module: others for module, others in graph.items() if module not in leaves}
    assert not graph, f"circles among {sorted(graph)}"


def test_imports_of_our_own_stand_at_the_top():
    def inside(path):
        found = (node for function in functions(path) for node in ast.walk(function))
        return (f"line {node.lineno}" for node in found if isinstance(node, ast.ImportFrom) and node.level)

    assert not wrong(inside, [path for path in FILES if name(path) not in LAZY])


def test_no_file_and_no_function_is_longer_than_a_reader_can_bear():
    def long(path):
        lines = len(path.read_text().splitlines())
        yield from (f"{lines} lines",) if lines > LONG.get(name(path), 350) else ()
        yield from (f.name for f in functions(path) if f.end_lineno - f.lineno >= 53)

    assert not wrong(long)


def test_no_production_command_imports_the_laboratory():
    laboratories = ("runners/lab/", "runners/bench/")
    for path in FILES:
        if not name(path).startswith((*laboratories, "runners/cli/measure.py", "runners/cli/main.py")):
            assert not [module for module in modules(path) if module.startswith("runners/lab/")], name(path)


def identifiers(path):
    """Every name that a file defines or uses."""
    for node in nodes(path):
        for field in ("id", "attr", "name", "arg"):
            if isinstance(value := getattr(node, field, None), str):
                yield value


def test_nothing_in_core_has_an_algorithms_name():
    def named(path):
        words = {word for text in (path.stem, *identifiers(path)) for word in text.lower().split("_")}
        return words & set(agents.names())

    assert not wrong(named, sorted((ROOT / "core").rglob("*.py")))


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
