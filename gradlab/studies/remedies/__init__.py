"""A comparison of remedies: every arm trained on one task at equal budget."""
