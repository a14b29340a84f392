"""Below a number."""

from gradlab.findings.estimates import Decision, Estimates, Where, decide


def below(estimates: Estimates, where: Where, wanted: float) -> Decision:
    """The whole interval lies below a number, at every point."""
    return estimates.every(where, lambda one: decide(one, one.high < wanted, one.low >= wanted))
