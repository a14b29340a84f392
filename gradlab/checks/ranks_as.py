"""An order of groups."""

import itertools

from gradlab.findings.samples import Order, Samples, Verdict, Where, apart, worst


def ranks_as(samples: Samples, where: Where, wanted: Order) -> Verdict:
    """The labels of an axis, named from the greatest value to the least, come in that order; intervals apart.

    low(k-th) > high(k+1-th),   for every setting of the other axes
    """
    ((axis, labels),) = wanted.items()
    groups = [samples.at({**where, axis: label}) for label in labels]
    return worst([apart(*pair) for row in zip(*groups, strict=True) for pair in itertools.pairwise(row)])
