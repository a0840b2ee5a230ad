"""Spaces: how observations are laid out in memory, how actions reach environments, spaces as JSON."""
