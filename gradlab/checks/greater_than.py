"""Greater than another group."""

from gradlab.findings.samples import Samples, Verdict, Where, apart, worst


def greater_than(samples: Samples, where: Where, wanted: Where) -> Verdict:
    """The value is greater than that of other points, which differ in the labels given; intervals apart.

    low(here) > high(there),   for each point and its counterpart, with at least 3 seeds each, 6 for medians
    """
    verdicts = [
        apart(here, there)
        for here in samples.at(where)
        for there in samples.at({**here.where, **wanted})
        if here is not there
    ]
    return worst(verdicts)
