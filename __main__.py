"""The command line, as `python -m gymnast`."""

from .runners.cli.main import main

if __name__ == "__main__":
    main()
