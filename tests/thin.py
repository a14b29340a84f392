"""Many of a kind: a few of them in every test run, the rest with the slow tests."""

import pytest


def few(some, kept):
    """All parameters; those that are not among `kept` (or that it does not hold for) are slow tests."""
    holds = kept if callable(kept) else lambda one: one in kept
    return [one if holds(one) else pytest.param(*_several(one), marks=pytest.mark.slow) for one in some]


def _several(one):
    return one if isinstance(one, tuple) else (one,)
