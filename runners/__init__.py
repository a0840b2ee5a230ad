"""Programs that a person or a script runs: the command line, training, evaluation, pictures, measurements."""
