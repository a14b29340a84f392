"""Where the reach has halved."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import HALF


class ReachHalfLife(Fall):
    """Lag by which the reach has halved.

    The first lag at which the largest singular value of dreadout_T/dx_t is half of what it is at lag 0,
    interpolated in log10. Undefined where lag 0 has no norm.
    """

    order = 111
    needs = quantity = "reach"
    decades = HALF
    heading = "r.half"
    legend = "lags by which the reach has fallen| by 2"
    note = "lag by which the reach has fallen by 2"
    panel = ""
