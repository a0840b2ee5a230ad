"""What a person looks at: pictures, games against the agent, curves, tables."""
