"""Smaller along an axis."""

from gradlab.findings.samples import Axis, Samples, Verdict, Where, monotone


def decreases_with(samples: Samples, where: Where, wanted: Axis) -> Verdict:
    """The value falls along an axis, for every setting of the others: the last is clearly below the first.

    high(last) < low(first),   and no point is clearly above an earlier one
    """
    return monotone(samples, where, wanted, rising=False)
