"""Demonstrations: recorded, exchanged, and how many of them imitation takes."""
