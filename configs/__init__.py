"""Presets: one TOML file per algorithm, one table per task."""
