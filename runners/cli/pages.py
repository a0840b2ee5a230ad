"""Commands that serve pages to the browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...core.errors import UsageError
from .arguments import Play, Watch
from .options import parse

if TYPE_CHECKING:
    from starlette.applications import Starlette


def watch(args: list[str]) -> int:
    """`gymnast watch` with these arguments; the exit code."""
    options = parse(Watch, args, "gymnast watch")
    with _web_needed():
        from ..web.watch import watch as page
    _serve(lambda host, token: page(options.folders, host, token), options.host, options.port)
    return 0


def play(args: list[str]) -> int:
    """`gymnast play` with these arguments; the exit code."""
    options = parse(Play, args, "gymnast play")
    if not options.browser:
        _in_terminal(options)
        return 0
    with _web_needed():
        from ..web import episodes, games
    if episodes.is_game(options.run, options.trust):
        from ..screen.play import opened

        given = options.run, options.simulations, options.second, options.checkpoint, options.trust
        _serve(lambda host, token: games.play(*opened(*given), host, token), options.host, options.port)
    else:
        how = options.run, options.checkpoint, options.stochastic, options.seed, options.trust
        _serve(lambda host, token: episodes.watch(*how, host, token), options.host, options.port)
    return 0


def _in_terminal(options: Play) -> None:
    from ...core.heads.sampling import Sampling
    from ..runs import run as runs
    from ..screen import play as games
    from ..screen import prompts

    run = runs.load(options.run / "run.json", options.trust)
    if prompts.writes(run):
        sampling = Sampling(options.temperature, options.top_k, options.top_p, options.min_p)
        given = options.prompt, options.tokens, options.seed
        prompts.play(run, options.run, options.checkpoint, sampling, *given)
    elif options.prompt is not None:
        raise UsageError(f"{runs.env_name(run.env)} is no environment of text; --prompt is for those")
    else:
        games.play(options.run, options.simulations, options.second, options.checkpoint, options.trust)


def _serve(page: Callable[[str, str | None], "Starlette"], host: str, port: int) -> None:
    """Serve what `page` makes for an address and a token, until Ctrl-C."""
    from ..web.serve import address, listening, new_token, run

    token = new_token(host)
    made = page(host, token)
    with listening(host, port) as found:
        print(f"open {address(found, token)}  (Ctrl-C stops)", flush=True)
        run(made, found)


@contextmanager
def _web_needed() -> Iterator[None]:
    """Tell how to install the server if it is missing."""
    try:
        yield
    except ImportError as problem:
        raise UsageError(f'pages need more packages ({problem.name}): pip install "gymnast[web]"') from problem
