"""`gymnast new`: a small environment, game or agent to change step by step, with a test; it runs as it is written."""

import re
from importlib.util import find_spec
from pathlib import Path

from ... import agents
from ...core.errors import UsageError

_ROOT = Path(__file__).parents[2]
_TEMPLATES = Path(__file__).with_name("templates")
_PRINTED = {  # kind of block in CONTRIBUTING.md, and how it begins
    "agents/{}.py": ("python", '"""CEM'),
    "configs/{}.toml": ("toml", '["CartPole-v1"]'),
    "tests/agents/test_{}.py": ("python", "import numpy as np\n\nimport gymnast\n"),
}


def new(what: str, name: str) -> list[str]:
    """Write the files; what to do next, line by line.

    Raises:
        UsageError: if the name is none for a module, or is taken, or an agent's files have no place here.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r} is no name for a module: small letters, digits and _, as in my_{what}")
    title = "".join(word.capitalize() for word in name.split("_"))
    files = _agent(name) if what == "agent" else _own(what, name, title)
    for path in files:
        if path.exists():
            raise UsageError(f"{path} exists already; give another name")
    for path, text in files.items():
        try:
            path.write_text(text)
        except OSError as problem:
            raise UsageError(f"cannot write {path}: {problem.strerror}") from problem
    return [f"wrote {path}" for path in files] + ["", "try:", *(f"  {line}" for line in _next(what, name, title))]


def _own(what: str, name: str, title: str) -> dict[Path, str]:
    """The files of an environment or a game, in the current folder, with their texts."""
    if not Path(f"{name}.py").exists() and find_spec(name):
        raise UsageError(f"{name} is the name of a module that Python has already; give another one")
    written = {Path(f"{name}.py"): f"{what}.py.txt", Path(f"test_{name}.py"): f"test_{what}.py.txt"}
    texts = {path: (_TEMPLATES / template).read_text() for path, template in written.items()}
    return {path: text.replace("NAME", name).replace("TITLE", title) for path, text in texts.items()}


def _agent(name: str) -> dict[Path, str]:
    """The files of an agent, in the source tree: the one that CONTRIBUTING.md prints, under another name."""
    guide = _ROOT / "CONTRIBUTING.md"
    if not guide.is_file():
        raise UsageError("an agent is a file of gymnast itself: clone its repository, `make setup`, and ask there")
    if name in agents.names():
        raise UsageError(f"there is an agent {name} already; give another name")
    text = guide.read_text()
    found = {}
    for path, (language, start) in _PRINTED.items():
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        (block,) = (block for block in blocks if block.startswith(start))
        found[_ROOT / path.format(name)] = re.sub(r"\bcem\b", name, block)
    return found


def _next(what: str, name: str, title: str) -> list[str]:
    if what == "env":
        named = f"{name}:{title}"
        return [f"gymnast check {named}", f"gymnast train ppo {named} --steps 20k", f"pytest test_{name}.py"]
    if what == "game":
        train = f"gymnast train alphazero {name}:GAME --steps 5000 --out runs/{name}"
        return [train, f"gymnast play runs/{name}", f"pytest test_{name}.py"]
    return [f"gymnast train {name} CartPole-v1", f"pytest tests/agents/test_{name}.py", "and read CONTRIBUTING.md"]
