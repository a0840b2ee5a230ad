"""What README and docs print works as it is printed: commands, programs, links, tables of fields and of metrics."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
import pytest
from gymnasium import spaces

import gymnast
from gymnast import agents, envs
from gymnast.core.errors import UsageError
from gymnast.runners import bench, lab
from gymnast.runners.api import Learner
from gymnast.runners.cli import arguments, imitating, many, measure, options
from gymnast.runners.cli import tune as tuning
from gymnast.runners.cli.main import main
from gymnast.runners.runs import elsewhere
from gymnast.runners.runs import run as runs
from gymnast.runners.sweeps import children
from gymnast.runners.sweeps import many as conducting
from gymnast.runners.training import train as training
from gymnast.runners.tuning import tune

ROOT = Path(gymnast.__file__).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md"]
SITE = (ROOT / "mkdocs.yml").read_text()


def name(path):
    return path.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("path", PAGES, ids=name)


def blocks(path: Path, language: str) -> list[str]:
    """The blocks of code of a page in one language, but for those of another library."""
    found = re.findall(rf"^```{language}( [^\n]*)?\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    return [code for title, code in found if "gymnast" in title or not title]


def write_modules(path: Path, folder: Path) -> None:
    """The modules and presets that a page prints: blocks that begin with a comment that names their file."""
    for code in blocks(path, "python"):
        if module := re.match(r"# (\w+\.py)", code):
            (folder / module[1]).write_text(code)
    for code in blocks(path, "toml"):
        if file := re.match(r"# (\w+\.toml)", code):
            (folder / file[1]).write_text(code)


# Commands


SHELL = """
exec 3>&1
say() { { printf '%s\\0' "$@"; printf '\\n'; } >&3; }
gymnast() { say gymnast "$@"; }
for tool in cd git make pip pytest python sbx/bin/pip imitation/bin/pip tensorboard; do
  eval "$tool() { :; }"
done
"""
"""Instead of running a command, the shell writes its words, one line for each of ours."""


@cache
def commands(path: Path) -> list[list[str]]:
    """The words of every command `gymnast ...` of a page, as the shell expands them."""
    script = SHELL + "\n".join(blocks(path, "sh"))
    with TemporaryDirectory() as folder:
        done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [line.split("\0")[1:-1] for line in done.stdout.splitlines() if line.startswith("gymnast\0")]


TRACKERS = ("wandb", "mlflow")

OPTIONS = {
    "evaluate": arguments.Evaluate,
    "render": arguments.Render,
    "play": arguments.Play,
    "collect": imitating.Collect,
    "demos": imitating.Demonstrations,
    "prefer": imitating.Prefer,
    "imitate": imitating.Imitate,
    "plot": arguments.Plot,
    "report": arguments.Report,
    "watch": arguments.Watch,
    "list": arguments.List,
    "reproduce": many.Reproduce,
    "new": arguments.New,
    "check": arguments.Check,
    "lab": measure.Lab,
    "completion": arguments.Completion,
}


def understood(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a command as the command line does, without doing what it says."""
    command, *rest = words
    if command == "tune":
        searched(words, monkeypatch)
    elif command == "sweep" or "--seeds" in rest:
        planned_alone(words, monkeypatch)
    elif command == "train" and "--resume" not in rest and "--help" not in rest:
        begun = []
        for tracker in TRACKERS:  # whether they are installed is not the question
            monkeypatch.setitem(sys.modules, tracker, ModuleType(tracker))
        monkeypatch.setattr(
            training, "train", lambda run, *_: begun.append(run) or training.Result(None, 0, None, False)
        )
        with pytest.raises(SystemExit) as stop:
            main([*words, "--quiet"])
        assert not stop.value.code, words
        envs.resolve(begun[0].env)
    elif command == "train":
        assert "--help" in rest or options.parse(arguments.Resume, rest, "gymnast train")
    elif command == "bench":
        assert not rest or rest[0] in (*bench.SUITES, bench.LEARNING)
        kind = measure.Learning if rest[:1] == [bench.LEARNING] else measure.Bench
        options.parse(kind, rest[1:] if kind is measure.Learning else rest or ["ppo"], "gymnast bench")
    else:
        rest, _ = options.env_args(rest)
        parsed = options.parse(OPTIONS[command], rest or (["bias"] if command == "lab" else []), f"gymnast {command}")
        assert command != "lab" or parsed.experiment in lab.names()
        if getattr(parsed, "env", ""):
            envs.resolve(parsed.env)
        for named in (word for word in rest if word.startswith("gymnast.")):
            module, _, attribute = named.partition(":")
            assert callable(getattr(import_module(module), attribute))


def planned_alone(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a command that makes many runs, without making them."""
    if "--resume" in words:
        options.parse(many.SweepResume, words[1:], "gymnast sweep")
        return
    begun = []
    monkeypatch.setattr(children, "nursery", lambda: None)
    monkeypatch.setattr(conducting, "conduct", lambda plan, *_: begun.append(plan) or [])
    with pytest.raises(SystemExit) as stop:
        main([*words, "--quiet"])
    assert not stop.value.code, words
    assert len(begun[0]) > 1


def searched(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a command that searches, without searching."""
    if "--resume" in words:
        options.parse(tuning.TuneResume, words[1:], "gymnast tune")
        return
    begun = []
    monkeypatch.setattr(children, "nursery", lambda: None)
    monkeypatch.setattr(tune, "search", lambda plan, *_: begun.append(plan))
    with pytest.raises(SystemExit) as stop:
        main([*words, "--quiet"])
    assert stop.value.code == 130, words  # for it found nothing
    assert begun[0].space


ELSEWHERE = ("gymnasium_robotics", "mymodule:")
"""Modules that a reader is told to have."""


def alike(words: list[str]) -> str:
    """The words of a command without numbers and folders and, where it trains, without the environment and the preset.

    Commands that are alike are read alike.
    """
    told = [word for k, word in enumerate(words) if not (words[0] == "train" and k == 2)]
    return re.sub(r"--(seed|out|preset) \S+|\S*runs/\S*|--quiet| [\d.e+-]+[kM]?(?= |$)", "", " ".join(told))


@cache
def first_seen() -> dict[Path, list[list[str]]]:
    """The commands of each page that are unlike all before them."""
    seen: set[str] = set()
    found: dict[Path, list[list[str]]] = {}
    for path in PAGES:
        for words in commands(path):
            if alike(words) not in seen and not any(word.startswith(ELSEWHERE) for word in words):
                seen.add(alike(words))
                found.setdefault(path, []).append(words)
    return found


@pytest.fixture(name="beside")
def _beside(tmp_path, monkeypatch):
    """Goes to an empty folder, in which the modules of a page can be written and imported from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


LONG_LISTS = {"docs/results.md"}
"""Pages with the commands behind tables, which change seldom; that their environments and presets exist is quick."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.slow] if name(path) in LONG_LISTS else [], id=name(path)) for path in PAGES],
)
def test_the_command_line_understands_every_command(path, beside, monkeypatch):
    write_modules(path, beside)
    clone = runs.preset("bc", "CartPole-v1", "none")
    monkeypatch.setattr(runs, "load", lambda *_: clone)  # what a run begins with (--init-from) is not there
    for words in first_seen().get(path, []):
        try:
            understood(words, monkeypatch)
        except UsageError as problem:
            raise AssertionError(f"gymnast {shlex.join(words)}: {problem}") from problem


@each_page
def test_every_preset_and_environment_of_a_command_exists(path, beside):
    write_modules(path, beside)
    for words in commands(path):
        if words[0] == "train" and not words[1].startswith("-") and not any(w.startswith(ELSEWHERE) for w in words):
            envs.resolve(words[2])
            chosen = dict(pairwise(words)).get("--preset", "auto")
            assert chosen in (*runs.presets(words[1]), "auto", "none") or chosen.endswith(".toml"), words


_SHORT = ["--steps", "600", "--evals", "1", "--eval-episodes", "1"]
_FEW = ["--trials", "2", "--finalists", "1", "--seeds", "1"]
SMALL = {"train": _SHORT, "sweep": _SHORT, "tune": [*_SHORT, *_FEW], "evaluate": ["--episodes", "2"]}
"""Options that make a command short."""


def needed(words: list[str]) -> list[str]:
    """The folders that a command reads."""
    found = []
    for before, word in pairwise(words):
        recorded = before in ("demos", "--demos", "--init-from")
        if recorded or ("runs/" in word and before != "--out"):
            found.append(word)
    return found


TOTALS = count(700, 100)
"""Steps to which runs are resumed, each further than the one before."""
LONG = ("bench", "lab", "imitate", "play", "check", "watch", "new", "reproduce")


def run_small(words: list[str]) -> int:
    """Run a command, cut short; its exit code."""
    command, *rest = words
    cut = SMALL.get(command, [])
    if "--resume" in rest:
        cut = ["--steps", str(next(TOTALS))] if command == "train" else []
    rest = [path for word in rest for path in (existing(word) if re.search("[…*]", word) else [word])]
    for option in cut[::2]:
        if option in rest:
            del rest[rest.index(option) : rest.index(option) + 2]
    with pytest.raises(SystemExit) as stop:
        main([command, *rest, *cut])
    return int(stop.value.code or 0)


def existing(word: str) -> list[str]:
    """The folders that a word of a command stands for: all that match a `*`, or the latest whose end is left out."""
    found = sorted(Path().glob(re.sub("[…*]", "*", word)), key=lambda path: path.stat().st_mtime)
    return [str(path) for path in (found[-1:] if "…" in word else found)]


QUICK = {"train", "evaluate", "plot", "list"}


def test_the_first_commands_of_a_newcomer_run(beside):
    first = commands(ROOT / "docs/start.md")
    for words in first:
        if words[0] in QUICK and "--resume" not in words:
            assert run_small(words) == 0, words
    assert {"runs", "curves.svg"} <= {path.name for path in beside.iterdir()}
    logged = (beside / "runs/first/metrics.csv").read_text().splitlines()[0].split(",")
    assert set(logged) <= set(described())


@pytest.mark.slow
@each_page
def test_every_command_runs(path, beside):
    write_modules(path, beside)
    shapes: set[str] = set()
    for words in commands(path):
        if alike(words) in shapes or any(word.startswith(ELSEWHERE) for word in words):
            continue
        shapes.add(alike(words))
        if words[0] in LONG or "human" in words or any("model.zip" in word or "minari" in word for word in words):
            continue
        if any(find_spec(word) is None for word in words if word in TRACKERS):
            continue
        for option, word in pairwise(words):
            if option == "--env.file":
                Path(word).write_text("A text of one's own.\n" * 1000)
        if all(existing(word) for word in needed(words)):
            assert run_small(words) in (0, 130), words


# Programs


@pytest.fixture(name="small")
def _small(monkeypatch):
    """Programs learn a little and play a little."""
    learn, evaluate, train = Learner.learn, Learner.evaluate, training.train
    monkeypatch.setattr(Learner, "learn", lambda self, steps, **more: learn(self, min(steps, 512), **more))
    monkeypatch.setattr(Learner, "evaluate", lambda self, episodes=2, **more: evaluate(self, min(episodes, 2), **more))
    short = {"steps": 512, "evals": 1, "eval_episodes": 1}
    monkeypatch.setattr(training, "train", lambda run, *more: train(replace(run, **short), *more))


OPTIONAL = {"Wandb": "wandb", "onnx": "onnxruntime", "sb3": "stable_baselines3"}
"""Words in a program, and the packages that these need and that may be missing."""


@each_page
def test_every_program_runs(path, small, beside):
    write_modules(path, beside)
    names: dict[str, object] = {"__name__": "__main__"}
    for code in blocks(path, "python"):
        missing = any(word in code and find_spec(package) is None for word, package in OPTIONAL.items())
        if not re.match(r"# \w+\.py", code) and not missing:
            exec(compile(code, name(path), "exec"), names)


@pytest.mark.slow
def test_every_program_of_stable_baselines3_runs(tmp_path, monkeypatch):
    algorithm = pytest.importorskip("stable_baselines3.common.on_policy_algorithm").OnPolicyAlgorithm
    learn = algorithm.learn
    monkeypatch.setattr(
        algorithm, "learn", lambda self, total_timesteps, **more: learn(self, min(total_timesteps, 512), **more)
    )
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/from-sb3.md").read_text()
    for code in re.findall(r'^```python title="Stable-Baselines3"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        exec(code.replace("n_eval_episodes=100", "n_eval_episodes=2"), {})


# Tables


@cache
def written_by(script: str):
    """A script of the folder docs as a module."""
    spec = spec_from_file_location(script, ROOT / f"docs/{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted((ROOT / "docs/algorithms").glob("*.md")), ids=name)
def test_the_tables_of_fields_are_those_of_the_code(path):
    assert written_by("fields").filled(path.read_text()) == path.read_text(), "run: python docs/fields.py"


def test_the_names_on_the_page_of_grpo_are_the_presets_of_these_names():
    page = (ROOT / "docs/algorithms/grpo.md").read_text()
    rows = re.findall(r"^\| .*\(`--preset (\w+)`\) \| (.+) \|$", page, re.MULTILINE)
    told = {name: dict(re.findall(r"`(\w+) (\S+)`", fields)) for name, fields in rows}
    tables = {name: table for name, table in runs.presets("grpo").items() if table.get("envs") == []}
    assert told == {name: {k: str(x).lower() for k, x in table["agent"].items()} for name, table in tables.items()}


def test_every_algorithm_has_a_table_of_fields_or_is_said_to_have_anothers():
    tabled = {found for page in PAGES for found in re.findall(r"<!-- fields of (\w+) -->", page.read_text())}
    assert set(agents.names()) - tabled == {"ddpg"}, "write docs/algorithms/NAME.md"
    td3, ddpg = (agents.load(algo).Config() for algo in ("td3", "ddpg"))
    other = {f.name: getattr(ddpg, f.name) for f in fields(ddpg) if getattr(ddpg, f.name) != getattr(td3, f.name)}
    assert other == {"critics": 1, "policy_delay": 1, "smoothing": 0.0}


KINDS = {
    "Discrete": [spaces.Discrete(3)],
    "MultiDiscrete, MultiBinary": [spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(3)],
    "Box, finite": [spaces.Box(-1, 1, (2,))],
    "Box, unbounded": [spaces.Box(-np.inf, np.inf, (2,))],
}


def takes(algo: str, action: spaces.Space, masked: bool = False) -> bool:
    """Whether an algorithm makes an agent for such actions."""
    module = agents.load(algo)
    seen: spaces.Space = spaces.Discrete(5) if algo == "tabular" else spaces.Box(-1, 1, (4,))
    if masked:
        seen = spaces.Dict({"observation": seen, "action_mask": spaces.MultiBinary(3)})
    try:
        module.Agent(seen, action, module.Config())
    except UsageError:
        return False
    return True


@pytest.mark.parametrize("algo", [algo for algo in agents.names() if algo != "alphazero"])
def test_the_table_of_algorithms_says_what_each_takes(algo):
    text = (ROOT / "docs/choose.md").read_text()
    (row,) = re.findall(rf"^\| `{algo}` \| ((?:yes|no).*) \|$", text, re.MULTILINE)
    told = [cell == "yes" for cell in row.split(" | ")[:5]]
    assert told == [
        *(all(takes(algo, space) for space in kind) for kind in KINDS.values()),
        takes(algo, spaces.Discrete(3), masked=True),
    ]


GROUPS = "answer|episode|eval|gate|gradient|imitation|loss|past|policy|preference|resign|search|speed|strength"
GROUPS += "|validation|value"
METRIC = re.compile(rf"({GROUPS})/[a-z0-9_<>]+(?<!_)")


def logged() -> Iterator[tuple[str, str]]:
    """Every metric that a string of the code names, with its file; <> stands for what is put in when it runs."""
    rooms = ("agents", "core/learn", "core/games", "runners/training", "runners/evaluation")
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Constant(value=str(text)) if METRIC.fullmatch(text):
                    yield text, name(path)
                case ast.JoinedStr():
                    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "<>" for part in node.values)
                    if METRIC.fullmatch(text):
                        yield text, name(path)


def described() -> list[str]:
    """The metrics that the page describes: the first cell of every row."""
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert "step" in rows
    return rows


def test_every_metric_is_described_and_every_description_is_of_a_metric():
    told = {text for text in described() if text != "step"}
    known = {text for text, _ in logged()}
    patterns = [re.compile(re.escape(text).replace("<>", ".+")) for text in known]
    fixed = {text for text in known if "<>" not in text}
    assert fixed <= told, [(text, file) for text, file in logged() if text in fixed - told]
    assert not [text for text in told if not any(pattern.fullmatch(text) for pattern in patterns)]
    for pattern in patterns:
        assert any(pattern.fullmatch(text) for text in told), pattern


def test_the_names_that_stand_beside_those_of_other_libraries_are_ours():
    config = {f.name for algo in agents.names() for f in fields(agents.load(algo).Config)}
    ours = config | {f.name for f in fields(runs.Run)}
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", (ROOT / "docs/from-sb3.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    assert not [name for _, name in rows if name not in ours]
    named = dict(rows)
    assert not {theirs for theirs, names in elsewhere.ELSEWHERE.items() if named[theirs] not in (theirs, *names)}


# Links


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """What a link into a page may end with."""
    heads = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE), re.M
    )
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", LINKED, ids=name)
def test_every_link_inside_the_repository_leads_somewhere(path):
    text = re.sub(r"`[^`\n]+`", "", prose(path))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith("http"):
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), link
            if anchor:
                page = ROOT / "CONTRIBUTING.md" if target.name == "contributing.md" else target
                assert anchor in anchors(page), link


def test_the_site_shows_every_page():
    shown = set(re.findall(r"[\w/-]+\.md", SITE))
    assert shown == {path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.parent != ROOT}


def test_the_site_describes_every_public_name():
    page = (ROOT / "docs/api.md").read_text()
    assert not [public for public in gymnast.__all__ if f"gymnast.{public}`" not in page]
    for described in re.findall(r"^::: (\S+)$", page, re.MULTILINE):
        module, _, attribute = described.rpartition(".")
        assert hasattr(import_module(module), attribute), described
