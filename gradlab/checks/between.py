"""Between two numbers."""

from gradlab.findings.estimates import Decision, Estimates, Where, within


def between(estimates: Estimates, where: Where, wanted: tuple[float, float]) -> Decision:
    """The whole interval lies between two numbers, ends included, at every point."""
    return estimates.every(where, lambda one: within(one, *wanted))
