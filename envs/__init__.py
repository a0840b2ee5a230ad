"""Environments: anything with the face of a `gymnasium.vector.VectorEnv`."""
