"""The run folder: its lock, its pieces while it runs, and its files, hostile until they are read."""
