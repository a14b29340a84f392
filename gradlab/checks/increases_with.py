"""Larger along an axis."""

from gradlab.findings.samples import Axis, Samples, Verdict, Where, monotone


def increases_with(samples: Samples, where: Where, wanted: Axis) -> Verdict:
    """The value rises along an axis, for every setting of the others: the last is clearly above the first.

    low(last) > high(first),   and no point is clearly below an earlier one
    """
    return monotone(samples, where, wanted, rising=True)
