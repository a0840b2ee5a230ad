"""What a person or a program runs: the command line, training, evaluation, pictures, measurements."""
