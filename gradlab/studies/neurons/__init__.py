"""Cells on text: a character model, trained, and each of its units scored as a detector of labels."""
