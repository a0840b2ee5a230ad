"""`gymnast prefer`: which of several answers is better, by rewards or by a person in the terminal."""

from .imitating import Prefer
from .options import parse


def prefer(args: list[str]) -> int:
    """`gymnast prefer` with these arguments; the exit code."""
    options = parse(Prefer, args, "gymnast prefer")
    from ..imitation.demonstrations import summary
    from ..imitation.prefer import prefer as preferred

    names = ("judge", "answers", "temperature", "error", "seed", "append", "trust")
    chosen = {name: getattr(options, name) for name in names}
    if options.judge == "me":
        print("1 or 2 for the better one; Enter for neither; q to end")
    ask = _which_is_better if options.judge == "me" else None
    recorded = preferred(options.run, options.out, options.pairs, **chosen, ask=ask)
    if not options.quiet:
        print(summary(recorded) + "\n")
        for algo in ("reward_model", "dpo"):
            print(f"  gymnast train {algo} {recorded.env} --demos {options.out} --init-from {options.run}")
    return 0


def _which_is_better(question: str, texts: list[str]) -> int | None:
    """The place of the better one of two answers, as a person says; None for neither.

    Raises:
        EOFError: at the end of the input, or if the person has had enough.
    """
    print(f"\n{question}", *(f"  {number}  {text}" for number, text in enumerate(texts, 1)), sep="\n")
    while (said := input("better: ").strip().lower()) not in ("", "1", "2"):
        if said in ("q", "quit"):
            raise EOFError
        print("1, 2, Enter for neither, or q to end")
    return int(said) - 1 if said else None
