"""What a run's numbers say: of its claims, of a baseline, of another run."""
