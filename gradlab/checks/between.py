"""Between two numbers."""

from gradlab.findings.estimates import Decision, Estimate, Estimates, Where, decide


def between(estimates: Estimates, where: Where, wanted: tuple[float, float]) -> Decision:
    """The whole interval lies between two numbers, ends included, at every point."""
    least, most = wanted

    def judge(one: Estimate) -> Decision:
        inside, outside = (
            least <= one.low <= one.high <= most,
            one.high < least or one.low > most,
        )
        return decide(one, inside, outside, sides=2)

    return estimates.every(where, judge)
