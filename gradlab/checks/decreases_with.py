"""Smaller along an axis."""

from gradlab.findings.estimates import Axis, Decision, Estimates, Where, monotone


def decreases_with(estimates: Estimates, where: Where, wanted: Axis) -> Decision:
    """The value falls along an axis, for every setting of the others: the last is clearly below the first.

    high(last) < low(first),   and no point is clearly above an earlier one
    """
    return monotone(estimates, where, wanted, rising=False)
