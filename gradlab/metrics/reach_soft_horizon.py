"""Where the reach has fallen by a factor of a thousand."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import SOFT


class ReachSoftHorizon(Fall):
    """Lag by which the reach has fallen by 10^3.

    The first lag at which the largest singular value of dreadout_T/dx_t is 10^-3 of what it is at lag 0,
    interpolated in log10. Undefined where lag 0 has no norm.
    """

    order = 112
    needs = quantity = "reach"
    decades = SOFT
    heading = "r.soft"
    legend = "lags by which the reach has fallen| by 10^3"
    note = "lag by which the reach has fallen by 10^3"
    panel = ""
