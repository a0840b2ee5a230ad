"""Runs: what determines one, and its folder."""
