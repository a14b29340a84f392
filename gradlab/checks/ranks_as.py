"""An order of groups."""

import itertools

from gradlab.findings.estimates import Decision, Estimates, Order, Where, apart, worst


def ranks_as(estimates: Estimates, where: Where, wanted: Order) -> Decision:
    """The labels of an axis, named from the greatest value to the least, come in that order.

    Each is greater than the next, as `greater_than` has it, for every setting of the other axes.
    """
    ((axis, labels),) = wanted.items()
    groups = [estimates.at({**where, axis: label}) for label in labels]
    return worst([apart(*pair) for row in zip(*groups, strict=True) for pair in itertools.pairwise(row)])
