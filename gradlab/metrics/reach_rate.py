"""How fast the reach shrinks or grows."""

from gradlab.metrics._slope import Slope


class ReachRate(Slope):
    """Slope of log10 reach per step of lag.

    The median over the slopes of all pairs of lags, of the largest singular value of dreadout_T/dx_t:
    negative vanishes. Undefined with fewer than two norms that are known.
    """

    order = 110
    needs = quantity = "reach"
    heading = "reach"
    legend = "log10 of the reach per step of lag"
    note = "log10 of the reach per step of lag"
    axis = "rate of the reach (log10 per step of lag)"
