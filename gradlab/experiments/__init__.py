"""Experiments: one TOML file per question, with what to run for it and what is claimed."""
