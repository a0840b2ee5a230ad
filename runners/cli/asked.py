"""From the words after `gymnast train` to the run that they ask for."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ... import agents
from ...core.errors import UsageError
from ...core.names import installed
from ..runs import run as runs
from ..runs.run import Run
from .options import chosen, env_args, parse, train_options, value


def asked(algo: str, env: str, flags: Sequence[str], prog: str) -> tuple[Run, Any]:
    """The run of an algorithm on an environment with the options `flags`, and these options."""
    if env in agents.names() and algo not in agents.names():
        raise UsageError(f"the algorithm comes first: {prog} {env} {algo}")
    rest, given = env_args(list(flags))
    source = value(rest, "--init-from", None)  # this and the preset decide what the defaults of the other options are
    base = runs.preset(algo, env, value(rest, "--preset", "auto"), init_from=source)
    plain = runs.preset(algo, env, "none", init_from=source)
    title = f"Train {algo} on {base.env} (preset: {base.preset})."
    options = parse(train_options(base, plain, title), rest, f"{prog} {algo} {env}")
    added = {name: {**getattr(base, name), **values} for name, values in given.items()}
    return dataclasses.replace(chosen(base, options), **added), options


def trusting(run: Run) -> bool:
    """Whether the file of a run names modules of the user's own, so that it is read with --trust alone."""
    module, _, name = str(run.env).partition(":")
    return run.net is not None or runs.names_folders(run) or (bool(name) and not installed(module))
