"""What the data at hand decide by themselves: tests by exchange, and the jackknife; in NumPy or JAX."""

from typing import Any

from gradlab.stats import WRONG

TIE = 1e-4
"""Outcomes that differ by less, relatively, are equal: in both precisions the same."""
ROUNDED = 1e-6
"""How far a share of outcomes may be off in float32."""


def chance(seen: Any, others: Any) -> Any:
    """The share of outcomes that are at least as large as the one seen, itself among them; by the first axis.

    (1 + #{others >= seen}) / (1 + #others),   where what is a `TIE` less is equal, too

    Where the one seen and the others are equally likely in any order, it is at most 5 % in 5 % of all cases
    or fewer, for every law and every number of others.

    >>> import numpy as np
    >>> chance(np.float64(3), np.arange(19.0))
    np.float64(0.85)

    Reference: Dwass 1957, Modified randomization tests for nonparametric hypotheses.
    """
    least = seen - TIE * abs(seen)
    return (1 + (others >= least).astype(others.dtype).sum(0)) / (1 + len(others))


def rare(chance: Any) -> Any:
    """Whether a chance is at most `WRONG`, one that is not a number never.

    >>> rare(1 / 20), rare(1 / 19), rare(float("nan"))
    (True, False, False)
    """
    return chance <= WRONG + ROUNDED


def jackknife(without: Any) -> Any:
    """The standard error of an estimate, from its values without each of n observations; by the first axis.

    sqrt((n - 1)/n sum_i (v_i - mean v)^2);   of a mean it is s / sqrt(n)

    >>> import numpy as np
    >>> round(float(jackknife(np.array([2.5, 2.0, 1.5]))), 6)  # The means of 1, 2, 3 without each.
    0.57735

    Reference: Tukey 1958, Bias and confidence in not-quite large samples.
    """
    n = len(without)
    away = without - without.mean(0)[None]
    return ((n - 1) / n * (away * away).sum(0)) ** 0.5
