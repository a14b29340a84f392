"""Cells and steps of other people: of equinox and flax, plain functions, classes with `init` and `step`."""
