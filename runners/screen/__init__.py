"""Output for a person: pictures, games against the agent, curves, tables."""
