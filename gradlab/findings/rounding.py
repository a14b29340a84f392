"""What a format coarser than float32 may change in the numbers of a model as a whole, by rounding alone.

The limits of a comparison stand above what rounding changes in float32. Of a coarser format the same bound,
b(lag) = `profiles.bound`, relative and given the forward pass, says what is to be added to them:

log10 of the reach at a lag        b(lag) / ln 10
rate                               (b(0) + b(T - 1)) / ln 10 over T - 1 steps
lag by which it has fallen         (b(0) + b(T - 1)) / ln 10 over |rate|; T at most

A hard horizon and the states are structure, and have no room.
"""

import math
import re
from collections.abc import Iterable

from gradlab import probes
from gradlab.metrics import every
from gradlab.profiles import EPS, bound
from gradlab.quantities import LOGARITHMS


def within(metric: str, precision: str, T: int, rates: Iterable[float]) -> float:
    """How far rounding may move a metric of a sequence of T steps; 0 in float32 and finer.

    `rates` are those of the network on its sequences: the flattest decides how far a lag may move.

    >>> within("reach_rate", "float32", 12, [-0.3]), round(within("reach_rate", "float16", 12, [-0.3]), 3)
    (0.0, 0.017)
    """
    if EPS[precision] <= EPS["float32"]:
        return 0.0
    both = (bound(precision, 0) + bound(precision, T - 1)) / math.log(10)
    known = next((one for one in every() if one.name == metric), None)
    if known is not None and known.logarithm:
        return both / max(T - 1, 1)
    if known is not None:
        slope = min(map(abs, rates), default=0.0)
        return 0.0 if known.decades is None else min(both / slope, float(T)) if slope else float(T)
    column, _, at = metric.partition("[")
    lag = re.search(r"\blag=(\d{1,10})\b", at)
    if lag is None or not probes.named(column).unit.startswith(LOGARITHMS):
        return 0.0
    return bound(precision, int(lag[1])) / math.log(10)
