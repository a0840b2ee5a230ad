"""Pieces of jitted code that every floor above uses: compiling, random numbers, activations, greedy choice."""
