"""Above a number."""

from gradlab.findings.estimates import Decision, Estimates, Where, decide


def above(estimates: Estimates, where: Where, wanted: float) -> Decision:
    """The whole interval lies above a number, at every point."""
    return estimates.every(where, lambda one: decide(one, one.low > wanted, one.high <= wanted))
