"""Twins of readable losses with their gradients written out."""
