"""Larger along an axis."""

from gradlab.findings.estimates import Axis, Decision, Estimates, Where, monotone


def increases_with(estimates: Estimates, where: Where, wanted: Axis) -> Decision:
    """The value rises along an axis, for every setting of the others: the last is clearly above the first.

    low(last) > high(first),   and no point is clearly below an earlier one
    """
    return monotone(estimates, where, wanted, rising=True)
