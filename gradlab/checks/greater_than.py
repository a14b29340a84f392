"""Greater than another group."""

from gradlab.findings.estimates import Decision, Estimates, Where, apart, worst


def greater_than(estimates: Estimates, where: Where, wanted: Where) -> Decision:
    """The value is greater than that of other points, which differ in the labels given; intervals apart.

    low(here) > high(there),   for each point and its counterpart, with at least 3 seeds each, 6 for medians
    """
    verdicts = [
        apart(here, there)
        for here in estimates.at(where)
        for there in estimates.at({**here.where, **wanted})
        if here is not there
    ]
    return worst(verdicts)
