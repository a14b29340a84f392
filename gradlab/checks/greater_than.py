"""Greater than another group."""

from gradlab.findings.estimates import Decision, Estimates, Where, apart, worst


def greater_than(estimates: Estimates, where: Where, wanted: Where) -> Decision:
    """The value is greater than that of other points, which differ in the labels given.

    means:     low(here) > high(there), the ends of their intervals, with at least 3 seeds each
    shares:    by Fisher's exact test, medians by that of Mann and Whitney, at 5 %, with at least 4 seeds each

    for each point and its counterpart.
    """
    verdicts = [
        apart(here, there)
        for here in estimates.at(where)
        for there in estimates.at({**here.where, **wanted})
        if here is not there
    ]
    return worst(verdicts)
